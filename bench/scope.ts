// What a bench has made and must take away again, whatever happens: success, failure, Ctrl-C.
import { printProgress } from "./report.ts";

/** Ended by a signal. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(name: "SIGINT" | "SIGTERM" | "SIGHUP") {
    super(`stopped by ${name}`);
    this.name = "Interrupted";
    this.exitCode = 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[name];
  }
}

interface Undo {
  readonly what: string;
  readonly run: () => Promise<void> | void;
}

export class Scope {
  readonly #undos: Undo[] = [];
  #interruption: Interrupted | undefined;

  /** Runs `run` when the bench ends, in reverse order. Say it before making: what is half made must go too. */
  defer(what: string, run: () => Promise<void> | void): void {
    this.#undos.push({ what, run });
  }

  /** For loops: a bench that was stopped begins nothing new. @throws Interrupted */
  check(): void {
    if (this.#interruption !== undefined) throw this.#interruption;
  }

  interrupt(reason: Interrupted): void {
    this.#interruption ??= reason;
  }

  /** @returns what could not be taken away */
  async undoAll(): Promise<string[]> {
    const failed: string[] = [];
    for (const { what, run } of this.#undos.splice(0).reverse()) {
      try {
        await run();
      } catch (error) {
        failed.push(`${what}: ${error instanceof Error ? error.message : error}`);
      }
    }
    return failed;
  }
}

/** Runs `work` and undoes what it deferred. @throws Interrupted, what `work` throws, and Error when something could not be undone */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = new Scope();
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const listeners = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((name) => {
    const listener = () => {
      const reason = new Interrupted(name);
      scope.interrupt(reason);
      reject(reason);
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  let left: string[] = [];
  try {
    const working = work(scope);
    // After an interruption nobody waits for it: its processes are taken from under it.
    working.catch(() => {});
    return await Promise.race([working, interrupted]);
  } finally {
    left = await scope.undoAll();
    for (const forget of listeners) forget();
    for (const what of left) printProgress(`not cleaned up: ${what}`);
    if (left.length > 0) process.exitCode = 1;
  }
}
