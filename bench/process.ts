// Child processes of a bench: started, waited for, asked, ended. Each is known by its own handle; nothing is ended by name.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const stopBoundMs = 15_000;
const killBoundMs = 5_000;
const keptLines = 20;
/** Kernel ticks of /proc/<pid>/stat in a second: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export interface ProcessOptions {
  /** What it is, for messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its whole environment but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptor for its standard output; `ignore` unless told. */
  readonly stdout?: number | "ignore";
  /** Whether it is a script of the bench, which can be asked. */
  readonly hasChannel?: boolean;
}

/** A TypeScript file of the bench, run by the Node that runs us. */
export function benchScript(file: string, ...args: string[]): Pick<ProcessOptions, "command" | "args" | "hasChannel"> {
  return { command: process.execPath, args: [join(import.meta.dirname, file), ...args], hasChannel: true };
}

export class BenchProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  readonly #ended: Promise<string>;
  #hasEnded = false;

  /** The last lines that it writes on standard error are kept for messages. */
  constructor({ name, command, args, env = {}, stdout = "ignore", hasChannel = false }: ProcessOptions) {
    this.#name = name;
    const path = { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin" };
    this.#child = spawn(command, [...args], {
      env: { ...path, ...env },
      stdio: ["ignore", stdout, "pipe", ...(hasChannel ? (["ipc"] as const) : [])],
      serialization: "advanced",
    });
    if (this.#child.stderr !== null) createInterface(this.#child.stderr).on("line", (line) => this.#hear(line));
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve(error.message));
      this.#child.once("exit", (code, signal) => resolve(code === null ? `${signal}` : `exit code ${code}`));
    });
    void this.#ended.then(() => {
      this.#hasEnded = true;
    });
  }

  /** Waits for a line on standard error. @throws Error when it does not come in time, or the process ends */
  async waitForLine(pattern: RegExp, boundMs: number): Promise<RegExpExecArray> {
    const { promise, resolve } = Promise.withResolvers<RegExpExecArray>();
    const listener = (line: string) => {
      const match = pattern.exec(line);
      if (match !== null) resolve(match);
    };
    this.#listeners.add(listener);
    this.#lines.forEach(listener);
    try {
      return await this.#unlessItEnds(within(promise, boundMs, `it did not say ${pattern} within ${boundMs} ms`));
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** Sends a message and gives the next one that comes back. @throws Error when none comes in time, or the process ends */
  async ask<T>(message: object, boundMs: number): Promise<T> {
    const answer = once(this.#child, "message").then(([reply]) => reply as T);
    this.#child.send(message);
    return await this.#unlessItEnds(within(answer, boundMs, `no answer within ${boundMs} ms`));
  }

  /** What somebody else does with the process: fails at once when it ends. @throws Error, and what the work throws */
  async whileItRuns<T>(work: Promise<T>): Promise<T> {
    return await this.#unlessItEnds(work);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** As cpuMsOf. */
  cpuMs(): number {
    return cpuMsOf(this.pid);
  }

  /** SIGTERM, then SIGKILL. Fine when it has ended. @throws Error when it does not end */
  async stop(): Promise<void> {
    for (const [signal, boundMs] of [
      ["SIGTERM", stopBoundMs],
      ["SIGKILL", killBoundMs],
    ] as const) {
      if (this.#hasEnded) return;
      this.#child.kill(signal);
      await within(this.#ended, boundMs, "").catch(() => {});
    }
    if (!this.#hasEnded) throw new Error(`${this.#name} (pid ${this.#child.pid}) does not end`);
  }

  async #unlessItEnds<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {});
    const end = this.#ended.then((how) => {
      const said = this.#lines.map((line) => `\n  | ${line}`).join("");
      throw new Error(`${this.#name} ended (${how})${said}`);
    });
    return await Promise.race([work, end]);
  }

  #hear(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > keptLines) this.#lines.shift();
    for (const listener of this.#listeners) listener(line);
  }
}

/** User and system time of a process so far, of all its threads, in milliseconds. 0 when it has ended. */
export function cpuMsOf(pid: number): number {
  return timesOf(pid).ownMs;
}

/** As cpuMsOf, of the processes that it has started and that have ended. */
export function childrenCpuMsOf(pid: number): number {
  return timesOf(pid).childrenMs;
}

function timesOf(pid: number): { readonly ownMs: number; readonly childrenMs: number } {
  try {
    // The name in parentheses may hold blanks; utime, stime, cutime, cstime are fields 12 to 15 behind it (proc_pid_stat(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    const [own, system, children, childrenSystem] = fields.slice(11, 15).map(Number);
    const msOf = (ticks = 0, more = 0) => ((ticks + more) * 1_000) / ticksPerSecond;
    return { ownMs: msOf(own, system), childrenMs: msOf(children, childrenSystem) };
  } catch {
    return { ownMs: 0, childrenMs: 0 };
  }
}

/** @throws Error with the complaint when the time is up */
export async function within<T>(promise: Promise<T>, boundMs: number, complaint: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(complaint)), boundMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Memory of a process that is in RAM now, in MiB (proc_pid_status(5)). @throws Error when it has ended */
export function residentMiB(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) / 1_024;
}
