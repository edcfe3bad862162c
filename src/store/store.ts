// The database in hand: opening, migrating, transactions. SQL of a table lives in that table's file.
import { chmodSync } from "node:fs";
import { CompiledQuery, type Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { isFull, StoreError } from "./errors.ts";
import { migrations } from "./migrations/index.ts";
import type { Schema } from "./schema.ts";
import { makeSealer, readMasterKey, type Sealer } from "./sealer.ts";
import { openSqlite, type Sqlite, type SqliteOptions } from "./sqlite.ts";
import { WriteTurn } from "./write-turn.ts";

/** The first argument of every function of the store: the database, or the transaction in hand. */
export interface Db {
  readonly sql: Kysely<Schema>;
  readonly sealer: Sealer;
  /** Runs a compiled statement: in a transaction at once, else when it is its turn. */
  readonly run: <Row>(query: CompiledQuery<Row>) => Promise<Row[]>;
}

/**
 * When what a transaction wrote is safe from a power failure. `at-once`: before its promise resolves. `later`: with the next transaction
 * that is, or within seconds; for what would be found again anyway. A crash of the process takes back neither.
 */
export type Durability = "at-once" | "later";

const savepoint = CompiledQuery.raw("savepoint job");
const rollback = CompiledQuery.raw("rollback to job");
const release = CompiledQuery.raw("release job");

export interface StoreOptions extends SqliteOptions {
  /** How long a transaction that is to be safe `later` waits for company, 5 ms unless told; 0: not at all. */
  readonly lingerMs?: number | undefined;
  /** How long it waits, again and again for `lingerMs`, while other threads write; no longer than `lingerMs` unless told. */
  readonly longestLingerMs?: number | undefined;
  /** Shared with the stores of other threads on the same file. */
  readonly turn?: WriteTurn | undefined;
}

interface Job {
  readonly durability: Durability;
  readonly run: (db: Db) => Promise<void>;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
}

/** How many transactions may share one commit. More would hold up reads for longer. */
const maxSharedCommit = 64;
const usualLingerMs = 5;

/** An open database. */
export class Store {
  readonly db: Db;
  readonly #sqlite: Sqlite;
  readonly #lingerMs: number;
  readonly #longestLingerMs: number;
  readonly #turn: WriteTurn;
  readonly #jobs: Job[] = [];
  #worker: Promise<void> | undefined;
  #lingering: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(sqlite: Sqlite, sealer: Sealer, options: StoreOptions) {
    this.#sqlite = sqlite;
    this.#lingerMs = options.lingerMs ?? usualLingerMs;
    this.#longestLingerMs = options.longestLingerMs ?? this.#lingerMs;
    this.#turn = options.turn ?? new WriteTurn();
    const { sql } = sqlite;
    this.db = { sql, sealer, run: async (query) => (await sql.executeQuery(query)).rows };
  }

  /**
   * Opens the database and brings its schema up to date.
   * @param path the SQLite file
   * @throws StoreError unavailable, unsealable
   */
  static async open(path: string, masterKeyFile: string, options: StoreOptions = {}): Promise<Store> {
    const sealer = makeSealer(readMasterKey(masterKeyFile));
    const sqlite = openSqlite(path, options);
    const db = sqlite.sql;
    chmodSync(path, 0o600);
    const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) {
      await db.destroy();
      throw new StoreError("unavailable", `the database ${path} cannot be migrated`, { cause: error });
    }
    return new Store(sqlite, sealer, options);
  }

  /**
   * Runs `work` in a transaction that holds the write lock from its beginning. When the promise resolves, the result is committed, and
   * on disk unless `durability` says otherwise. Transactions that are waiting at the same moment share one commit, each behind a savepoint of its own, so one that throws
   * takes back only what it did itself.
   */
  transaction<T>(work: (db: Db) => Promise<T>, durability: Durability = "at-once"): Promise<T> {
    if (this.#isClosed) return Promise.reject(new StoreError("unavailable", "the database is closed"));
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#jobs.push({
        durability,
        run: async (db) => {
          result = await work(db);
        },
        settle: () => resolve(result),
        fail: reject,
      });
      if (durability === "at-once" || this.#lingerMs === 0) this.#wake();
      else if (this.#lingering === undefined) this.#linger(performance.now() + this.#longestLingerMs);
    });
  }

  /** A commit makes the other threads' connections forget all pages they have read: it is put off while they write. */
  #linger(untilMs: number): void {
    const before = this.#turn.count;
    this.#lingering = setTimeout(() => {
      const isQuiet = this.#turn.count === before;
      if (isQuiet || performance.now() >= untilMs) this.#wake();
      else this.#linger(untilMs);
    }, this.#lingerMs);
  }

  #wake(): void {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#worker ??= this.#workOff();
  }

  /** Waits for the transactions that were asked for, then closes. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake();
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
    const refused = new Map<Job, unknown>();
    // One that is alone needs no savepoint: it is the transaction. SQLite keeps a copy of every page that changes behind a savepoint.
    const isAlone = jobs.length === 1;
    const { sql, runAtOnce, awaitDisk } = this.#sqlite;
    this.#turn.take();
    try {
      awaitDisk(jobs.some((job) => job.durability === "at-once"));
      await sql.transaction().execute(async (transaction) => {
        const db: Db = { sql: transaction, sealer: this.db.sealer, run: async (query) => runAtOnce(query) };
        for (const job of jobs) {
          if (!isAlone) runAtOnce(savepoint);
          try {
            await job.run(db);
          } catch (error) {
            refused.set(job, error);
            if (isAlone) throw error;
            runAtOnce(rollback);
          }
          if (!isAlone) runAtOnce(release);
        }
      });
    } catch (error) {
      // Where there is no space SQLite takes all of it back by itself: then there is no savepoint to go back to, which is not the reason.
      const cause = [...refused.values()].find(isFull) ?? error;
      const isUnknown = !isFull(cause) && !(isAlone && refused.size > 0);
      const failure = new StoreError("unavailable", "the database did not take the change", { cause });
      for (const job of jobs) job.fail(isUnknown ? failure : nameFull(cause));
      return;
    } finally {
      this.#turn.give();
    }
    for (const job of jobs) {
      if (refused.has(job)) job.fail(nameFull(refused.get(job)));
      else job.settle();
    }
  }
}

/** What the work itself has thrown is its own; that there was no space gets its name. */
function nameFull(cause: unknown): unknown {
  return isFull(cause) ? new StoreError("full", "there is no space for the change", { cause }) : cause;
}
