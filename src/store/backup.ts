// A copy of the whole state in one SQLite file, made while the database is in use: of a file by SQLite's own backup, of a server by
// copying its rows as they were at one moment. The file is a database like any other; the master key is not in it.
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import BetterSqlite from "better-sqlite3";
import { copyState } from "./copy.ts";
import { StoreError } from "./errors.ts";
import { type DatabasePlace, sqlitePath } from "./open.ts";
import { openPostgres } from "./postgres.ts";
import { openSqlite } from "./sqlite.ts";

/** The file appears whole or not at all, for its owner alone (0600). @throws StoreError unavailable */
export async function backUp(place: DatabasePlace, file: string): Promise<void> {
  if (existsSync(file)) throw new StoreError("unavailable", `${file} is there already`);
  const part = `${file}.part`;
  const path = sqlitePath(place);
  try {
    rmSync(part, { force: true });
    writeFileSync(part, "", { mode: 0o600, flag: "wx" });
    await (path === undefined ? copyServer(place, part) : copyFile(path, part));
    close(part);
    chmodSync(part, 0o600);
    flush(part);
    renameSync(part, file);
    flush(dirname(file));
  } catch (cause) {
    for (const left of [part, `${part}-wal`, `${part}-shm`]) rmSync(left, { force: true });
    if (cause instanceof StoreError) throw cause;
    throw new StoreError("unavailable", `${file} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

async function copyServer({ database, databasePasswordFile }: DatabasePlace, part: string): Promise<void> {
  const source = await openPostgres(database, { databasePasswordFile });
  try {
    const target = openSqlite(part, {});
    try {
      await copyState(source, target, () => {});
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copyFile(path: string, part: string): Promise<void> {
  if (!existsSync(path)) throw new StoreError("unavailable", `there is no database ${path}`);
  const source = new BetterSqlite(path, { fileMustExist: true });
  try {
    await source.backup(part);
  } finally {
    source.close();
  }
}

/** Makes it one file, without a log beside it. @throws StoreError unavailable when it is damaged */
function close(part: string): void {
  const copy = new BetterSqlite(part);
  try {
    copy.pragma("journal_mode = DELETE");
    const found = copy.pragma("integrity_check", { simple: true });
    if (found !== "ok") throw new StoreError("unavailable", `the database is damaged: ${found}`);
  } finally {
    copy.close();
  }
}

function flush(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
