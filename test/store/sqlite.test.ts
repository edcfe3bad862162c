// What is SQLite's own: files and their modes, commits that fail, commits that are shared.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { type Db, Store } from "../../src/store/store.ts";
import { WriteTurn } from "../../src/store/write-turn.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { makeSqlite, sqliteFileOf, type TestDatabase } from "./databases.ts";
import { createdAtMs } from "./rows.ts";

let database: TestDatabase;
let store: Store;

beforeEach(async () => {
  database = await makeSqlite();
  store = database.store;
});
afterEach(() => database.remove());

async function addAccount(db: Db, name: string): Promise<void> {
  await db.sql.insertInto("accounts").values({ name, created_at: createdAtMs }).execute();
}

async function listAccounts(db: Db): Promise<string[]> {
  const rows = await db.sql.selectFrom("accounts").select("name").orderBy("id").execute();
  return rows.map((row) => row.name);
}

async function pragma(name: string): Promise<unknown> {
  const { rows } = await sql`pragma ${sql.raw(name)}`.execute(store.db.sql);
  return Object.values((rows[0] as Record<string, unknown> | undefined) ?? {})[0];
}

/** A key of nobody: at the commit, and not before, the database finds that its account is missing. */
async function breakCommit(db: Db): Promise<void> {
  await sql`pragma defer_foreign_keys = on`.execute(db.sql);
  const key = { secret_id: "id", account_id: 404, secret_key: "", is_read_only: 0, created_at: 0, disabled_at: null };
  await db.sql.insertInto("api_keys").values(key).execute();
}

