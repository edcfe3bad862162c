// The database in hand: opening, migrating, transactions. SQL of a table lives in that table's file.
import { existsSync } from "node:fs";
import { CompiledQuery } from "kysely";
import { findSealedKey } from "./accounts.ts";
import { refuseHalfCopy } from "./copy-mark.ts";
import type { Database, Durability, Hand, Line, Listener } from "./database.ts";
import { isDisconnection, isFull, isOutage, isPassing, reasonOf, StoreError } from "./errors.ts";
import { migrate } from "./migrate.ts";
import { openPostgres, type PostgresOptions } from "./postgres.ts";
import { makeSealer, readMasterKey, type Sealer } from "./sealer.ts";
import { openSqlite, type SqliteOptions } from "./sqlite.ts";
import { together } from "./together.ts";
import { type Job, WriteQueue } from "./write-queue.ts";

/** The first argument of every function of the store: the database, or the transaction in hand. */
export interface Db extends Hand {
  readonly sealer: Sealer;
}

const savepoint = CompiledQuery.raw("savepoint job");
const rollback = CompiledQuery.raw("rollback to job");
const release = CompiledQuery.raw("release job");

export interface StoreOptions extends SqliteOptions, PostgresOptions {
  /** How long a transaction that is to be safe `later` waits for company, 5 ms unless told; 0: not at all. */
  readonly lingerMs?: number | undefined;
  /** How long it waits, again and again for `lingerMs`, while other threads write; no longer than `lingerMs` unless told. */
  readonly longestLingerMs?: number | undefined;
}

const usualLingerMs = 5;
/** A client may wait so long for a reply; no statement of a call takes a hundredth of it. */
const usualAnswerMs = 8_000;
const sqlitePrefix = "sqlite:";

