// SQLite as the store wants it: write-ahead log, every commit on disk, transactions that take the write lock when they begin.
import { chmodSync, statSync } from "node:fs";
import BetterSqlite from "better-sqlite3";
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  SqliteAdapter,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  SqliteQueryCompiler,
  type SqliteStatement,
  sql,
} from "kysely";
import type { Database, Hand, NumberedTable } from "./database.ts";
import { reasonOf, StoreError } from "./errors.ts";
import type { Schema } from "./schema.ts";
import { refuseDamagedLog } from "./sqlite-log.ts";
import { WriteTurn } from "./write-turn.ts";

const busyTimeoutMs = 5_000;
/** A new channel is a row and a place in a dozen indexes, each on a page of its own: half of SQLite's own size is half to write. */
const pageBytes = 2_048;
/** Pages kept in memory. SQLite's own 2 MiB are less than the indexes of ten thousand channels. */
const cacheKiB = 64 << 10;
const usualCheckpointPages = 40_000;

export interface SqliteOptions {
  /**
   * Pages of 2 KiB in the write-ahead log before whoever commits copies them into the file, 40 000 unless told. The busy ones are in it many
   * times over, and are copied once.
   */
  readonly checkpointPages?: number | undefined;
  /** Shared with the stores of other threads on the same file. */
  readonly turn?: WriteTurn | undefined;
}

/**
 * Opens the database file; commits wait for the disk.
 * @throws StoreError unavailable
 */
export function openSqlite(path: string, options: SqliteOptions): Database {
  const { checkpointPages = usualCheckpointPages, turn = new WriteTurn() } = options;
  let file: BetterSqlite.Database | undefined;
  try {
    refuseDamagedLog(path);
    file = new BetterSqlite(path, { timeout: busyTimeoutMs });
    // Before the first table: later it means nothing.
    file.pragma(`page_size = ${pageBytes}`);
    file.pragma("journal_mode = WAL");
    file.pragma("synchronous = FULL");
    file.pragma("foreign_keys = ON");
    // What a savepoint keeps of pages would else go through a file.
    file.pragma("temp_store = MEMORY");
    file.pragma(`cache_size = -${cacheKiB}`);
    file.pragma(`wal_autocheckpoint = ${checkpointPages}`);
    chmodSync(path, 0o600);
  } catch (cause) {
    file?.close();
    if (cause instanceof StoreError) throw cause;
    throw new StoreError("unavailable", `the database ${path} cannot be opened: ${reasonOf(cause)}`, { cause });
  }
  const opened = file;
  let isTransacting = false;
  const prepare = prepareOnce(opened, () => isTransacting && !opened.inTransaction);
  const database = { prepare, close: () => opened.close() };
  const dialect = new SqliteDialect({ database });
  dialect.createDriver = () => new ImmediateDriver(opened, { database });
  dialect.createQueryCompiler = () => new SteadyCompiler();
  dialect.createAdapter = () => new TransactionalAdapter();
  const kysely = new Kysely<Schema>({ dialect });
  // A transaction has the whole database for itself, and outlives a statement that fails.
  const shared = { hold: async () => {}, isEnded: () => false };
  const awaitDisk = makeDiskSwitch(opened);
  const refuseMoved = watchPlace(path);
  return {
    name: path,
    hand: { sql: kysely, run: async (query) => (await kysely.executeQuery(query)).rows, ...shared },
    check: async () => {
      refuseMoved();
      await sql`select count(*) from sqlite_schema`.execute(kysely);
    },
    runsAccountsApart: false,
    async transact({ durability }, work) {
      refuseMoved();
      turn.take();
      try {
        awaitDisk(durability === "at-once");
        await kysely.transaction().execute(async (transaction) => {
          isTransacting = true;
          try {
            await work({ sql: transaction, run: runAtOnce(prepare), ...shared });
          } finally {
            isTransacting = false;
          }
        });
      } finally {
        turn.give();
      }
    },
    readLastNumber,
    writeLastNumber,
    countTurns: () => turn.count,
    close: () => kysely.destroy(),
  };
}

/**
 * A file that was taken away, or replaced by another, is still there for whoever has it open, and what is written to it is lost with them.
 * @returns a function that finds that out
 */
function watchPlace(path: string): () => void {
  const opened = statSync(path);
  return () => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.ino === opened.ino && found.dev === opened.dev) return;
    throw new StoreError("unavailable", `the database ${path} was taken away or replaced; start the server anew`);
  };
}

