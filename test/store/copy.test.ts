// A state that is copied from one kind of database to the other and back: nothing is lost, nothing changes, and what cannot be a copy is
// refused.
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deleteVpnConn } from "../../src/operations/delete-vpn-conn.ts";
import { createKey } from "../../src/operations/key-ring.ts";
import { backUp } from "../../src/store/backup.ts";
import { type CopiedTable, copyState, keys } from "../../src/store/copy.ts";
import type { Database } from "../../src/store/database.ts";
import { grantLeases } from "../../src/store/gateway-leases.ts";
import { insertHost } from "../../src/store/hosts.ts";
import { insertRequestStamp } from "../../src/store/request-stamps.ts";
import { openDatabase, Store } from "../../src/store/store.ts";
import { addTraffic, saveSaCounter } from "../../src/store/traffic.ts";
import { deleteVpnConn as deleteConnRow, recordNetStatus } from "../../src/store/vpn-conns.ts";
import { type Snapshot, viewDatabase } from "../support/database-view.ts";
import { makeConn, makeOperator, makePlace } from "../support/operations.ts";
import { command, makeBareDatabase, type OwnDatabase, postgresReason } from "../support/postgres-cluster.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { makeSqlite, type TestDatabase } from "./databases.ts";

/** Rows of everything, more than one batch of some, and numbers that have been given and are gone. */
async function fill({ store }: TestDatabase): Promise<void> {
  await createKey(store, { account: "default", isReadOnly: false }, 1);
  const operator = await makeOperator(store);
  const place = await makePlace(operator);
  for (let count = 0; count < 5; count += 1) await makeConn(operator, place, { name: `北京 ${count}` });
  const [first, last] = await store.db.sql
    .selectFrom("vpn_conns")
    .select(["id", "uid"])
    .orderBy("id", "desc")
    .execute();
  if (first === undefined || last === undefined) throw new TypeError("they were just made");
  const { vpc, vpnGw } = place;
  const leaving = { vpc: vpc.uid, vpnGw: vpnGw.uid, vpnConn: last.uid };
  await store.transaction(async (db) => {
    await db.sql.updateTable("vpn_conns").set({ status: "running" }).execute();
    await deleteConnRow(db, first.id);
    await recordNetStatus(db, last.id, "available", 5);
    for (let slot = 0; slot < 1_234; slot += 1) {
      await addTraffic(db, last.id, { startsAtMs: slot * 300_000, bytesIn: 2 ** 52 + slot, bytesOut: slot });
    }
    await saveSaCounter(db, { connId: last.id, spi: "c0ffee", bytesIn: 1, bytesOut: 2, seenAtMs: 3 });
    await insertRequestStamp(db, { secretId: "AKID", mac: "mac", expiresAt: 9 });
    const host = { name: "北京", tokenDigest: "digest", labels: { region: "gz" }, capacity: 2 ** 40, createdAtMs: 1 };
    await grantLeases(db, await insertHost(db, host), [vpnGw.id]);
  });
  await deleteVpnConn(operator.context, operator.caller, leaving);
}

