// The database in hand: opening, migrating, transactions. SQL of a table lives in that table's file.
import { chmodSync } from "node:fs";
import { CompiledQuery, type Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { StoreError } from "./errors.ts";
import { migrations } from "./migrations/index.ts";
import type { Schema } from "./schema.ts";
import { makeSealer, readMasterKey, type Sealer } from "./sealer.ts";
import { openSqlite } from "./sqlite.ts";

/** The first argument of every function of the store: the database, or the transaction in hand. */
export interface Db {
  readonly sql: Kysely<Schema>;
  readonly sealer: Sealer;
}

const savepoint = CompiledQuery.raw("savepoint job");
const rollback = CompiledQuery.raw("rollback to job");
const release = CompiledQuery.raw("release job");

interface Job {
  readonly run: (db: Db) => Promise<void>;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
}

/** How many transactions may share one commit. More would hold up reads for longer. */
const maxSharedCommit = 64;

/** An open database. */
export class Store {
  readonly db: Db;
  readonly #jobs: Job[] = [];
  #worker: Promise<void> | undefined;
  #isClosed = false;

  private constructor(db: Db) {
    this.db = db;
  }

  /**
   * Opens the database and brings its schema up to date.
   * @param path the SQLite file
   * @throws StoreError unavailable, unsealable
   */
  static async open(path: string, masterKeyFile: string): Promise<Store> {
    const sealer = makeSealer(readMasterKey(masterKeyFile));
    const db = openSqlite(path);
    if (path !== ":memory:") chmodSync(path, 0o600);
    const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) {
      await db.destroy();
      throw new StoreError("unavailable", `the database ${path} cannot be migrated`, { cause: error });
    }
    return new Store({ sql: db, sealer });
  }

  /**
   * Runs `work` in a transaction that holds the write lock from its beginning. When the promise resolves, the result is on disk.
   * Transactions that are waiting at the same moment share one commit, each behind a savepoint of its own, so one that throws
   * takes back only what it did itself.
   */
  transaction<T>(work: (db: Db) => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new StoreError("unavailable", "the database is closed"));
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#jobs.push({
        run: async (db) => {
          result = await work(db);
        },
        settle: () => resolve(result),
        fail: reject,
      });
      this.#worker ??= this.#workOff();
    });
  }

  /** Waits for the transactions that were asked for, then closes. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#worker;
    await this.db.sql.destroy();
  }

  async #workOff(): Promise<void> {
    // One turn of the event loop: requests that arrived together are read together.
    await new Promise(setImmediate);
    while (this.#jobs.length > 0) {
      await this.#commit(this.#jobs.splice(0, maxSharedCommit));
      await new Promise(setImmediate);
    }
    this.#worker = undefined;
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    const kept: Job[] = [];
    const refused: [Job, unknown][] = [];
    try {
      await this.db.sql.transaction().execute(async (transaction) => {
        const db = { sql: transaction, sealer: this.db.sealer };
        for (const job of jobs) {
          await transaction.executeQuery(savepoint);
          try {
            await job.run(db);
            kept.push(job);
          } catch (error) {
            await transaction.executeQuery(rollback);
            refused.push([job, error]);
          }
          await transaction.executeQuery(release);
        }
      });
    } catch (error) {
      const failure = new StoreError("unavailable", "the database did not take the change", { cause: error });
      for (const job of jobs) job.fail(failure);
      return;
    }
    for (const [job, error] of refused) job.fail(error);
    for (const job of kept) job.settle();
  }
}