/** An open database. */
export class Store {
  readonly db: Db;
  /** Without a password. */
  readonly name: string;
  /** What was done to the schema when it was opened: the migrations, in order. */
  readonly migrated: readonly string[];
  readonly #database: Database;
  readonly #options: StoreOptions;
  /** By account, where accounts run apart; else there is one. */
  readonly #queues = new Map<number, WriteQueue>();
  #isClosed = false;
  /** By performance.now(); what failed since has taken it back. */
  #committedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(database: Database, sealer: Sealer, migrated: readonly string[], options: StoreOptions) {
    this.#database = database;
    this.name = database.name;
    this.migrated = migrated;
    this.#options = options;
    this.db = { ...database.hand, sealer };
  }

  /**
   * Opens the database and brings its schema up to date.
   * @param url `sqlite:PATH` or `postgres://…`
   * @throws StoreError unavailable, unsealable
   */
  static async open(url: string, masterKeyFile: string, options: StoreOptions = {}): Promise<Store> {
    // With a file the key comes first, so that of several first starts none finds a file and no key: open.ts.
    if (isFile(url)) readMasterKey(masterKeyFile);
    const database = await openDatabase(url, { answerMs: usualAnswerMs, ...options });
    try {
      await refuseHalfCopy(database);
      const migrated = await migrate(database);
      const sealer = await openSealer(database, masterKeyFile);
      return new Store(database, sealer, migrated, options);
    } catch (error) {
      await database.close();
      if (error instanceof StoreError || !isOutage(error)) throw error;
      throw new StoreError("unavailable", `the database ${database.name} cannot be used: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * Runs `work` in a transaction, alone among all that decide over the same account: what it reads of the account's rows stays as it is
   * until it ends. When the promise resolves, the result is committed, and on disk unless `durability` says otherwise. Transactions that
   * are waiting at the same moment share one commit, each behind a savepoint of its own, so one that throws takes back only what it did
   * itself. `work` may be called more than once, so it does nothing but read and write rows; when a statement of it fails, so must it. It may be called
   * before it is alone: from its first answer on it is.
   * @param account over whose rows it decides; 0: over nobody's
   */
  transaction<T>(work: (db: Db) => Promise<T>, durability: Durability = "at-once", account = 0): Promise<T> {
    if (this.#isClosed) return Promise.reject(new StoreError("unavailable", "the database is closed"));
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#queueOf(account).add({
        durability,
        run: async (db) => {
          result = await work(db);
        },
        settle: () => resolve(result),
        fail: reject,
      });
    });
  }

  /** Reads for real. @throws StoreError unavailable, the driver's error */
  check(): Promise<void> {
    return this.#database.check();
  }

  /** Whether the last transaction was committed, and not longer ago than this. */
  hasCommittedWithin(ms: number): boolean {
    return performance.now() - this.#committedAtMs <= ms;
  }

  /** A line to the other programs on this database; undefined: there can be none. It is closed by who opened it. */
  openLine(listener: Listener): Line | undefined {
    return this.#database.openLine?.(listener);
  }

  /** Waits for the transactions that were asked for, then closes. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all([...this.#queues.values()].map((queue) => queue.drain()));
    await this.#database.close();
  }

  #queueOf(account: number): WriteQueue {
    const key = this.#database.runsAccountsApart ? account : 0;
    const found = this.#queues.get(key);
    if (found !== undefined) return found;
    const { lingerMs = usualLingerMs, longestLingerMs = lingerMs } = this.#options;
    const queue = new WriteQueue({
      lingerMs,
      longestLingerMs,
      countTurns: this.#database.countTurns,
      commit: (jobs) => this.#commit(jobs, key),
      onIdle: () => this.#queues.delete(key),
    });
    this.#queues.set(key, queue);
    return queue;
  }

  async #commit(jobs: readonly Job[], account: number): Promise<ReadonlyMap<Job, unknown>> {
    const refused = new Map<Job, unknown>();
    const isUrgent = jobs.some((job) => job.durability === "at-once");
    // One that is alone needs no savepoint: it is the transaction. SQLite keeps a copy of every page that changes behind a savepoint.
    const isAlone = jobs.length === 1;
    const work = async (hand: Hand) => {
      refused.clear();
      const db: Db = { ...hand, sealer: this.db.sealer };
      for (const job of jobs) {
        try {
          await together([!isAlone && hand.run(savepoint), job.run(db)]);
          if (isAlone) continue;
          if (hand.isEnded()) throw new TypeError("a statement failed, and what it was for went on");
          // Nobody has to wait for this: it fails when the connection does, and then so does the commit.
          hand.run(release).catch(() => {});
        } catch (error) {
          // Of none is anything left: for want of space SQLite takes back the whole transaction by itself.
          if (isPassing(error) || isFull(error) || isDisconnection(error)) throw error;
          refused.set(job, error);
          if (isAlone) throw error;
          await hand.run(rollback);
          await hand.run(release);
        }
      }
    };
    try {
      await this.#database.transact({ durability: isUrgent ? "at-once" : "later", account }, work);
      this.#committedAtMs = performance.now();
    } catch (error) {
      const [job] = jobs;
      if (isAlone && job !== undefined && refused.get(job) === error) return refused;
      this.#committedAtMs = Number.NEGATIVE_INFINITY;
      throw error;
    }
    return refused;
  }
}

/** A new key would open nothing of what is there; so would another's. @throws StoreError unsealable, unavailable */
async function openSealer({ name, hand }: Database, masterKeyFile: string): Promise<Sealer> {
  const sealed = await findSealedKey(hand);
  if (sealed !== undefined && !existsSync(masterKeyFile)) {
    const message = `there is no master key ${masterKeyFile}; the database ${name} needs the one that its first server made`;
    throw new StoreError("unsealable", message);
  }
  const sealer = makeSealer(readMasterKey(masterKeyFile));
  if (sealed !== undefined) sealer.open(sealed, "secret-key");
  return sealer;
}

function isFile(url: string): boolean {
  return url.startsWith(sqlitePrefix);
}

/** Opens a database as it is. @throws StoreError unavailable */
export async function openDatabase(url: string, options: StoreOptions): Promise<Database> {
  return isFile(url) ? openSqlite(url.slice(sqlitePrefix.length), options) : openPostgres(url, options);
}
