// The schema: its picture that is checked in, databases of before and of after this version, migrations that are cut off.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { sql } from "kysely";
import { Migrator } from "kysely/migration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { drawFreshSchema, drawSchema, schemaFile } from "../../scripts/write-schema.ts";
import { migrations } from "../../src/store/migrations/index.ts";
import { openStore } from "../../src/store/open.ts";
import { insertRequestStamp } from "../../src/store/request-stamps.ts";
import { readMasterKey } from "../../src/store/sealer.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { addVpc, makeOwner } from "./rows.ts";

let dir: TempDir;

beforeEach(() => {
  dir = makeTempDir();
});
afterEach(() => dir.remove());

function open() {
  return openStore({ data: dir.path, database: "", masterKeyFile: "" });
}

describe("the picture of the schema", () => {
  it("is that of a fresh installation (after a migration: node_modules/.bin/node scripts/write-schema.ts)", async () => {
    expect(await drawFreshSchema()).toBe(readFileSync(schemaFile, "utf8"));
  });

  it("is a schema: a database made from it has the same picture", async () => {
    const path = join(dir.path, "drawn.db");
    const file = new BetterSqlite(path);
    file.exec(readFileSync(schemaFile, "utf8"));
    file.close();
    const { hand, close } = openSqlite(path, {});
    const drawn = hand.sql;
    const store = await open();
    const layout = async (db: typeof drawn) => (await drawSchema({ ...store.db, sql: db })).replace(/\s+/g, "");
    expect(await layout(drawn)).toBe(await layout(store.db.sql));
    await close();
    await store.close();
  });
});

describe("migrations", () => {
  it("are named by the minute, in rising order, so that they are carried out in the order in which they were written", () => {
    const names = Object.keys(migrations);
    expect(names).toEqual(names.toSorted());
    for (const name of names) expect(name).toMatch(/^20\d{10}-[a-z0-9]+(-[a-z0-9]+)*$/);
  });

  it("leave a database alone that has them all", async () => {
    const first = await open();
    const vpc = await first.transaction(async (db) => addVpc(db, await makeOwner(db)));
    await first.close();
    const second = await open();
    const rows = await second.db.sql.selectFrom("vpcs").select("uid").execute();
    expect(rows).toEqual([{ uid: vpc.uid }]);
    const done = await sql<{ name: string }>`select name from kysely_migration`.execute(second.db.sql);
    expect(done.rows.map(({ name }) => name)).toEqual(Object.keys(migrations));
    await second.close();
  });

  it("do not go back: a database of a later version is refused", async () => {
    const store = await open();
    const later = { name: "209901010000-of-a-later-version", timestamp: new Date(0).toISOString() };
    await sql`insert into kysely_migration values (${later.name}, ${later.timestamp})`.execute(store.db.sql);
    await store.close();
    await expect(open()).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
  });

  it("that are cut off leave nothing behind, so that they can be done again", async () => {
    const { hand, close } = openSqlite(join(dir.path, "cut-off.db"), {});
    const db = hand.sql;
    let isCutOff = true;
    const provider = {
      getMigrations: async () => ({
        "202601010000-half": {
          up: async (migrated: typeof db) => {
            await migrated.schema.createTable("first").addColumn("id", "integer").execute();
            if (isCutOff) throw new Error("cut off");
            await migrated.schema.createTable("second").addColumn("id", "integer").execute();
          },
        },
      }),
    };
    const migrate = () => new Migrator({ db, provider }).migrateToLatest();
    expect((await migrate()).error).toMatchObject({ message: "cut off" });
    isCutOff = false;
    expect((await migrate()).error).toBeUndefined();
    const tables = await db.introspection.getTables();
    expect(tables.map(({ name }) => name)).toEqual(["first", "second"]);
    await close();
  });

  it("keep what stamps and pairs of networks say, when their tables get leaner", async () => {
    readMasterKey(join(dir.path, "master.key"));
    const { hand, close } = openSqlite(join(dir.path, "culvert.db"), {});
    const db = hand.sql;
    const before = Object.fromEntries(Object.entries(migrations).filter(([name]) => name < "202611230215"));
    await new Migrator({ db, provider: { getMigrations: async () => before } }).migrateToLatest();
    const pair = sql`insert into spd_pairs values (7, 3, 10, 20, 30, 40)`;
    // Twice, as while channel 7 is being modified.
    await pair.execute(db);
    await pair.execute(db);
    await sql`insert into request_stamps values ('AKIDone', 'bWFj', 8200)`.execute(db);
    await close();

    const store = await open();
    const pairs = await store.db.sql.selectFrom("spd_pairs").selectAll().execute();
    const range = { local_first: 10, local_last: 20, peer_first: 30, peer_last: 40 };
    expect(pairs).toEqual([{ vpn_conn_id: 7, vpn_gw_id: 3, ...range }]);
    const stamp = { secretId: "AKIDone", mac: "bWFj", expiresAt: 8_200 };
    const again = store.transaction((each) => insertRequestStamp(each, stamp));
    await expect(again).rejects.toMatchObject({ kind: "request-replayed" });
    await store.close();
  });
});
