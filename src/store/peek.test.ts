import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { peekSmallVolumes, peekVpnGws } from "./peek.ts";
import { Store } from "./store.ts";

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "culvert-test-"));
  path = join(dir, "culvert.db");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function peek() {
  return peekVpnGws({ data: dir, database: "" });
}

async function makeStore(): Promise<Store> {
  const store = await Store.open(`sqlite:${path}`, join(dir, "master.key"));
  const common = { account_id: 1, region: "gz", name: "x", created_at: 0 };
  await store.db.sql
    .insertInto("vpcs")
    .values({ ...common, id: 3, uid: "vpc-1", name_key: null, cidr: "10.0.0.0/16" })
    .execute();
  const gateway = { bandwidth_mbps: 5, charge_type: "prepaid", is_auto_renew: 1, expires_at: null, vpc_id: 3 };
  const statuses = { generation: 1, observed_generation: 0 };
  const rows = [
    { uid: "vpngw-1", slot: 0, public_address: 1, status: "running", failure: null },
    { uid: "vpngw-2", slot: 1, public_address: 2, status: "delivery-failed", failure: "no such plugin" },
  ];
  await store.db.sql
    .insertInto("vpn_gws")
    .values(rows.map((row) => ({ ...common, ...gateway, ...statuses, ...row })))
    .execute();
  return store;
}

it("the gateways of a database are read beside the server and without it, and nothing is left or changed", async () => {
  const store = await makeStore();
  const expected = [
    { id: 1, uid: "vpngw-1", vpcId: 3, status: "running", failure: undefined },
    { id: 2, uid: "vpngw-2", vpcId: 3, status: "delivery-failed", failure: "no such plugin" },
  ];
  expect(await peek()).toEqual(expected);
  await store.close();
  rmSync(join(dir, "master.key"));
  expect(await peek()).toEqual(expected);
  expect(readdirSync(dir)).toEqual(["culvert.db"]);
});

it("where there is no database there are none, and none is made", async () => {
  expect(await peek()).toEqual([]);
  expect(readdirSync(dir)).toEqual([]);
});

it.each(["no database", ""])("a file that is no database of ours is refused", async (text) => {
  writeFileSync(path, text);
  await expect(peek()).rejects.toThrow(`${path} cannot be read`);
});

it("the channels whose volume lifetime is small for their gateway are told", async () => {
  const store = await makeStore();
  const common = { account_id: 1, region: "gz", created_at: 0, generation: 1, observed_generation: 0 };
  const settingsSince = { ike_generation: 1, ipsec_generation: 1 };
  await store.db.sql
    .insertInto("user_gws")
    .values({ id: 1, uid: "vpnug-1", account_id: 1, region: "gz", name: "x", created_at: 0, address: "9" })
    .execute();
  const conn = (uid: string, lifetimeKilobytes: number) => ({
    ...common,
    ...settingsSince,
    ...{ uid, name: uid, name_key: uid, vpc_id: 3, vpn_gw_id: 1, user_gw_id: 1, pre_shared_key: "sealed" },
    ...{ ike_identity: "x", ike: "{}", ipsec: JSON.stringify({ lifetimeKilobytes }), spds: "[]", status: "running" },
  });
  await store.db.sql
    .insertInto("vpn_conns")
    .values([conn("vpnx-1", 3_199), conn("vpnx-2", 3_200)])
    .execute();
  expect(await peekSmallVolumes({ data: dir, database: "" }, 640)).toEqual([
    { uid: "vpnx-1", lifetimeKilobytes: 3_199, bandwidthMbps: 5 },
  ]);
  await store.close();
});
