// SQLite as the store wants it: write-ahead log, every commit on disk, transactions that take the write lock when they begin.
import BetterSqlite from "better-sqlite3";
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
  SqliteQueryCompiler,
  type SqliteStatement,
} from "kysely";
import { StoreError } from "./errors.ts";
import type { Schema } from "./schema.ts";

const busyTimeoutMs = 5_000;

/**
 * Opens the database file. `synchronous=FULL`: what is committed is on disk (https://www.sqlite.org/pragma.html#pragma_synchronous).
 * @throws StoreError unavailable
 */
export function openSqlite(path: string): Kysely<Schema> {
  let file: BetterSqlite.Database | undefined;
  try {
    file = new BetterSqlite(path, { timeout: busyTimeoutMs });
    file.pragma("journal_mode = WAL");
    file.pragma("synchronous = FULL");
    file.pragma("foreign_keys = ON");
  } catch (cause) {
    file?.close();
    throw new StoreError("unavailable", `the database ${path} cannot be opened`, { cause });
  }
  const opened = file;
  const database = { prepare: prepareOnce(opened), close: () => opened.close() };
  const dialect = new SqliteDialect({ database });
  dialect.createDriver = () => new ImmediateDriver({ database });
  dialect.createQueryCompiler = () => new SteadyCompiler();
  dialect.createAdapter = () => new TransactionalAdapter();
  return new Kysely<Schema>({ dialect });
}

/** Statements are kept: the service has a few dozen, and preparing costs more than running most of them. */
function prepareOnce(file: BetterSqlite.Database): (sql: string) => SqliteStatement {
  const kept = new Map<string, SqliteStatement>();
  const most = 500;
  return (sql) => {
    const found = kept.get(sql);
    if (found !== undefined) return found;
    const statement = file.prepare(sql);
    const adapted: SqliteStatement = {
      reader: statement.reader,
      all: (parameters) => statement.all(...parameters),
      run: (parameters) => statement.run(...parameters),
      iterate: (parameters) => statement.iterate(...parameters),
    };
    if (kept.size >= most) kept.clear();
    kept.set(sql, adapted);
    return adapted;
  };
}

/** A deferred transaction that reads first and writes later can fail with SQLITE_BUSY at once, whatever the timeout. */
class ImmediateDriver extends SqliteDriver {
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
 * (https://www.sqlite.org/c3ref/prepare.html).
 */
class SteadyCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return "+?";
  }
}
