// What a server knows of its strongSwan: tried in the background when it starts, and not again while the build that passed is there.
// Whoever needs to know waits for what it needs, and for no more.
import { join } from "node:path";
import { ViciError } from "../../../vici/errors.ts";
import { DataplaneError } from "../../dataplane.ts";
import { findCharon } from "../charon-process.ts";
import type { Esp } from "../esp.ts";
import { CommandError } from "../ip.ts";
import type { Names } from "../names.ts";
import { type Stage, stageOf, withStage } from "../stage.ts";
import { hasPassed, markBuild, writePassed } from "./build.ts";
import { type Ability, missingOf } from "./choices.ts";
import { tryAbilities } from "./trial.ts";

interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export class Trials {
  readonly #stage: Stage;
  /** Empty after a boot. */
  readonly #runDir: string;
  readonly #log: Log;
  readonly #end = new AbortController();
  readonly #proved = new Set<Ability>();
  #failed: readonly Ability[] = [];
  #running: Promise<void> | undefined;
  #progress = Promise.withResolvers<void>();

  constructor(names: Names, log: Log) {
    this.#stage = stageOf(names, "trial");
    this.#runDir = names.runDir;
    this.#log = log;
  }

  /** Begins. Nobody has to wait for it. */
  begin(esp: Esp): void {
    this.#running ??= this.#run(esp).finally(() => {
      this.#running = undefined;
      this.#moveOn();
    });
  }

  /** Which of these the machine's strongSwan cannot do; none while it could not be tried. */
  async findMissing(wanted: readonly Ability[]): Promise<Ability[]> {
    while (this.#running !== undefined && !wanted.every((ability) => this.#proved.has(ability))) {
      await this.#progress.promise;
    }
    return wanted.filter((ability) => this.#failed.includes(ability));
  }

  /** Ends a trial that runs, and clears it away. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #run(esp: Esp): Promise<void> {
    const passedFile = join(this.#runDir, `strongswan-passed-${esp}.json`);
    try {
      const hasNothingToTry = await hasPassed(passedFile);
      await withStage(this.#stage, async () => {
        if (!hasNothingToTry) await this.#try(esp, passedFile);
      });
    } catch (error) {
      if (!(error instanceof Error) || !isOfMachine(error)) throw error;
      this.#log.warn({ reason: error.message }, "what strongSwan can do here could not be tried");
    }
  }

  async #try(esp: Esp, passedFile: string): Promise<void> {
    const beginMs = performance.now();
    const onProved = (ability: Ability) => {
      this.#proved.add(ability);
      this.#moveOn();
    };
    const { signal } = this.#end;
    const tryAll = () => tryAbilities(this.#stage, esp, { onProved, signal });
    await tryAll();
    // A busy machine may lose what works: only what fails twice is believed.
    if (!signal.aborted && missingOf(this.#proved).length > 0) await withStage(this.#stage, tryAll);
    if (signal.aborted) return;
    const tookMs = Math.round(performance.now() - beginMs);
    this.#failed = missingOf(this.#proved);
    if (this.#failed.length === 0) {
      this.#log.info({ tookMs }, "strongSwan can do every algorithm here");
      const pid = await findCharon(this.#stage[0]);
      if (pid !== undefined) await writePassed(passedFile, await markBuild(pid));
    } else {
      this.#log.warn({ tookMs, failed: this.#failed }, "strongSwan cannot do this here; `culvert doctor` tells why");
    }
  }

  #moveOn(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }
}

/** What the machine or charon refused: a trial that cannot be made takes nothing from anybody. */
function isOfMachine(error: Error): boolean {
  const kinds = [ViciError, CommandError, DataplaneError];
  return "syscall" in error || kinds.some((kind) => error instanceof kind);
}
