// Several processes at one store: a reader beside the writer, a writer that is killed, a lock whose owner is killed, first starts at
// the same time.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDataDir } from "../../src/store/instance-lock.ts";
import { openStore } from "../../src/store/open.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly lines: readonly string[];
  /** Its exit code. */
  readonly ended: Promise<number | null>;
  /** Lets it come to its end, or ends it. @returns all that it said */
  end(signal?: "SIGKILL"): Promise<readonly string[]>;
}

let dir: TempDir;
let children: Child[] = [];

beforeEach(() => {
  dir = makeTempDir();
});
afterEach(async () => {
  await Promise.all(children.map((child) => child.end("SIGKILL")));
  children = [];
  dir.remove();
});

function start(task: "lock" | "open" | "write" | "read"): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, "child.ts"), task, dir.path], { stdio: "pipe" });
  child.stderr.pipe(process.stderr);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const ended = once(child, "close").then(([code]) => code as number | null);
  const closed = Promise.all([ended, once(reader, "close")]);
  const end = async (signal?: "SIGKILL") => {
    if (signal !== undefined) child.kill(signal);
    child.stdin.end();
    await closed;
    return lines;
  };
  const started = { process: child, lines, ended, end };
  children.push(started);
  return started;
}

async function waitForLine(child: Child, what: string): Promise<void> {
  await waitFor(() => child.lines.includes(what), { what: `a process to say ${what}`, timeoutMs: 15_000 });
}

function open() {
  return openStore({ data: dir.path, database: "", masterKeyFile: "" });
}

describe("a reader in another process", () => {
  it("sees whole transactions only", async () => {
    const store = await open();
    const reader = start("read");
    await waitForLine(reader, "reading");
    const results = await Promise.allSettled(
      Array.from({ length: 400 }, (_, index) =>
        store.transaction(async (db) => {
          await db.sql
            .insertInto("accounts")
            .values({ name: `${index}, left`, created_at: 0 })
            .execute();
          await new Promise(setImmediate);
          if (index % 3 === 0) throw new Error("taken back");
          await db.sql
            .insertInto("accounts")
            .values({ name: `${index}, right`, created_at: 0 })
            .execute();
        }),
      ),
    );
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(134);
    const seen = JSON.parse((await reader.end()).at(-1) ?? "{}");
    expect(seen).toMatchObject({ odd: 0 });
    // It did look while there was something to see.
    expect(seen.counts).toBeGreaterThan(1);
    await store.close();
  });
});

describe("a writer that is killed", () => {
  it("has lost nothing that it was told is done", async () => {
    const writer = start("write");
    await waitFor(() => writer.lines.length > 200, { what: "200 transactions", timeoutMs: 15_000 });
    const acknowledged = await writer.end("SIGKILL");
    const store = await open();
    const rows = await store.db.sql.selectFrom("accounts").select("name").execute();
    const names = new Set(rows.map((row) => row.name));
    expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
    // Sixteen writers had at most one each that was done and not told yet.
    expect(names.size - acknowledged.length).toBeLessThanOrEqual(16);
    await store.close();
  });
});

describe("the lock of a data directory", () => {
  it("is held by one at a time, also within a process", () => {
    const unlock = lockDataDir(dir.path);
    expect(() => lockDataDir(dir.path)).toThrow(expect.objectContaining({ name: "StoreError", kind: "in-use" }));
    unlock();
    lockDataDir(dir.path)();
  });

  it("is refused while another process has it, and let go of when that one is killed", async () => {
    const holder = start("lock");
    await waitForLine(holder, "locked");
    expect(() => lockDataDir(dir.path)).toThrow(`another server runs on ${dir.path}`);
    await holder.end("SIGKILL");
    lockDataDir(dir.path)();
  });

  it("cannot be taken where there is no directory, which is another matter", () => {
    const nowhere = join(dir.path, "nowhere");
    expect(() => lockDataDir(nowhere)).toThrow(expect.objectContaining({ name: "StoreError", kind: "unavailable" }));
  });

  it("does not keep the database from being used: keys are made beside a running server", async () => {
    const unlock = lockDataDir(dir.path);
    const store = await open();
    expect(await store.transaction(async () => "done")).toBe("done");
    await store.close();
    unlock();
  });
});

describe("first starts at the same time", () => {
  it("make one database and one key", async () => {
    const starters = [start("open"), start("open"), start("open")];
    for (const starter of starters) expect(await starter.ended).toBe(0);
    const store = await open();
    const rows = await store.db.sql.selectFrom("accounts").select("name").execute();
    expect(rows.map((row) => row.name).toSorted()).toEqual(
      starters.map((starter) => `of process ${starter.process.pid}`).toSorted(),
    );
    await store.close();
  });
});