describe("a database file", () => {
  it("commits to disk, keeps to its references, and uses a write-ahead log", async () => {
    expect(await pragma("synchronous")).toBe(2);
    expect(await pragma("foreign_keys")).toBe(1);
    expect(await pragma("journal_mode")).toBe("wal");
  });

  it("can be read by its owner only, and so can all that lies beside it", async () => {
    await store.transaction((db) => addAccount(db, "a"));
    for (const name of ["culvert.db", "culvert.db-wal", "culvert.db-shm", "master.key"]) {
      expect([name, statSync(join(database.dir, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it("is made with its directory, which is closed to others", async () => {
    const parent = makeTempDir();
    const data = join(parent.path, "a", "b");
    const made = await openStore({ data, database: "", masterKeyFile: "" });
    await made.close();
    expect(statSync(data).mode & 0o777).toBe(0o700);
    parent.remove();
  });

  it("may be elsewhere, and so may the key", async () => {
    const path = join(database.dir, "other.db");
    const key = join(database.dir, "other.key");
    const other = await openStore({ data: database.dir, database: `sqlite:${path}`, masterKeyFile: key });
    expect(await listAccounts(other.db)).toEqual([]);
    await other.close();
    expect(statSync(path).size).toBeGreaterThan(0);
    expect(statSync(key).size).toBeGreaterThan(0);
  });

  it.each([
    ["holds something else", "not a database, but a text that is as long as the header of one would be ..........."],
    ["is cut off", "SQLite format 3\0"],
  ])("that %s is refused", async (_what, text) => {
    const path = join(database.dir, "broken.db");
    writeFileSync(path, text.repeat(20));
    const opened = Store.open(`sqlite:${path}`, join(database.dir, "master.key"));
    await expect(opened).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
    await expect(opened).rejects.toThrow(path);
  });

  it("in a directory that is not there is refused", async () => {
    const opened = Store.open(`sqlite:${join(database.dir, "not", "there.db")}`, join(database.dir, "master.key"));
    await expect(opened).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
  });
});

describe("a commit that fails", () => {
  it("fails everybody who shares it, and nobody after them", async () => {
    await store.transaction((db) => addAccount(db, "before"));
    const results = await Promise.allSettled([
      store.transaction((db) => addAccount(db, "first")),
      store.transaction(breakCommit),
      store.transaction((db) => addAccount(db, "last")),
    ]);
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { name: "StoreError", kind: "unavailable" } });
    }
    await store.transaction((db) => addAccount(db, "after"));
    expect(await listAccounts(store.db)).toEqual(["before", "after"]);
  });

  it("says nothing of the values in it", async () => {
    const error: Error = await store.transaction(breakCommit).then(
      () => new Error("it did not fail"),
      (reason: Error) => reason,
    );
    expect(error.message).toBe("the database did not take the change");
    expect(error.cause).toMatchObject({ code: "SQLITE_CONSTRAINT_FOREIGNKEY" });
  });
});

describe("a disk that is full", () => {
  const large = "x".repeat(200_000);

  beforeEach(async () => {
    await store.transaction((db) => addAccount(db, "before"));
    const pages = await pragma("page_count");
    await pragma(`max_page_count = ${pages}`);
  });

  it("refuses what does not fit, and takes nothing half", async () => {
    const results = await Promise.allSettled([
      store.transaction((db) => addAccount(db, "small, before")),
      store.transaction(async (db) => {
        await addAccount(db, "with the large one");
        await addAccount(db, large);
      }),
      store.transaction((db) => addAccount(db, "small, after")),
    ]);
    expect(results[1]?.status).toBe("rejected");
    const taken = ["small, before", "small, after"].filter(
      (_, index) => results[index === 0 ? 0 : 2]?.status === "fulfilled",
    );
    expect(await listAccounts(store.db)).toEqual(["before", ...taken]);
  });

  it("is written to again when there is room", async () => {
    await expect(store.transaction((db) => addAccount(db, large))).rejects.toThrow();
    expect(await listAccounts(store.db)).toEqual(["before"]);
    await pragma("max_page_count = 100000");
    await store.transaction((db) => addAccount(db, "after"));
    expect(await listAccounts(store.db)).toEqual(["before", "after"]);
  });
});

describe("a database that may not be written to", () => {
  it("is read, refuses every change, and takes them again when it may be", async () => {
    await pragma("query_only = on");
    const results = await Promise.allSettled(["a", "b"].map((name) => store.transaction((db) => addAccount(db, name))));
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await listAccounts(store.db)).toEqual([]);
    await pragma("query_only = off");
    await store.transaction((db) => addAccount(db, "a"));
    expect(await listAccounts(store.db)).toEqual(["a"]);
  });
});

/** Frames of the write-ahead log that end a commit (https://www.sqlite.org/fileformat2.html#walformat). */
function countCommits(dir: string): number {
  const log = readFileSync(`${sqliteFileOf(dir)}-wal`);
  const [headerBytes, frameHeaderBytes] = [32, 24];
  const frameBytes = frameHeaderBytes + log.readUInt32BE(8);
  let commits = 0;
  for (let at = headerBytes; at + frameBytes <= log.length; at += frameBytes) {
    if (log.readUInt32BE(at + 4) > 0) commits += 1;
  }
  return commits;
}

describe("transactions that wait at the same moment", () => {
  it("share their commits", async () => {
    const before = countCommits(database.dir);
    const count = 320;
    await Promise.all(
      Array.from({ length: count }, (_, index) => store.transaction((db) => addAccount(db, String(index)))),
    );
    // 64 a commit, and one more if the first of them was alone.
    expect(countCommits(database.dir) - before).toBeLessThanOrEqual(count / 64 + 1);
  });

  it("and need not be on disk at once wait a little for one that does, and share its commit", async () => {
    const patient = await openStore({ data: database.dir, database: "", masterKeyFile: "", lingerMs: 10_000 });
    const before = countCommits(database.dir);
    const later = ["a", "b"].map((name) => patient.transaction((db) => addAccount(db, name), "later"));
    await Promise.all([...later, patient.transaction((db) => addAccount(db, "c"))]);
    expect(countCommits(database.dir) - before).toBe(1);
    // Nobody is waited for when the store is closed.
    const last = patient.transaction((db) => addAccount(db, "d"), "later");
    await patient.close();
    await last;
    expect(await listAccounts(store.db)).toEqual(["a", "b", "c", "d"]);
  });

  it("and need not be on disk at once are committed soon when nobody comes", async () => {
    const patient = await openStore({ data: database.dir, database: "", masterKeyFile: "" });
    const startedMs = performance.now();
    await patient.transaction((db) => addAccount(db, "a"), "later");
    expect(performance.now() - startedMs).toBeGreaterThan(2);
    await patient.close();
    expect(await listAccounts(store.db)).toEqual(["a"]);
  });

  it("and need not be on disk at once wait longer while another thread writes, but not for ever", async () => {
    const turn = new WriteTurn();
    const lingering = { lingerMs: 20, longestLingerMs: 200 };
    const place = { data: database.dir, database: "", masterKeyFile: "", turn, ...lingering };
    const patient = await openStore(place);
    const anotherThread = setInterval(() => {
      turn.take();
      turn.give();
    }, 5);
    const startedMs = performance.now();
    await patient.transaction((db) => addAccount(db, "a"), "later");
    const crowdedMs = performance.now() - startedMs;
    clearInterval(anotherThread);
    expect(crowdedMs).toBeGreaterThan(150);
    await patient.close();
    expect(await listAccounts(store.db)).toEqual(["a"]);
  });

  it("each have their own when they do not wait for each other", async () => {
    const before = countCommits(database.dir);
    for (const name of ["a", "b", "c"]) await store.transaction((db) => addAccount(db, name));
    expect(countCommits(database.dir) - before).toBe(3);
  });
});