describe.skipIf(postgresReason !== undefined)("a copy", () => {
  let source: TestDatabase;
  let server: OwnDatabase;
  let dir: TempDir;
  let before: Snapshot;

  beforeAll(async () => {
    source = await makeSqlite();
    await fill(source);
    before = await look(join(source.dir, "culvert.db"));
  });
  afterAll(() => source.remove());
  beforeEach(async () => {
    server = await makeBareDatabase();
    dir = makeTempDir();
    return async () => {
      await server.remove();
      dir.remove();
    };
  });

  async function look(path: string): Promise<Snapshot> {
    const view = viewDatabase(dir?.path ?? "", "", path);
    const { kysely_migration, kysely_migration_lock, ...snapshot } = await view.takeSnapshot();
    await view.close();
    return snapshot;
  }

  async function withBoth<T>(from: string, to: string, work: (a: Database, b: Database) => Promise<T>): Promise<T> {
    const [a, b] = [await openDatabase(from, {}), await openDatabase(to, {})];
    try {
      return await work(a, b);
    } finally {
      await a.close();
      await b.close();
    }
  }

  /** @param most tables, after which it is cut off */
  async function copy(from: string, to: string, most = 100): Promise<CopiedTable[]> {
    const done: CopiedTable[] = [];
    await withBoth(from, to, (a, b) =>
      copyState(a, b, (table) => {
        done.push(table);
        if (done.length === most) throw new Error("cut off");
      }),
    );
    return done;
  }

  const fromFile = () => `sqlite:${join(source.dir, "culvert.db")}`;

  it("knows every table", async () => {
    const tables = await source.store.db.sql.introspection.getTables();
    expect(tables.map(({ name }) => name).toSorted()).toEqual(Object.keys(keys).toSorted());
  });

  it("to PostgreSQL and back is the same, the numbers included that are given next", async () => {
    await copy(fromFile(), server.url);
    const back = join(dir.path, "back.db");
    await copy(server.url, `sqlite:${back}`);
    expect(await look(back)).toEqual(before);
    expect(before.traffic_slots).toHaveLength(1_234);
    expect(before.sqlite_sequence).toContainEqual({ name: "vpn_conns", seq: 5 });
  });

  it("that was cut off goes on, and does nothing twice", async () => {
    await expect(copy(fromFile(), server.url, 17)).rejects.toThrow("cut off");
    const again = await copy(fromFile(), server.url);
    const copied = again.filter((table) => table.copied > 0).map(({ table }) => table);
    expect(copied).toEqual(["sa_counters"]);
    const third = await copy(fromFile(), server.url);
    expect(third.filter((table) => table.copied > 0)).toEqual([]);
    expect(third.find(({ table }) => table === "traffic_slots")).toMatchObject({ rows: 1_234 });
  });

  it("that was cut off is opened by no server before it is whole", async () => {
    const start = () => Store.open(server.url, join(source.dir, "master.key"));
    await expect(copy(fromFile(), server.url, 8)).rejects.toThrow("cut off");
    for (const _ of [1, 2]) {
      await expect(start()).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
      await expect(start()).rejects.toThrow(/has a part of a copy; culvert import, called again, goes on$/);
      await expect(copy(fromFile(), server.url, 9)).rejects.toThrow("cut off");
    }
    await copy(fromFile(), server.url);
    await (await start()).close();
    // What a server has is not kept from it by a copy that is refused.
    await command(server.url, "insert into accounts values (99, 'other', 1)");
    await expect(copy(fromFile(), server.url)).rejects.toThrow("that the source does not have");
    await (await start()).close();
  });

  it.each([
    ["a row that differs", "update vpn_conns set failure = 'x' where id = 2", /another row \[2\] of vpn_conns/],
    ["a row more", "insert into accounts values (99, 'other', 1)", /rows of accounts that the source does not have/],
    ["a row between", "insert into traffic_slots values (4, 17, 1, 1)", /another row \[4,17\] of traffic_slots/],
  ])("into what holds %s is refused", async (_what, statement, message) => {
    await copy(fromFile(), server.url);
    await command(server.url, statement);
    await expect(copy(fromFile(), server.url)).rejects.toThrow(message);
  });

  it("of a database of no version is refused", async () => {
    await expect(copy(server.url, `sqlite:${join(dir.path, "new.db")}`)).rejects.toThrow("is not of this version");
  });

  describe("for safe keeping", () => {
    it("of a file is made while it is written to, and is a database", async () => {
      const file = join(dir.path, "backup.db");
      const { store } = source;
      const write = store.transaction((db) => insertRequestStamp(db, { secretId: "AKID", mac: "later", expiresAt: 9 }));
      await Promise.all([write, backUp({ data: source.dir, database: "" }, file)]);
      const { request_stamps: _, ...rest } = await look(file);
      const { request_stamps: __, ...expected } = before;
      expect(rest).toEqual(expected);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(readdirSync(dir.path)).toEqual(["backup.db"]);
    });

    it("of a server is the same file as that of a file", async () => {
      await copy(fromFile(), server.url);
      const file = join(dir.path, "backup.db");
      await backUp({ data: dir.path, database: server.url }, file);
      expect(await look(file)).toEqual(await look(join(source.dir, "culvert.db")));
      expect(readdirSync(dir.path)).toEqual(["backup.db"]);
    });

    it("never takes the place of a file, and leaves nothing when it fails", async () => {
      const file = join(dir.path, "backup.db");
      writeFileSync(file, "precious");
      const place = { data: source.dir, database: "" };
      await expect(backUp(place, file)).rejects.toThrow("is there already");
      await expect(backUp(place, join(dir.path, "no", "where.db"))).rejects.toMatchObject({ kind: "unavailable" });
      await expect(backUp({ data: dir.path, database: "" }, join(dir.path, "b.db"))).rejects.toThrow(
        "there is no database",
      );
      expect(readdirSync(dir.path)).toEqual(["backup.db"]);
    });
  });
});
