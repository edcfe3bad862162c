// Limits when several ask at the same moment for the last free place: one gets it, the others are refused, and nothing is left of them.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RefusalKind } from "../../src/errors.ts";
import { createVpc } from "../../src/operations/create-vpc.ts";
import { deleteUserGw } from "../../src/operations/delete-user-gw.ts";
import { deleteVpc } from "../../src/operations/delete-vpc.ts";
import { deleteVpnConn } from "../../src/operations/delete-vpn-conn.ts";
import { deleteVpnGw } from "../../src/operations/delete-vpn-gw.ts";
import type { Store } from "../../src/store/store.ts";
import { setConnStatus } from "../../src/store/vpn-conns.ts";
import { awaitRefusal } from "../support/caught.ts";
import { makeConn, makeOperator, makePlace, makeUserGw, makeVpnGw, type Operator } from "../support/operations.ts";
import { databases, type TestDatabase } from "./databases.ts";

describe.each(databases)("at the same moment, on $name,", (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
  });
  afterEach(() => database.remove());

  /** Asks `count` times at once, and says how many got it; all others must have been refused as `refusal`. */
  async function askAtOnce(
    count: number,
    refusal: RefusalKind,
    ask: (index: number) => Promise<unknown>,
  ): Promise<number> {
    const results = await Promise.allSettled(Array.from({ length: count }, (_, index) => ask(index)));
    const reasons = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    for (const reason of reasons) expect(reason).toMatchObject({ name: "ApiError", kind: refusal });
    return count - reasons.length;
  }

  async function count(
    table: "vpcs" | "subnets" | "vpn_gws" | "user_gws" | "vpn_conns" | "spd_pairs" | "tasks",
  ): Promise<number> {
    const query = store.db.sql.selectFrom(table).select((eb) => eb.fn.countAll<number>().as("count"));
    return (await query.executeTakeFirstOrThrow()).count;
  }

  it("the last VPC goes to one", async () => {
    const { context, caller } = await makeOperator(store, { settings: { "quota.vpcs": "3" } });
    const ask = (index: number) => createVpc(context, caller, { name: `vpc ${index}`, cidr: "10.0.0.0/16" });
    expect(await askAtOnce(8, "vpc-limit-exceeded", ask)).toBe(3);
    expect(await count("vpcs")).toBe(3);
  });

  it("a VPC is made with all of its subnets or not at all", async () => {
    const { context, caller } = await makeOperator(store, {
      settings: { "quota.vpcs": "2", "quota.subnetsPerVpc": "3" },
    });
    const subnets = (most: number) =>
      Array.from({ length: most }, (_, index) => ({ name: `${index}`, cidr: `10.0.${index}.0/24`, zone: "1" }));
    const ask = (name: string, most: number) =>
      createVpc(context, caller, { name, cidr: "10.0.0.0/16", subnets: subnets(most) });
    expect(await askAtOnce(4, "subnet-limit-exceeded", (index) => ask(`large ${index}`, 4))).toBe(0);
    expect([await count("vpcs"), await count("subnets")]).toEqual([0, 0]);
    expect(await askAtOnce(6, "vpc-limit-exceeded", (index) => ask(`small ${index}`, 3))).toBe(2);
    expect([await count("vpcs"), await count("subnets")]).toEqual([2, 6]);
  });

  it("a VPC goes with its subnets, and never while a gateway comes", async () => {
    const operator = await makeOperator(store);
    const { context, caller } = operator;
    const subnets = [{ name: "one", cidr: "10.0.0.0/24", zone: "1" }];
    const make = (name: string) => createVpc(context, caller, { name, cidr: "10.0.0.0/16", subnets });
    const [first, second] = [await make("first"), await make("second")];
    const removed = await Promise.allSettled([
      deleteVpc(context, caller, { vpc: first.uid }),
      makeVpnGw(operator, first),
      makeVpnGw(operator, second),
      deleteVpc(context, caller, { vpc: second.uid }),
    ]);
    expect(removed.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect(removed[1]).toMatchObject({ reason: { kind: "vpc-not-found" } });
    expect(removed[3]).toMatchObject({ reason: { kind: "vpc-in-use" } });
    expect([await count("vpcs"), await count("subnets")]).toEqual([1, 1]);
  });

  it("the last VPN gateway of a VPC goes to one", async () => {
    const operator = await makeOperator(store, { settings: { "quota.vpnGwsPerVpc": "3" } });
    const { vpc } = await makePlace(operator);
    expect(await askAtOnce(5, "vpn-gw-limit-exceeded", () => makeVpnGw(operator, vpc))).toBe(2);
    expect(await count("vpn_gws")).toBe(3);
  });

  it("the last place in a VPC goes to one, even without a quota: a VPC has twelve", async () => {
    const operator = await makeOperator(store);
    const { vpc } = await makePlace(operator);
    expect(await askAtOnce(14, "vpn-gw-limit-exceeded", () => makeVpnGw(operator, vpc))).toBe(11);
    const rows = await store.db.sql.selectFrom("vpn_gws").select("slot").orderBy("slot").execute();
    expect(rows.map((row) => row.slot)).toEqual(Array.from({ length: 12 }, (_, slot) => slot));
  });

  it("the last public address goes to one", async () => {
    const settings = { "network.publicPool": "198.51.100.10-198.51.100.12" };
    const operator = await makeOperator(store, { settings });
    const { vpc } = await makePlace(operator);
    expect(await askAtOnce(5, "public-address-exhausted", () => makeVpnGw(operator, vpc))).toBe(2);
  });

  it("the last peer gateway goes to one, and an address to one", async () => {
    const operator = await makeOperator(store, { settings: { "quota.userGws": "3" } });
    const ask = (index: number) => makeUserGw(operator, `198.51.100.${100 + index}`);
    expect(await askAtOnce(6, "user-gw-limit-exceeded", ask)).toBe(3);

    const other = await makeOperator(store, { account: "other" });
    expect(await askAtOnce(6, "user-gw-address-in-use", () => makeUserGw(other, "198.51.100.200"))).toBe(1);
  });

  describe("of VPN channels", () => {
    async function prepare(settings: Parameters<typeof makeOperator>[1] = {}) {
      const operator = await makeOperator(store, settings);
      return { operator, place: await makePlace(operator) };
    }

    it("the last one goes to one, and the others leave nothing", async () => {
      const { operator, place } = await prepare({ settings: { "quota.vpnConns": "3" } });
      await makeConn(operator, place);
      const other = { ...place, vpnGw: await makeVpnGw(operator, place.vpc) };
      const ask = (index: number) => makeConn(operator, index % 2 === 0 ? place : other);
      expect(await askAtOnce(8, "vpn-conn-limit-exceeded", ask)).toBe(2);
      expect([await count("vpn_conns"), await count("spd_pairs"), await count("tasks")]).toEqual([3, 3, 3]);
    });

    it("0 is no limit", async () => {
      const { operator, place } = await prepare({ settings: { "quota.vpnConns": "0" } });
      expect(await askAtOnce(30, "vpn-conn-limit-exceeded", () => makeConn(operator, place))).toBe(30);
    });

    it("a name goes to one", async () => {
      const { operator, place } = await prepare();
      const ask = () => makeConn(operator, place, { name: "the one" });
      expect(await askAtOnce(5, "vpn-conn-name-in-use", ask)).toBe(1);
    });

    it("a pair of networks goes to one", async () => {
      const { operator, place } = await prepare();
      const ask = (index: number) => makeConn(operator, place, { peers: [`192.168.0.0/${16 + index}`] });
      expect(await askAtOnce(5, "parameter-invalid", ask)).toBe(1);
    });

    it("a channel without a name never takes one that was given to another", async () => {
      const { operator, place } = await prepare();
      const names = async () => {
        const rows = await store.db.sql.selectFrom("vpn_conns").select(["id", "name"]).orderBy("id").execute();
        return rows.map((row) => row.name);
      };
      await makeConn(operator, place, { name: "2_vpnconn" });
      await makeConn(operator, place);
      await makeConn(operator, place);
      expect(await names()).toEqual(["2_vpnconn", "2_vpnconn_1", "3_vpnconn"]);
    });

    it("a channel and the removal of its gateway, or of its peer gateway, exclude each other", async () => {
      const { operator, place } = await prepare();
      const { context, caller } = operator;
      const names = { vpc: place.vpc.uid, vpnGw: place.vpnGw.uid };
      const first = await Promise.allSettled([makeConn(operator, place), deleteVpnGw(context, caller, names)]);
      expect(first.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
      const removal = deleteUserGw(context, caller, { userGw: place.userGw.uid });
      expect((await awaitRefusal(removal)).kind).toBe("user-gw-in-use");

      const other = await makePlace(operator);
      const second = await Promise.allSettled([
        deleteVpnGw(context, caller, { vpc: other.vpc.uid, vpnGw: other.vpnGw.uid }),
        makeConn(operator, other),
      ]);
      expect(second.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
      expect(second[1]).toMatchObject({ reason: { kind: "vpn-gw-state-invalid" } });
    });

    it("is removed once, and its gateway is nudged after each change and not after a refusal", async () => {
      const { operator, place } = await prepare();
      const { taskId } = await makeConn(operator, place);
      const row = await store.db.sql.selectFrom("vpn_conns").selectAll().executeTakeFirstOrThrow();
      const names = { vpc: place.vpc.uid, vpnGw: place.vpnGw.uid, vpnConn: row.uid };
      const before = operator.nudged.length;
      const tooEarly = deleteVpnConn(operator.context, operator.caller, names);
      expect((await awaitRefusal(tooEarly)).kind).toBe("vpn-conn-state-invalid");
      expect(operator.nudged.length).toBe(before);
      await store.transaction((db) => setConnStatus(db, row.id, "running", row.generation));
      const ask = () => deleteVpnConn(operator.context, operator.caller, names);
      expect(await askAtOnce(4, "vpn-conn-state-invalid", ask)).toBe(1);
      expect(operator.nudged.slice(before)).toEqual([place.vpnGw.id]);
      expect(taskId).toBe(1);
    });
  });

  it("another account, and another region, have their own limits", async () => {
    const settings = { "quota.vpcs": "1" };
    const one = await makeOperator(store, { settings });
    const other = await makeOperator(store, { settings, account: "other" });
    const elsewhere: Operator = { ...one, caller: { ...one.caller, region: "bj" } };
    for (const { context, caller } of [one, other, elsewhere]) {
      const ask = (index: number) => createVpc(context, caller, { name: `vpc ${index}`, cidr: "10.0.0.0/16" });
      expect(await askAtOnce(2, "vpc-limit-exceeded", ask)).toBe(1);
    }
    expect(await count("vpcs")).toBe(3);
  });
});
