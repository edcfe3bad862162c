// What is PostgreSQL's own: connections that break, transactions side by side, passwords, servers that will not do.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKey } from "../../src/operations/key-ring.ts";
import { openStore } from "../../src/store/open.ts";
import { peekSmallVolumes, peekVpnGws } from "../../src/store/peek.ts";
import type { Db, Store } from "../../src/store/store.ts";
import { command, makeBareDatabase, postgresReason } from "../support/postgres-cluster.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { makePostgres, type TestDatabase } from "./databases.ts";
import { addUserGw, addVpc, addVpnConn, addVpnGw, createdAtMs, makeOwner } from "./rows.ts";

async function addAccount(db: Db, name: string): Promise<void> {
  await db.sql.insertInto("accounts").values({ name, created_at: createdAtMs }).execute();
}

async function listAccounts(db: Db): Promise<string[]> {
  const rows = await db.sql.selectFrom("accounts").select("name").orderBy("id").execute();
  return rows.map((row) => row.name);
}

async function setting(db: Db, name: string): Promise<unknown> {
  const { rows } = await sql<{ value: string }>`select current_setting(${name}) as value`.execute(db.sql);
  return rows[0]?.value;
}

describe.skipIf(postgresReason !== undefined)("on PostgreSQL", () => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makePostgres();
    store = database.store;
  });
  afterEach(() => database.remove());

  describe("a transaction", () => {
    it("waits for the disk, however much time it has", async () => {
      for (const durability of ["at-once", "later"] as const) {
        expect(await store.transaction((db) => setting(db, "synchronous_commit"), durability)).toBe("on");
      }
      expect(await setting(store.db, "fsync")).toBe("on");
    });

    it("runs beside those of other accounts, and not beside those of its own, whichever server they come from", async () => {
      const other = await database.openAgain();
      const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
      const { promise: begun, resolve: tellBegun } = Promise.withResolvers<void>();
      const order: string[] = [];
      const first = store.transaction(
        async (db) => {
          await addAccount(db, "first of 1");
          tellBegun();
          await mayGoOn;
          order.push("first of 1");
        },
        "at-once",
        1,
      );
      await begun;
      const second = other.transaction(
        async (db) => {
          expect(await listAccounts(db)).toContain("first of 1");
          order.push("second of 1");
        },
        "at-once",
        1,
      );
      await Promise.all([2, 3, 0].map((account) => store.transaction(listAccounts, "at-once", account)));
      order.push("others");
      goOn();
      await Promise.all([first, second]);
      expect(order).toEqual(["others", "first of 1", "second of 1"]);
    });

    it("that falls victim to another is done again, and nobody hears of it", async () => {
      await store.transaction((db) => Promise.all(["a", "b"].map((name) => addAccount(db, name))));
      const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let runs = 0;
      const touch = (account: number, mine: string, others: string) =>
        store.transaction(
          async (db) => {
            runs += 1;
            const rename = (name: string) =>
              db.sql.updateTable("accounts").set({ created_at: account }).where("name", "=", name).execute();
            await rename(mine);
            arrived[account - 1]?.resolve();
            await Promise.all(arrived.map(({ promise }) => promise));
            await rename(others);
          },
          "at-once",
          account,
        );
      await Promise.all([touch(1, "a", "b"), touch(2, "b", "a")]);
      // The one that was tried again may meet the other once more.
      expect(runs).toBeGreaterThanOrEqual(3);
      const rows = await store.db.sql.selectFrom("accounts").select("created_at").execute();
      expect(rows[0]).toEqual(rows[1]);
    });

    it("that goes on after a statement has failed is refused as a whole, alone and in company", async () => {
      const goOn = async (db: Db) => {
        await addAccount(db, "a");
        await addAccount(db, "a").catch(() => {});
      };
      await expect(store.transaction(goOn)).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
      const results = await Promise.allSettled([
        store.transaction((db) => addAccount(db, "before")),
        store.transaction(goOn),
        store.transaction((db) => addAccount(db, "after")),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(await listAccounts(store.db)).toEqual(["before", "after"]);
    });

    it("cannot hold a thing from outside", async () => {
      await expect(store.db.hold("public-addresses")).rejects.toThrow(TypeError);
    });
  });

  describe("a connection that breaks", () => {
    const endOthers = sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid != pg_backend_pid()`;

    it("takes back the transaction that it carried, and the next one has another", async () => {
      const admin = await database.openAgain();
      const failing = store.transaction(async (db) => {
        await addAccount(db, "lost");
        await endOthers.execute(admin.db.sql);
        await addAccount(db, "never");
      });
      await expect(failing).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
      await store.transaction((db) => addAccount(db, "next"));
      expect(await listAccounts(store.db)).toEqual(["next"]);
    });

    it("while nobody uses it is not noticed", async () => {
      const admin = await database.openAgain();
      await store.transaction((db) => addAccount(db, "a"));
      await Promise.all([1, 2, 3].map(() => listAccounts(store.db)));
      await endOthers.execute(admin.db.sql);
      // The news has to arrive first.
      await setting(admin.db, "fsync");
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await listAccounts(store.db)).toEqual(["a"]);
      await store.transaction((db) => addAccount(db, "b"));
    });
  });

  describe("a server", () => {
    let dir: TempDir;

    beforeEach(() => {
      dir = makeTempDir();
    });
    afterEach(() => dir.remove());

    const openAt = (url: string, rest: object = {}) =>
      openStore({ data: dir.path, database: url, masterKeyFile: "", ...rest });

    it("that is not there is told, without the password", async () => {
      const opened = openAt(`postgres://name:pass-word@127.0.0.1:1/culvert`);
      await expect(opened).rejects.toMatchObject({
        name: "StoreError",
        kind: "unavailable",
        message: expect.stringMatching(
          /^the database postgres:\/\/127\.0\.0\.1:1\/culvert cannot be opened: .*ECONNREFUSED/,
        ),
      });
    });

    it("is told the password of a file", async () => {
      const bare = await makeBareDatabase();
      await command(bare.url, "drop role if exists keeper; create role keeper superuser login password 'it''s long'");
      const url = bare.url.replace("culvert@", "keeper@");
      const file = join(dir.path, "password");
      const passwordFile = { databasePasswordFile: file };
      await expect(openAt(url, passwordFile)).rejects.toThrow(file);
      writeFileSync(file, "another\n");
      await expect(openAt(url, passwordFile)).rejects.toThrow("password authentication failed");
      writeFileSync(file, "it's long\n");
      const opened = await openAt(url, passwordFile);
      expect(await listAccounts(opened.db)).toEqual([]);
      await opened.close();
      await bare.remove();
    });

    it("whose texts are not UTF-8 is refused", async () => {
      const bare = await makeBareDatabase();
      const latin = bare.url.replace(/\/(test_\w+)/, "/latin");
      await command(bare.url, "drop database if exists latin");
      await command(
        bare.url,
        "create database latin encoding 'SQL_ASCII' locale_provider 'libc' locale 'C' template template0",
      );
      await expect(openAt(latin)).rejects.toThrow("has the encoding SQL_ASCII; UTF8 is needed");
      await command(bare.url, "drop database latin with (force)");
      await bare.remove();
    });

    it("is looked at by a doctor, who makes no tables", async () => {
      const bare = await makeBareDatabase();
      const look = () => peekVpnGws({ data: dir.path, database: bare.url });
      expect(await look()).toEqual([]);
      const made = await openAt(bare.url);
      expect(await look()).toEqual([]);
      const owner = await makeOwner(made.db);
      const vpc = await addVpc(made.db, owner);
      await made.transaction((db) => addVpnGw(db, owner, vpc));
      const uid = expect.stringMatching(/^vpngw-/);
      expect(await look()).toEqual([{ id: 1, uid, vpcId: vpc.id, status: "delivering", failure: undefined }]);
      const conn = { vpc, vpnGwId: 1, userGw: await addUserGw(made.db, owner) };
      await made.transaction((db) => addVpnConn(db, owner, conn));
      const kilobytes = JSON.parse(
        (await made.db.sql.selectFrom("vpn_conns").select("ipsec").execute())[0]?.ipsec ?? "",
      );
      const { lifetimeKilobytes } = kilobytes;
      const lookForVolumes = (most: number) => peekSmallVolumes({ data: dir.path, database: bare.url }, most);
      expect(await lookForVolumes(0)).toEqual([]);
      expect(await lookForVolumes(lifetimeKilobytes)).toMatchObject([{ lifetimeKilobytes }]);
      await made.close();
      await bare.remove();
      await expect(look()).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
    });

    it("has one master key: with another one, or none, nobody is let in", async () => {
      await createKey(store, { account: "a", isReadOnly: false }, createdAtMs);
      const url = database.url;
      await expect(openAt(url)).rejects.toMatchObject({ name: "StoreError", kind: "unsealable" });
      expect(existsSync(join(dir.path, "master.key"))).toBe(false);
      writeFileSync(join(dir.path, "master.key"), Buffer.alloc(32).toString("base64"));
      await expect(openAt(url)).rejects.toMatchObject({ name: "StoreError", kind: "unsealable" });
    });
  });
});
