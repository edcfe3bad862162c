// What the database need not keep for ever goes, little by little. Where several do it, each finds less to do.
import { deleteExpiredStamps } from "../../store/request-stamps.ts";
import type { Store } from "../../store/store.ts";
import { deleteTasksFinishedBefore } from "../../store/tasks.ts";
import { deleteTrafficBefore } from "../../store/traffic.ts";

/** Results of tasks are kept for a week; the contract asks for a day (api-v2.md 8). */
const taskRetentionMs = 7 * 24 * 3_600_000;
const periodMs = 600_000;

export interface HousekeepingOptions {
  readonly store: Store;
  readonly clock: () => number;
  readonly log: { error(fields: object, message: string): void };
  /** How long what has flowed is remembered. */
  readonly keepTrafficMs: number;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Keeps house once, then again and again. */
  async start(): Promise<void> {
    this.#keepHouse();
    this.#timer = setInterval(() => this.#keepHouse(), periodMs).unref();
    await this.#running;
  }

  /** Ends it; what is under way is finished. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #keepHouse(): void {
    this.#running = this.#delete();
  }

  async #delete(): Promise<void> {
    const { store, clock, log, keepTrafficMs } = this.#options;
    try {
      await store.transaction(async (db) => {
        await deleteExpiredStamps(db, Math.floor(clock() / 1_000));
        await deleteTasksFinishedBefore(db, clock() - taskRetentionMs);
        await deleteTrafficBefore(db, clock() - keepTrafficMs);
      }, "later");
    } catch (error) {
      log.error({ err: error }, "housekeeping failed; it is tried again");
    }
  }
}
