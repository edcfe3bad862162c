// Store.transaction: what is acknowledged is there, what is refused is not, and those that share a commit do not get in each other's way.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreError, violatedIndex } from "../../src/store/errors.ts";
import type { Db, Store } from "../../src/store/store.ts";
import { databases, type TestDatabase } from "./databases.ts";
import { createdAtMs } from "./rows.ts";

async function addAccount(db: Db, name: string): Promise<number> {
  const row = { name, created_at: createdAtMs };
  const { id } = await db.sql.insertInto("accounts").values(row).returning("id").executeTakeFirstOrThrow();
  return id;
}

async function listAccounts(db: Db): Promise<string[]> {
  const rows = await db.sql.selectFrom("accounts").select("name").orderBy("id").execute();
  return rows.map((row) => row.name);
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `account ${index}`);
}

describe.each(databases)("a transaction on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
  });
  afterEach(() => database.remove());

  it("gives what its work gives", async () => {
    expect(await store.transaction(async () => 42)).toBe(42);
    expect(await store.transaction(async () => undefined)).toBeUndefined();
  });

  it("is done for others before it is acknowledged, each of a thousand at once", async () => {
    const other = await database.openAgain();
    const missing: string[] = [];
    await Promise.all(
      names(1_000).map(async (name) => {
        await store.transaction((db) => addAccount(db, name));
        const row = await other.db.sql.selectFrom("accounts").select("id").where("name", "=", name).executeTakeFirst();
        if (row === undefined) missing.push(name);
      }),
    );
    expect(missing).toEqual([]);
    expect((await listAccounts(other.db)).length).toBe(1_000);
  });

  it("runs in the order in which it was asked for, one at a time", async () => {
    let running = 0;
    const began: string[] = [];
    const ids = await Promise.all(
      names(200).map((name) =>
        store.transaction(async (db) => {
          running += 1;
          expect(running).toBe(1);
          began.push(name);
          const id = await addAccount(db, name);
          await new Promise(setImmediate);
          running -= 1;
          return id;
        }),
      ),
    );
    expect(began).toEqual(names(200));
    expect(await listAccounts(store.db)).toEqual(names(200));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  it("that throws takes back what it did itself, and nothing else", async () => {
    const results = await Promise.allSettled(
      names(300).map((name, index) =>
        store.transaction(async (db) => {
          await addAccount(db, name);
          await addAccount(db, `${name}, second`);
          if (index % 7 === 0) throw new Error(`refused: ${name}`);
        }),
      ),
    );
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason.message] : []));
    expect(refused).toEqual(
      names(300)
        .filter((_, index) => index % 7 === 0)
        .map((name) => `refused: ${name}`),
    );
    const expected = names(300).flatMap((name, index) => (index % 7 === 0 ? [] : [name, `${name}, second`]));
    expect(await listAccounts(store.db)).toEqual(expected);
  });

  it("that violates a constraint is refused by itself, and the others go on", async () => {
    const results = await Promise.allSettled(
      ["a", "b", "a", "c", "b", "d"].map((name) => store.transaction((db) => addAccount(db, name))),
    );
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    for (const result of results) {
      if (result.status === "rejected") expect(violatedIndex(result.reason)).toBe("accounts.name");
    }
    expect(await listAccounts(store.db)).toEqual(["a", "b", "c", "d"]);
  });

  it("that throws at once, or throws no error, is refused with just that", async () => {
    const failure = new TypeError("at once");
    const atOnce = store.transaction(() => {
      throw failure;
    });
    await expect(atOnce).rejects.toBe(failure);
    await expect(store.transaction(() => Promise.reject("no error"))).rejects.toBe("no error");
    await expect(store.transaction((db) => addAccount(db, "later"))).resolves.toBeGreaterThan(0);
  });

  it("that asks for a further one does not wait for it in vain", async () => {
    const inner = await store.transaction(async (db) => {
      await addAccount(db, "outer");
      return { done: store.transaction((later) => addAccount(later, "inner")) };
    });
    await inner.done;
    expect(await listAccounts(store.db)).toEqual(["outer", "inner"]);
  });

  it("is not seen before it is done, by reads of the same store", async () => {
    const { promise: written, resolve: tellWritten } = Promise.withResolvers<void>();
    const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
    const change = store.transaction(async (db) => {
      await addAccount(db, "taken back");
      tellWritten();
      await mayGoOn;
      throw new Error("taken back");
    });
    await written;
    const read = listAccounts(store.db);
    goOn();
    await expect(change).rejects.toThrow("taken back");
    expect(await read).toEqual([]);
  });

  it("does not keep reads waiting until all of a long queue is done", async () => {
    let done = 0;
    const writes = names(500).map(async (name) => {
      await store.transaction((db) => addAccount(db, name));
      done += 1;
    });
    await writes[0];
    await listAccounts(store.db);
    expect(done).toBeLessThan(500);
    await Promise.all(writes);
  });

  it("is carried out when it was asked for before the store was closed, and refused afterwards", async () => {
    const other = await database.openAgain();
    const asked = names(100).map((name) => store.transaction((db) => addAccount(db, name)));
    const closed = store.close();
    const late = store.transaction((db) => addAccount(db, "late"));
    await expect(late).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
    await Promise.all(asked);
    await closed;
    await expect(store.transaction((db) => addAccount(db, "later"))).rejects.toBeInstanceOf(StoreError);
    await store.close();
    expect(await listAccounts(other.db)).toEqual(names(100));
  });
});
