// Transactions that wait for their turn, in the order in which they were asked for. Those that wait at the same moment share one commit.
import type { Durability } from "./database.ts";
import { isFull, StoreError } from "./errors.ts";
import type { Db } from "./store.ts";

/** A transaction that was asked for. */
export interface Job {
  readonly durability: Durability;
  readonly run: (db: Db) => Promise<void>;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
}

export interface WriteQueueOptions {
  /** How long a transaction that is to be safe `later` waits for company; 0: not at all. */
  readonly lingerMs: number;
  /** How long it waits, again and again for `lingerMs`, while other threads write. */
  readonly longestLingerMs: number;
  /** As Database has it. */
  readonly countTurns: () => number;
  /** Carries out jobs in one transaction. @returns those that were refused, each with its reason. @throws when none was committed */
  readonly commit: (jobs: readonly Job[]) => Promise<ReadonlyMap<Job, unknown>>;
  /** Told when the queue has nothing left to do. */
  readonly onIdle: () => void;
}

/** How many transactions may share one commit. More would hold up others for longer. */
const maxSharedCommit = 64;

export class WriteQueue {
  readonly #options: WriteQueueOptions;
  readonly #jobs: Job[] = [];
  #worker: Promise<void> | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  add(job: Job): void {
    const { lingerMs, longestLingerMs } = this.#options;
    this.#jobs.push(job);
    if (job.durability === "at-once" || lingerMs === 0) this.#wake();
    else if (this.#lingering === undefined) this.#linger(performance.now() + longestLingerMs);
  }

  /** A commit makes the other threads' connections forget all pages they have read: it is put off while they write. */
  #linger(untilMs: number): void {
    const { lingerMs, countTurns } = this.#options;
    const before = countTurns();
    this.#lingering = setTimeout(() => {
      const isQuiet = countTurns() === before;
      if (isQuiet || performance.now() >= untilMs) this.#wake();
      else this.#linger(untilMs);
    }, lingerMs);
  }

  /** Carries out what was asked for; waits for nobody more. */
  async drain(): Promise<void> {
    this.#wake();
    await this.#worker;
  }

  #wake(): void {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#worker ??= this.#workOff();
  }

  async #workOff(): Promise<void> {
    // One turn of the event loop: requests that arrived together are read together.
    await new Promise(setImmediate);
    while (this.#jobs.length > 0) {
      await this.#commit(this.#jobs.splice(0, maxSharedCommit));
      await new Promise(setImmediate);
    }
    this.#worker = undefined;
    this.#options.onIdle();
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    let refused: ReadonlyMap<Job, unknown>;
    try {
      refused = await this.#options.commit(jobs);
    } catch (cause) {
      const failure = tellFailure(cause);
      for (const job of jobs) job.fail(failure);
      return;
    }
    for (const job of jobs) {
      if (refused.has(job)) job.fail(refused.get(job));
      else job.settle();
    }
  }
}

function tellFailure(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  return isFull(cause)
    ? new StoreError("full", "there is no space for the change", { cause })
    : new StoreError("unavailable", "the database did not take the change", { cause });
}
