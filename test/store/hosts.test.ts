// Gateway hosts and leases: who holds a gateway is one host at most, whoever grants, renews, expires and releases beside each other, and
// the fence rises with every grant.
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  countHeld,
  findLease,
  freeLease,
  freeLeasesOf,
  grantLeases,
  keepLease,
  listHeld,
  markLeaving,
} from "../../src/store/gateway-leases.ts";
import {
  deleteHost,
  endSession,
  findHost,
  findHostByDigest,
  hostTurn,
  insertHost,
  listHosts,
  placementTurn,
  renewHost,
  setHostState,
  setHostToken,
} from "../../src/store/hosts.ts";
import {
  countMoves,
  endMoves,
  hasMoves,
  listFreeGateways,
  listGatewaysOfHost,
  listGatewaysWithTasks,
  listHostsOfVpcs,
  listLeavingGateways,
} from "../../src/store/placing.ts";
import type { Db, Store } from "../../src/store/store.ts";
import { insertTask } from "../../src/store/tasks.ts";
import { deleteVpnGw, findVpnGwById, recordMoved, recordVpnGwStatus } from "../../src/store/vpn-gws.ts";
import type { Vpc } from "../../src/vpn/entities.ts";
import type { Owner } from "../../src/vpn/listing.ts";
import { waitFor } from "../support/wait-for.ts";
import { databases, type TestDatabase } from "./databases.ts";
import { addVpc, addVpnGw, createdAtMs, makeOwner } from "./rows.ts";