// https://www.sqlite.org/autoinc.html
async function readLastNumber(hand: Hand, table: NumberedTable): Promise<number> {
  const { rows } = await sql<{ seq: number }>`select seq from sqlite_sequence where name = ${table}`.execute(hand.sql);
  return rows[0]?.seq ?? 0;
}

async function writeLastNumber(hand: Hand, table: NumberedTable, last: number): Promise<void> {
  await sql`delete from sqlite_sequence where name = ${table}`.execute(hand.sql);
  await sql`insert into sqlite_sequence (name, seq) values (${table}, ${last})`.execute(hand.sql);
}

/**
 * Runs a statement at once, past the queue in which kysely makes statements wait for the one connection: its way to the driver costs
 * as much as SQLite's own work. Only for whoever holds the transaction in hand; others would read what is not committed.
 */
function runAtOnce(prepare: (sql: string) => SqliteStatement): Hand["run"] {
  return async <Row>({ sql, parameters }: CompiledQuery<Row>) => {
    const statement = prepare(sql);
    if (statement.reader) return statement.all(parameters) as Row[];
    statement.run(parameters);
    return [];
  };
}

/**
 * Whether commits from now on wait for the disk (`synchronous=FULL`), or leave that to a later one that does (`NORMAL`): with a
 * write-ahead log a power failure can then take back the last commits, in order, and harms nothing else; a crash of the process takes
 * back none (https://www.sqlite.org/pragma.html#pragma_synchronous). Not inside a transaction.
 */
function makeDiskSwitch(file: BetterSqlite.Database): (isAwaited: boolean) => void {
  let isDiskAwaited = true;
  return (isAwaited) => {
    if (isAwaited === isDiskAwaited) return;
    file.pragma(`synchronous = ${isAwaited ? "FULL" : "NORMAL"}`);
    isDiskAwaited = isAwaited;
  };
}

/**
 * Statements are kept: the service has a few dozen, and preparing costs more than running most of them.
 * @param isOver whether SQLite has taken back a transaction by itself, as it does on a full disk, and somebody goes on with it: each of
 *   their statements would be a transaction of its own
 */
function prepareOnce(file: BetterSqlite.Database, isOver: () => boolean): (sql: string) => SqliteStatement {
  const refuseWhenOver = () => {
    if (isOver()) throw new BetterSqlite.SqliteError("the transaction was taken back", "SQLITE_ABORT_ROLLBACK");
  };
  const kept = new Map<string, SqliteStatement>();
  const most = 500;
  return (sql) => {
    const found = kept.get(sql);
    if (found !== undefined) return found;
    const statement = file.prepare(sql);
    const adapted: SqliteStatement = {
      reader: statement.reader,
      all: (parameters) => {
        refuseWhenOver();
        return statement.all(...parameters);
      },
      run: (parameters) => {
        refuseWhenOver();
        return statement.run(...parameters);
      },
      iterate: (parameters) => statement.iterate(...parameters),
    };
    if (kept.size >= most) kept.clear();
    kept.set(sql, adapted);
    return adapted;
  };
}

/** A deferred transaction that reads first and writes later can fail with SQLITE_BUSY at once, whatever the timeout. */
class ImmediateDriver extends SqliteDriver {
  readonly #file: BetterSqlite.Database;

  constructor(file: BetterSqlite.Database, config: SqliteDialectConfig) {
    super(config);
    this.#file = file;
  }

  /** After some failures, such as a full disk, SQLite has done so by itself; a refusal to do it again would hide the reason. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#file.inTransaction) await super.rollbackTransaction(connection);
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }
}

/**
 * kysely takes it that SQLite cannot change its schema in a transaction. It can: so a migration that is cut off leaves nothing behind,
 * and of several processes that start at once one migrates and the others wait.
 */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/**
 * Writes parameters as `+?`, which means the same and hides them from the planner. This build of SQLite has ENABLE_STAT4: where a bare `?`
 * could sway the plan it prepares the statement anew each time a value is bound, at several times the cost of running it
 * (https://www.sqlite.org/c3ref/prepare.html). Leaves out what SQLite has no word for and no need of.
 */
class SteadyCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return "+?";
  }

  /** Locks on rows (`for share`): a transaction that writes has the whole database for itself. */
  protected override visitSelectModifier(): void {}
}
