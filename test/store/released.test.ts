// Databases of releases, opened by this version: nothing that they hold is lost. A release adds its dumps by test/store/released/write.ts.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { expect, it } from "vitest";
import { findApiKey } from "../../src/store/accounts.ts";
import { findLease } from "../../src/store/gateway-leases.ts";
import { openStore } from "../../src/store/open.ts";
import { listFreeGateways } from "../../src/store/placing.ts";
import { insertRequestStamp } from "../../src/store/request-stamps.ts";
import { findOverlappingPair } from "../../src/store/spd-pairs.ts";
import type { Store } from "../../src/store/store.ts";
import { findTask, insertTask, listRunningTasks } from "../../src/store/tasks.ts";
import { listSaCounters, listTraffic } from "../../src/store/traffic.ts";
import { listVpnConnViews } from "../../src/store/vpn-conn-views.ts";
import { storedNetwork } from "../../src/vpn/network.ts";
import { command, makeBareDatabase, postgresReason } from "../support/postgres-cluster.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { masterKey, secrets } from "./released/state.ts";
import { addVpc } from "./rows.ts";

const folder = join(import.meta.dirname, "released");
const dumps = readdirSync(folder).filter((name) => name.endsWith(".sql"));

it("there are dumps of each release for both kinds of database", () => {
  const releases = new Set(dumps.map((name) => name.split(".")[0]));
  expect(releases.size).toBeGreaterThan(0);
  const wanted = [...releases].flatMap((release) => [`${release}.postgresql.sql`, `${release}.sqlite.sql`]);
  expect(dumps.toSorted()).toEqual(wanted.toSorted());
});

it.each(dumps)("%s", async (name) => {
  const dump = readFileSync(join(folder, name), "utf8");
  const dir = makeTempDir();
  writeFileSync(join(dir.path, "master.key"), masterKey.toString("base64"), { mode: 0o600 });
  if (name.endsWith(".sqlite.sql")) {
    const file = new BetterSqlite(join(dir.path, "culvert.db"));
    file.exec(dump);
    file.close();
    await check(await openStore({ data: dir.path, database: "", masterKeyFile: "" }));
  } else if (postgresReason === undefined) {
    const { url, remove } = await makeBareDatabase();
    await command(url, dump);
    await check(await openStore({ data: dir.path, database: url, masterKeyFile: "" }));
    await remove();
  }
  dir.remove();
});

/** Everything that the first release had: a later one may have more. */
async function check(store: Store): Promise<void> {
  const { db } = store;
  const key = await findApiKey(db, "AKIDreleased");
  expect(key).toMatchObject({ accountId: 1, isReadOnly: false, isDisabled: false });
  expect(key?.secretKey.reveal()).toBe(secrets.secretKey);

  const owner = { accountId: 1, region: "gz" };
  const page = { offset: 0, limit: 10, orderBy: "name", direction: "asc" } as const;
  const { rows, total } = await listVpnConnViews(db, owner, { taskId: 41 }, page);
  expect(total).toBe(1);
  expect(rows[0]).toMatchObject({
    conn: { id: 9, uid: "vpnx-released", name: "北京", status: "running", generation: 4, ikeGeneration: 4 },
    vpc: { id: 7, uid: "vpc-released", cidr: "10.0.0.0/16" },
    vpnGw: { id: 5, uid: "vpngw-released", publicAddress: "198.51.100.10", status: "running", generation: 4 },
    userGw: { id: 3, uid: "cgw-released", address: "203.0.113.7" },
    netStatus: "available",
  });
  expect(rows[0]?.conn.preSharedKey.reveal()).toBe(secrets.preSharedKey);
  expect(rows[0]?.conn.spds).toEqual([{ local: "10.0.0.0/24", peers: ["192.168.0.0/24"] }]);

  const pair = { local: storedNetwork("10.0.0.0/16"), peer: storedNetwork("192.168.0.128/25") };
  expect(await findOverlappingPair(db, 5, pair)).toMatchObject({ connUid: "vpnx-released" });
  expect(await findTask(db, 1, 41)).toEqual({ id: 41, status: "succeeded", failure: undefined });
  expect(await listRunningTasks(db, 5)).toMatchObject([{ id: 42, vpnConnId: 9, generation: 5 }]);
  const [startsAtMs, bytesIn] = [1_700_000_100_000, 9_007_199_254_740_000];
  const span = { fromMs: startsAtMs, toMs: startsAtMs + 1 };
  expect(await listTraffic(db, 9, span)).toEqual([{ startsAtMs, bytesIn, bytesOut: 5 }]);
  expect(await listSaCounters(db, 5)).toMatchObject([{ connId: 9, spi: "c0ffee", bytesIn: 1, bytesOut: 2 }]);
  const stamp = { secretId: "AKIDreleased", mac: "bWFj", expiresAt: 4_000_000_000 };
  const again = store.transaction((each) => insertRequestStamp(each, stamp));
  await expect(again).rejects.toMatchObject({ kind: "request-replayed" });

  // A gateway of before there were hosts is nobody's, and waits for one.
  expect(await findLease(db, 5)).toEqual({ hostId: undefined, fence: 0, isLeaving: false });
  expect(await listFreeGateways(db, 0, 9)).toMatchObject([{ id: 5, vpcId: 7, status: "running" }]);

  // Numbers that were given to rows that have gone are not given again.
  expect((await addVpc(db, owner)).id).toBe(9);
  const task = { accountId: 1, vpnGwId: 5, vpnConnId: 9, action: "x", generation: 6, createdAtMs: 0 };
  expect(await insertTask(db, task)).toBe(43);
  await store.close();
}
