// A write-ahead log that a disk has damaged: what SQLite would forget without a word is told before it does.
import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findDamage, refuseDamagedLog } from "../../src/store/sqlite-log.ts";
import { Store } from "../../src/store/store.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { createdAtMs } from "./rows.ts";

const changes = 12;
const [headerBytes, frameHeaderBytes] = [32, 24];

let dir: TempDir;
let path: string;

beforeEach(() => {
  dir = makeTempDir();
  path = join(dir.path, "left.db");
});
afterEach(() => dir.remove());

const log = () => `${path}-wal`;
const keyFile = () => join(dir.path, "master.key");

/** A database as a server leaves it that was killed: nothing is left of the round before, unless it is told. */
async function leave({ hasOldFrames = false } = {}): Promise<void> {
  const source = join(dir.path, "source.db");
  const store = await Store.open(`sqlite:${source}`, keyFile());
  const beside = new BetterSqlite(source);
  const add = (name: string) =>
    store.transaction(async (db) => {
      await db.sql.insertInto("accounts").values({ name, created_at: createdAtMs }).execute();
    });
  if (hasOldFrames) await Promise.all(Array.from({ length: 200 }, (_, number) => add(`${number} ${"x".repeat(900)}`)));
  // The log begins anew with the next change; its file keeps its length unless it is cut.
  beside.pragma(`wal_checkpoint(${hasOldFrames ? "RESTART" : "TRUNCATE"})`);
  beside.close();
  for (let number = 1; number <= changes; number += 1) await add(`change ${number}`);
  copyFileSync(source, path);
  copyFileSync(`${source}-wal`, log());
  await store.close();
}

/** How many of the changes are there, for whoever opens it as it is. */
function countChanges(): number {
  const file = new BetterSqlite(path);
  try {
    const row = file.prepare("select count(*) as found from accounts where name like 'change %'").get();
    return (row as { found: number }).found;
  } finally {
    file.close();
  }
}

interface Frame {
  readonly at: number;
  readonly isCommit: boolean;
}

function listFrames(): Frame[] {
  const bytes = readFileSync(log());
  const length = frameHeaderBytes + bytes.readUInt32BE(8);
  const count = Math.floor((bytes.length - headerBytes) / length);
  const at = Array.from({ length: count }, (_, number) => headerBytes + number * length);
  return at.map((place) => ({ at: place, isCommit: bytes.readUInt32BE(place + 4) > 0 }));
}

function flip(at: number): void {
  const bytes = readFileSync(log());
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(log(), bytes);
}

/** The frame that ends the change of this number. */
const endOf = (change: number) => listFrames().filter(({ isCommit }) => isCommit)[change - 1]?.at ?? Number.NaN;

describe("the log of a server that was killed", () => {
  it.each([false, true])("is whole, also behind another round's frames: %s", async (hasOldFrames) => {
    await leave({ hasOldFrames });
    if (hasOldFrames) expect(listFrames().length).toBeGreaterThan(2 * changes);
    refuseDamagedLog(path);
    expect(countChanges()).toBe(changes);
  });

  it("may end in the middle of a frame, and in what is none", async () => {
    await leave();
    appendFileSync(log(), "x".repeat(5_000));
    refuseDamagedLog(path);
    truncateSync(log(), endOf(changes) + 100);
    refuseDamagedLog(path);
    expect(countChanges()).toBe(changes - 1);
  });

  it("whose last change is damaged is taken without it, as one that was cut off: nobody can tell these apart", async () => {
    await leave();
    flip(endOf(changes) + 200);
    refuseDamagedLog(path);
    expect(countChanges()).toBe(changes - 1);
  });

  it("that is damaged before that is refused, and taken as far as it goes by whoever gives up the rest", async () => {
    await leave();
    const at = endOf(4);
    flip(at + 200);
    const before = readFileSync(log());
    const opened = Store.open(`sqlite:${path}`, keyFile());
    await expect(opened).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
    await expect(opened).rejects.toThrow(`is damaged at byte ${at}, and ${changes - 3} changes behind that`);
    await expect(opened).rejects.toThrow(`truncate -s ${at} ${log()}`);
    expect(readFileSync(log()).equals(before)).toBe(true);
    truncateSync(log(), at);
    refuseDamagedLog(path);
    expect(countChanges()).toBe(3);
  });

  it("whose header is damaged is refused", async () => {
    await leave();
    const whole = readFileSync(log());
    // The four that say how long a page is are left alone: without them nothing can be read.
    for (let at = 0; at < headerBytes; at += at === 7 ? 5 : 1) {
      writeFileSync(log(), whole);
      flip(at);
      expect(() => refuseDamagedLog(path)).toThrow("is damaged at byte 0");
    }
  });

  it("never loses more than its last change without a word, wherever it is damaged", async () => {
    await leave({ hasOldFrames: true });
    const whole = readFileSync(log());
    const database = readFileSync(path);
    const end = endOf(changes) + frameHeaderBytes;
    for (let times = 0; times < 60; times += 1) {
      writeFileSync(log(), whole);
      writeFileSync(path, database);
      const at = Math.floor((times / 60) * end);
      flip(at);
      const told = (findDamage(log())?.commits ?? 0) >= 2;
      const lost = changes - countChanges();
      expect({ at, told: told || lost < 2 }).toEqual({ at, told: true });
    }
  });
});