/** Whether somebody waits for a row of this database of PostgreSQL. */
async function waits({ db }: Store): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_stat_activity where datname = current_database()
    and wait_event_type = 'Lock' and query like 'update%'`.execute(db.sql);
  return rows.length > 0;
}

describe.each(databases)("on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  let owner: Owner;
  let vpc: Vpc;

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
    owner = await makeOwner(store.db);
    vpc = await addVpc(store.db, owner);
  });
  afterEach(() => database.remove());

  const addHost = (name: string, tokenDigest?: string) =>
    store.transaction((db) => insertHost(db, { name, tokenDigest, labels: {}, capacity: 0, createdAtMs }));
  const addGateways = (count: number) =>
    store.transaction(async (db) => {
      const ids: number[] = [];
      for (let index = 0; index < count; index += 1) ids.push(await addVpnGw(db, owner, vpc));
      return ids;
    });
  const place = <T>(work: (db: Db) => Promise<T>, on = store) => on.transaction(work, "at-once", placementTurn);
  const renew = (id: number, session: string, on = store) =>
    on.transaction((db) => renewHost(db, id, session), "at-once", hostTurn(id));

  describe("a host", () => {
    it("is found by its name and by its token's digest, and keeps what it was given", async () => {
      const given = { name: "vpn1.example.org", tokenDigest: "d1", labels: { region: "gz" }, capacity: 5, createdAtMs };
      const id = await store.transaction((db) => insertHost(db, given));
      const bare = await addHost("own");
      const host = { id, name: "vpn1.example.org", labels: { region: "gz" }, capacity: 5, createdAtMs };
      const fresh = { ...host, state: "ready", session: undefined, isStopping: false, renewals: 0 };
      expect(await findHostByDigest(store.db, "d1")).toEqual(fresh);
      expect(await findHostByDigest(store.db, "d2")).toBeUndefined();
      expect(await findHost(store.db, "vpn1.example.org")).toEqual({ ...fresh, hasToken: true });
      expect(await findHost(store.db, "own")).toMatchObject({ id: bare, hasToken: false });
      expect((await listHosts(store.db)).map((each) => each.name)).toEqual(["vpn1.example.org", "own"]);
      await store.transaction((db) => setHostToken(db, id, "d2"));
      expect(await findHostByDigest(store.db, "d1")).toBeUndefined();
      expect(await findHostByDigest(store.db, "d2")).toMatchObject({ id });
    });

    it("has a name of its own, and tokens are no two hosts'", async () => {
      await addHost("one", "d1");
      await expect(addHost("one", "d2")).rejects.toThrow();
      await expect(addHost("two", "d1")).rejects.toThrow();
      await addHost("three");
      await addHost("four");
    });

    it("counts its renewals, of one session at a time", async () => {
      const id = await addHost("one");
      expect(await renew(id, "a")).toBe(true);
      expect(await renew(id, "a")).toBe(true);
      expect(await renew(id, "b")).toBe(false);
      expect(await listHosts(store.db)).toMatchObject([{ session: "a", renewals: 2 }]);
      expect(await place((db) => endSession(db, id, 1))).toBe(false);
      expect(await place((db) => endSession(db, id, 2))).toBe(true);
      expect(await listHosts(store.db)).toMatchObject([{ session: undefined, renewals: 2 }]);
      expect(await renew(id, "b")).toBe(true);
      expect(await renew(id, "a")).toBe(false);
      expect(await renew(id + 1, "a")).toBe(false);
    });

    it("goes, but not while it holds something", async () => {
      const id = await addHost("one");
      const gateways = await addGateways(1);
      await place((db) => grantLeases(db, id, gateways));
      await expect(store.transaction((db) => deleteHost(db, id))).rejects.toThrow();
      await place((db) => freeLeasesOf(db, id));
      await store.transaction((db) => deleteHost(db, id));
      expect(await listHosts(store.db)).toEqual([]);
      expect(await addHost("two")).toBe(id + 1);
    });
  });

  describe("a lease", () => {
    it("is nobody's when its gateway is made, and goes with it", async () => {
      const [id = 0] = await addGateways(1);
      expect(await findLease(store.db, id)).toEqual({ hostId: undefined, fence: 0, isLeaving: false });
      await store.transaction((db) => deleteVpnGw(db, id));
      expect(await findLease(store.db, id)).toBeUndefined();
    });

    it("is given to one, with a higher fence each time", async () => {
      const [one, two] = [await addHost("one"), await addHost("two")];
      const [first = 0, second = 0] = await addGateways(2);
      expect(await place((db) => grantLeases(db, one, [first]))).toEqual([first]);
      expect((await place((db) => grantLeases(db, two, [first, second]))).toSorted()).toEqual([second]);
      expect(await place((db) => grantLeases(db, two, []))).toEqual([]);
      expect(await listHeld(store.db, one)).toEqual([{ vpnGwId: first, fence: 1, isLeaving: false }]);
      expect(await store.transaction((db) => keepLease(db, second))).toMatchObject({ hostId: two, fence: 1 });
      expect(await place((db) => freeLease(db, { vpnGwId: first, hostId: one, fence: 2 }))).toBe(false);
      expect(await place((db) => freeLease(db, { vpnGwId: first, hostId: two, fence: 1 }))).toBe(false);
      expect(await place((db) => freeLease(db, { vpnGwId: first, hostId: one, fence: 1 }))).toBe(true);
      expect(await place((db) => freeLease(db, { vpnGwId: first, hostId: one, fence: 1 }))).toBe(false);
      await place((db) => grantLeases(db, two, [first]));
      expect(await findLease(store.db, first)).toEqual({ hostId: two, fence: 2, isLeaving: false });
      expect([await countHeld(store.db, one), await countHeld(store.db, two)]).toEqual([0, 2]);
      expect(await place((db) => freeLeasesOf(db, two))).toBe(2);
      expect((await listFreeGateways(store.db, 0, 9)).map((each) => each.id)).toEqual([first, second]);
    });

    it("that is being moved is told apart until it has arrived, or has come back", async () => {
      const [one, two] = [await addHost("one"), await addHost("two")];
      const [id = 0] = await addGateways(1);
      const moves = () =>
        Promise.all([hasMoves(store.db), ...[one, two].map(async (from) => (await countMoves(store.db, from)) > 0)]);
      const run = async () => {
        const found = await findVpnGwById(store.db, id);
        if (found !== undefined) await recordVpnGwStatus(store.db, found.vpnGw, running);
      };
      const running = { status: "running", failure: undefined } as const;
      await run();
      await place((db) => grantLeases(db, one, [id]));
      await place((db) => markLeaving(db, id, two));
      expect(await moves()).toEqual([false, false, false]);
      await place((db) => markLeaving(db, id, one));
      await place(endMoves);
      expect(await listHeld(store.db, one)).toMatchObject([{ vpnGwId: id, isLeaving: true }]);
      expect(await listLeavingGateways(store.db, 9)).toMatchObject([{ id, movingFrom: one }]);
      expect(await moves()).toEqual([true, true, false]);
      await place((db) => freeLease(db, { vpnGwId: id, hostId: one, fence: 1 }));
      await place(endMoves);
      expect(await listFreeGateways(store.db, 0, 9)).toMatchObject([{ id, movingFrom: one }]);
      expect(await listLeavingGateways(store.db, 9)).toEqual([]);
      await place((db) => grantLeases(db, two, [id]));
      await place((db) => recordMoved(db, [id]));
      await place(endMoves);
      expect(await listHeld(store.db, two)).toMatchObject([{ isLeaving: false }]);
      expect(await moves()).toEqual([true, true, false]);
      await run();
      await place(endMoves);
      expect(await moves()).toEqual([false, false, false]);

      // Nobody asked for it: it is on its way all the same.
      await place((db) => freeLease(db, { vpnGwId: id, hostId: two, fence: 2 }));
      expect(await moves()).toEqual([true, false, true]);
      await place((db) => grantLeases(db, two, [id]));
      expect(await listHeld(store.db, two)).toMatchObject([{ isLeaving: false, fence: 3 }]);
      expect(await moves()).toEqual([false, false, false]);
    });
  });

  it("placement is told of what it decides over", async () => {
    const host = await addHost("one");
    const [first = 0, second = 0, third = 0] = await addGateways(3);
    const other = await addVpc(store.db, { ...owner, region: "bj" });
    const far = await addVpnGw(store.db, { ...owner, region: "bj" }, other);
    await place((db) => grantLeases(db, host, [second]));
    const facts = { vpcId: vpc.id, region: "gz", account: "account" };
    expect(await listGatewaysOfHost(store.db, host, 9)).toEqual([{ id: second, ...facts, movingFrom: host }]);
    const free = { accountId: owner.accountId, movingFrom: undefined, status: "delivering", failure: undefined };
    expect(await listFreeGateways(store.db, 0, 2)).toEqual([
      { id: first, ...facts, ...free },
      { id: third, ...facts, ...free },
    ]);
    expect(await listFreeGateways(store.db, third, 2)).toMatchObject([{ id: far, vpcId: other.id, region: "bj" }]);
    expect(await listHostsOfVpcs(store.db, [vpc.id, vpc.id, other.id])).toEqual([{ vpcId: vpc.id, hostId: host }]);
    expect(await listHostsOfVpcs(store.db, [])).toEqual([]);
    const task = { accountId: owner.accountId, vpnConnId: undefined, action: "x", generation: 1 };
    await store.transaction(async (db) => {
      await insertTask(db, { ...task, vpnGwId: first, createdAtMs: 1_000 });
      await insertTask(db, { ...task, vpnGwId: third, createdAtMs: 2_000 });
    });
    expect(await listGatewaysWithTasks(store.db, [first, third, far], 1_999)).toEqual([first]);
    expect(await listGatewaysWithTasks(store.db, [third, far], 1_999)).toEqual([]);
    expect(await listGatewaysWithTasks(store.db, [], 1_999)).toEqual([]);
  });

  it("a gateway that moves does not run, and one that is to go is to go", async () => {
    const ids = await addGateways(4);
    const statuses = ["delivering", "running", "delivery-failed", "deleting"] as const;
    const read = async (id: number) => (await findVpnGwById(store.db, id))?.vpnGw;
    for (const [index, id] of ids.entries()) {
      const [vpnGw, status = "running"] = [await read(id), statuses[index]];
      if (vpnGw !== undefined) await recordVpnGwStatus(store.db, vpnGw, { status, failure: "it was so" });
    }
    await store.transaction((db) => recordMoved(db, ids));
    const after = await Promise.all(ids.map(async (id) => (await read(id))?.status));
    expect(after).toEqual(["delivering", "delivering", "delivering", "deleting"]);
    expect((await read(ids[1] ?? 0))?.failure).toBeUndefined();
  });

  it("a report waits for nobody, and nobody is given the gateway before it is recorded", async () => {
    const [one, two] = [await addHost("one"), await addHost("two")];
    const [id = 0] = await addGateways(1);
    await place((db) => grantLeases(db, one, [id]));
    const other = kind.servers === 2 ? await database.openAgain() : store;
    const order: string[] = [];
    let taken: Promise<void> | undefined;
    await store.transaction(
      async (db) => {
        expect(await keepLease(db, id)).toMatchObject({ hostId: one, fence: 1 });
        taken = place(async (placing) => {
          await freeLease(placing, { vpnGwId: id, hostId: one, fence: 1 });
          await grantLeases(placing, two, [id]);
          order.push("given away");
        }, other);
        if (kind.servers === 2) await waitFor(() => waits(store), { what: "the other to wait" });
        order.push("recorded");
      },
      "later",
      owner.accountId,
    );
    await taken;
    expect(order).toEqual(["recorded", "given away"]);
    expect(await findLease(store.db, id)).toMatchObject({ hostId: two, fence: 2 });
  });

  it("two who grant, expire, renew and release at once never make two holders, and the fence always rises", async () => {
    const other = kind.servers === 2 ? await database.openAgain() : store;
    const hosts = [await addHost("one"), await addHost("two"), await addHost("three")];
    const ids = await addGateways(8);
    // Each grant as the one who granted saw it.
    const grants: { vpnGwId: number; hostId: number; fence: number }[] = [];
    const held = new Map<number, number>();
    const grant = (on: Store, hostId: number) =>
      place(async (db) => {
        const free = await listFreeGateways(db, 0, 3);
        const given = await grantLeases(
          db,
          hostId,
          free.map((each) => each.id),
        );
        return (await listHeld(db, hostId)).filter((each) => given.includes(each.vpnGwId));
      }, on);
    const release = (on: Store, hostId: number) =>
      place(async (db) => {
        const [first] = await listHeld(db, hostId);
        return first !== undefined && (await freeLease(db, { ...first, hostId }));
      }, on);
    const expire = (on: Store, hostId: number, renewals: number) =>
      place(async (db) => {
        if (await endSession(db, hostId, renewals)) await freeLeasesOf(db, hostId);
      }, on);
    for (let round = 0; round < 12; round += 1) {
      const before = await listHosts(store.db);
      const work = hosts.flatMap((hostId, index) => {
        const [a, b] = (round + index) % 2 === 0 ? [store, other] : [other, store];
        const renewals = before[index]?.renewals ?? 0;
        const grantBy = async (on: Store) => {
          for (const each of await grant(on, hostId)) grants.push({ ...each, hostId });
        };
        return [grantBy(a), renew(hostId, "session", b), grantBy(b), release(a, hostId), expire(b, hostId, renewals)];
      });
      await Promise.all(work);
      held.clear();
      for (const hostId of hosts) for (const each of await listHeld(store.db, hostId)) held.set(each.vpnGwId, hostId);
      const free = await listFreeGateways(store.db, 0, 99);
      // Everybody is in one place, and in one only.
      expect([...held.keys(), ...free.map((each) => each.id)].toSorted((a, b) => a - b)).toEqual(ids);
    }
    expect(grants.length).toBeGreaterThan(8);
    const fences = grants.map((each) => `${each.vpnGwId} ${each.fence}`);
    expect(new Set(fences).size).toBe(fences.length);
    for (const id of ids) {
      const own = grants.filter((each) => each.vpnGwId === id).map((each) => each.fence);
      expect((await findLease(store.db, id))?.fence).toBe(Math.max(0, ...own));
    }
  });

  it("a host that renews is not expired by who saw an older counter, whoever is first", async () => {
    const other = kind.servers === 2 ? await database.openAgain() : store;
    const host = await addHost("one");
    const gateways = await addGateways(1);
    await place((db) => grantLeases(db, host, gateways));
    for (let round = 0; round < 20; round += 1) {
      const [before] = await listHosts(store.db);
      const renewals = before?.renewals ?? 0;
      const renewed = store.transaction(
        async (db) => ((await renewHost(db, host, "a")) ? (await listHeld(db, host)).length : -1),
        "at-once",
        hostTurn(host),
      );
      const expired = place(
        async (db) => (await endSession(db, host, renewals)) && (await freeLeasesOf(db, host)) === 1,
        other,
      );
      // Either it was expired, and is told that it holds nothing, or it holds what it was told.
      const [held, wasExpired] = await Promise.all([renewed, expired]);
      expect(held).toBe(wasExpired ? 0 : 1);
      expect(await countHeld(store.db, host)).toBe(held);
      if (wasExpired) await place((db) => grantLeases(db, host, gateways));
    }
  });

  it("the state of a host is its row's", async () => {
    const host = await addHost("one");
    await store.transaction((db) => setHostState(db, host, "draining"));
    expect(await findHost(store.db, "one")).toMatchObject({ state: "draining" });
  });
});
