import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { databases, type TestDatabase } from "../../test/store/databases.ts";
import {
  makeConn,
  makeOperator,
  makePlace,
  makeVpnGw,
  modifyConn,
  type Operator,
  type Place,
} from "../../test/support/operations.ts";
import { makeGate } from "../../test/support/reconcile-world.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { HostLeases } from "../control/direct/host-leases.ts";
import { deleteVpnGw } from "../operations/delete-vpn-gw.ts";
import { countHeld, findLease } from "../store/gateway-leases.ts";
import { insertHost, listHosts, placementTurn, setHostState } from "../store/hosts.ts";
import type { Store } from "../store/store.ts";
import { setConnStatus } from "../store/vpn-conns.ts";
import { findVpnGwById, recordVpnGwStatus } from "../store/vpn-gws.ts";
import type { GatewayHost, HostState } from "../vpn/gateway-host.ts";
import { noHost } from "./placement.ts";
import { Placer, type PlacerOptions } from "./placer.ts";

const termMs = 30_000;
const silentMs = 33_000;

interface Node {
  readonly placer: Placer;
  readonly granted: number[][];
  readonly logged: string[];
}

describe.each(databases)("a placer on $name", (kind) => {
  /** What is decided in memory is looked at once, since each second takes statements. */
  const once = kind.servers === 1 ? it : () => {};

  let database: TestDatabase;
  let store: Store;
  let operator: Operator;
  let nowMs: number;
  let node: Node;
  const started = Date.UTC(2026, 0, 1);
  const clock = () => started + nowMs;

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
    nowMs = 0;
    operator = await makeOperator(store, { clock });
    node = makeNode();
  });
  afterEach(() => database.remove());

  function makeNode(given: Partial<PlacerOptions> = {}): Node {
    const [granted, logged]: [number[][], string[]] = [[], []];
    const note = (_: object, message: string) => void logged.push(message);
    const log = { info: note, warn: note, error: note };
    const monotonic = () => nowMs + 5_000_000;
    const onGranted = (ids: readonly number[]) => void granted.push([...ids]);
    return { placer: new Placer({ store, monotonic, clock, log, termMs, onGranted, ...given }), granted, logged };
  }

  /** A host's process: renews when it is told to. */
  class TestHost {
    readonly id: number;
    readonly leases: HostLeases;
    static async make(name: string, given: Partial<Pick<GatewayHost, "labels" | "capacity">> = {}) {
      const row = { name, tokenDigest: undefined, labels: {}, capacity: 0, createdAtMs: 0, ...given };
      return new TestHost(await store.transaction((db) => insertHost(db, row)));
    }
    constructor(id: number) {
      this.id = id;
      this.leases = new HostLeases({ store, host: { hostId: id, session: "a" }, termMs });
    }
    renew = () => this.leases.renew();
    setState = (state: HostState) =>
      store.transaction((db) => setHostState(db, this.id, state), "at-once", placementTurn);
    countHeld = () => countHeld(store.db, this.id);
    /** Leaves what it is to leave. @returns which */
    async leave() {
      const { leavingIds } = await this.renew();
      for (const id of leavingIds) await this.leases.release(id);
      return leavingIds;
    }
    /** What it holds runs. */
    async run() {
      for (const id of (await this.renew()).gatewayIds) {
        const found = await findVpnGwById(store.db, id);
        if (found !== undefined)
          await recordVpnGwStatus(store.db, found.vpnGw, { status: "running", failure: undefined });
      }
    }
  }

  /** Goes on second by second; hosts renew every five seconds. */
  async function goOn(ms: number, living: readonly TestHost[], nodes: readonly Node[] = [node]): Promise<void> {
    for (const untilMs = nowMs + ms; nowMs < untilMs; ) {
      nowMs += 1_000;
      if (nowMs % 5_000 === 0) for (const host of living) await host.renew();
      for (const each of nodes) await each.placer.turn();
    }
  }

  /** Hosts that a placer knows to live. */
  async function makeHosts(count: number, given: Partial<Pick<GatewayHost, "labels" | "capacity">> = {}) {
    const hosts: TestHost[] = [];
    for (let index = 0; index < count; index += 1) hosts.push(await TestHost.make(`host${index}`, given));
    await node.placer.turn();
    for (const host of hosts) await host.renew();
    await node.placer.turn();
    return hosts;
  }

  async function makeGateways(count: number): Promise<Place[]> {
    const places: Place[] = [];
    for (let index = 0; index < count; index += 1) places.push(await makePlace(operator));
    return places;
  }

  const counts = (hosts: readonly TestHost[]) => Promise.all(hosts.map((host) => host.countHeld()));
  const gatewayOf = async ({ vpnGw }: Place) => (await findVpnGwById(store.db, vpnGw.id))?.vpnGw;
  const taskOf = (id: number) =>
    store.db.sql.selectFrom("tasks").select(["status", "failure"]).where("id", "=", id).executeTakeFirstOrThrow();

  it("gives each gateway a host, tells those that got some, and then leaves it there", async () => {
    const hosts = await makeHosts(3);
    expect(node.granted).toEqual([]);
    const places = await makeGateways(6);
    await node.placer.turn();
    expect(await counts(hosts)).toEqual([2, 2, 2]);
    expect(node.granted).toEqual([expect.arrayContaining(hosts.map(({ id }) => id))]);
    const before = await Promise.all(places.map(({ vpnGw }) => findLease(store.db, vpnGw.id)));
    await goOn(20_000, hosts);
    expect(await Promise.all(places.map(({ vpnGw }) => findLease(store.db, vpnGw.id)))).toEqual(before);
    expect(node.granted).toHaveLength(1);
  });

  it("gives gateways of one VPC to hosts apart, and fills nobody beyond what it may run", async () => {
    const [one, two] = await makeHosts(2, { capacity: 2 });
    if (one === undefined || two === undefined) throw new TypeError("they were just made");
    const [first] = await makeGateways(1);
    if (first === undefined) throw new TypeError("it was just made");
    await makeVpnGw(operator, first.vpc);
    await node.placer.turn();
    expect(await counts([one, two])).toEqual([1, 1]);
    await makeGateways(3);
    await node.placer.turn();
    expect(await counts([one, two])).toEqual([2, 2]);
  });

  once("gives nothing to a host that nobody renews, is cordoned, or is drained", async () => {
    await makeGateways(1);
    const [silent, cordoned, draining, open] = await makeHosts(4);
    await cordoned?.setState("cordoned");
    await draining?.setState("draining");
    await open?.setState("cordoned");
    await goOn(
      16_000,
      [cordoned, draining, open].flatMap((host) => host ?? []),
    );
    await makeGateways(1);
    await node.placer.turn();
    const hosts = [silent, cordoned, draining, open].flatMap((host) => host ?? []);
    // The first was given to a host that renewed once and then no more.
    expect(await counts(hosts)).toEqual([1, 0, 0, 0]);
    await open?.setState("ready");
    await node.placer.turn();
    expect(await counts(hosts)).toEqual([1, 0, 0, 1]);
  });

  describe("a host that is silent", () => {
    it("loses its gateways after a term and a tenth, and they go to others with a higher fence", async () => {
      const [lost, other] = await makeHosts(2);
      if (lost === undefined || other === undefined) throw new TypeError("they were just made");
      const places = await makeGateways(4);
      await node.placer.turn();
      await lost.run();
      await other.run();
      await node.placer.turn();
      await goOn(silentMs - 1_000, [other]);
      expect(await counts([lost, other])).toEqual([2, 2]);
      await goOn(1_000, [other]);
      expect(await counts([lost, other])).toEqual([0, 4]);
      const fences = await Promise.all(places.map(async ({ vpnGw }) => (await findLease(store.db, vpnGw.id))?.fence));
      expect(fences.toSorted()).toEqual([1, 1, 2, 2]);
      // Until they run there they do not run.
      const statuses = await Promise.all(places.map(async (each) => (await gatewayOf(each))?.status));
      expect(statuses.toSorted()).toEqual(["delivering", "delivering", "running", "running"]);
      // It comes back, and is told that it has nothing; then it takes gateways again.
      expect((await lost.renew()).gatewayIds).toEqual([]);
      await goOn(5_000, [lost, other]);
      await makeGateways(1);
      await node.placer.turn();
      expect(await counts([lost, other])).toEqual([1, 4]);
    });

    once("keeps them while the database could not be read, and for a term and a tenth from then on", async () => {
      const [host] = await makeHosts(1);
      if (host === undefined) throw new TypeError("it was just made");
      await makeGateways(1);
      await node.placer.turn();
      nowMs += 100_000;
      await node.placer.turn();
      await goOn(silentMs - 1_000, []);
      expect(await host.countHeld()).toBe(1);
      await goOn(1_000, []);
      expect(await host.countHeld()).toBe(0);
      expect(await listHosts(store.db)).toMatchObject([{ session: undefined }]);
    });

    once("keeps them when it renews at the last moment, whatever a slower node believes", async () => {
      const [host] = await makeHosts(1);
      if (host === undefined) throw new TypeError("it was just made");
      await makeGateways(1);
      await node.placer.turn();
      await goOn(silentMs - 1_000, []);
      await host.renew();
      await goOn(silentMs - 1_000, []);
      expect(await host.countHeld()).toBe(1);
    });
  });

  describe("a host that is drained", () => {
    async function prepare(given: Partial<Pick<GatewayHost, "capacity">> = {}) {
      const [full, empty] = await makeHosts(2, given);
      if (full === undefined || empty === undefined) throw new TypeError("they were just made");
      await empty.setState("cordoned");
      await makeGateways(3);
      await node.placer.turn();
      await full.run();
      await empty.setState("ready");
      await full.setState("draining");
      return { full, empty };
    }

    it("leaves one gateway after the other, the next when the former runs elsewhere", async () => {
      const { full, empty } = await prepare();
      for (let left = 3; left > 0; left -= 1) {
        await goOn(2_000, [full, empty]);
        expect((await full.renew()).leavingIds).toHaveLength(1);
        expect(await counts([full, empty])).toEqual([left, 3 - left]);
        expect(await full.leave()).toHaveLength(1);
        await goOn(2_000, [full, empty]);
        expect(await counts([full, empty])).toEqual([left - 1, 4 - left]);
        // It does not run there yet.
        expect((await full.renew()).leavingIds).toEqual([]);
        await empty.run();
      }
      await goOn(2_000, [full, empty]);
      expect(await counts([full, empty])).toEqual([0, 3]);
    });

    once("leaves none that no other host has room for", async () => {
      const { full, empty } = await prepare({ capacity: 3 });
      const filled = await makeGateways(2);
      await goOn(10_000, [full, empty]);
      expect(await empty.countHeld()).toBe(2);
      await empty.run();
      expect(await full.leave()).toHaveLength(1);
      await goOn(1_000, [full, empty]);
      await empty.run();
      await goOn(10_000, [full, empty]);
      expect((await full.renew()).leavingIds).toEqual([]);
      expect(await counts([full, empty])).toEqual([2, 3]);
      expect(filled).toHaveLength(2);
    });

    once("and others with it leave no more than there is room for together", async () => {
      const hosts = await makeHosts(3, { capacity: 2 });
      await makeGateways(5);
      await node.placer.turn();
      expect((await counts(hosts)).toSorted()).toEqual([1, 2, 2]);
      for (const host of hosts) await host.run();
      for (const host of hosts) if ((await host.countHeld()) === 2) await host.setState("draining");
      await goOn(10_000, hosts);
      const leaving = await Promise.all(hosts.map(async (host) => (await host.renew()).leavingIds.length));
      expect(leaving.toSorted()).toEqual([0, 0, 1]);
    });
  });

  describe("a host that is about to stop", () => {
    const stop = (host: TestHost) => host.leases.renew(true);

    it("leaves eight gateways at a time, and gets none, without a word to the administrator's state", async () => {
      const [ending, other] = await makeHosts(2);
      if (ending === undefined || other === undefined) throw new TypeError("they were just made");
      await other.setState("cordoned");
      await makeGateways(10);
      await node.placer.turn();
      await ending.run();
      await other.setState("ready");
      await stop(ending);
      await node.placer.turn();
      const { leavingIds } = await stop(ending);
      expect(leavingIds).toHaveLength(8);
      await node.placer.turn();
      expect((await stop(ending)).leavingIds).toEqual(leavingIds);
      for (const id of leavingIds) await ending.leases.release(id);
      await node.placer.turn();
      expect(await counts([ending, other])).toEqual([2, 8]);
      expect((await stop(ending)).leavingIds).toEqual([]);
      await other.run();
      await node.placer.turn();
      expect((await stop(ending)).leavingIds).toHaveLength(2);
      await makeGateways(1);
      await node.placer.turn();
      expect(await counts([ending, other])).toEqual([2, 9]);
      expect((await listHosts(store.db)).map(({ state }) => state)).toEqual(["ready", "ready"]);
    });

    it("keeps what it was not told to leave when its new process renews, and gets gateways again", async () => {
      const [ending, other] = await makeHosts(2, { capacity: 1 });
      if (ending === undefined || other === undefined) throw new TypeError("they were just made");
      await makeGateways(2);
      await node.placer.turn();
      await stop(ending);
      await node.placer.turn();
      // The other one is full.
      expect((await stop(ending)).leavingIds).toEqual([]);
      for (const id of (await ending.renew()).gatewayIds) await ending.leases.release(id);
      await goOn(2_000, []);
      expect(await counts([ending, other])).toEqual([1, 1]);
    });
  });

  it("gives what a host has let go of to another one, and back to it only if there is no other", async () => {
    const [one, two] = await makeHosts(2);
    if (one === undefined || two === undefined) throw new TypeError("they were just made");
    await makeGateways(2);
    await node.placer.turn();
    const { gatewayIds } = await one.renew();
    for (const id of gatewayIds) await one.leases.release(id);
    await node.placer.turn();
    expect(await counts([one, two])).toEqual([0, 2]);
    await one.setState("cordoned");
    for (const id of (await two.renew()).gatewayIds) await two.leases.release(id);
    await node.placer.turn();
    expect(await counts([one, two])).toEqual([0, 2]);
    expect((await two.renew()).leavingIds).toEqual([]);
  });

  describe("a gateway that no host can have", () => {
    once("is said not to run after a while, its tasks fail after 30 s, and it runs when there is a host", async () => {
      const [place] = await makeGateways(1);
      if (place === undefined) throw new TypeError("it was just made");
      const { taskId } = await makeConn(operator, place);
      await goOn(10_000, []);
      expect(await gatewayOf(place)).toMatchObject({ status: "delivering" });
      await goOn(1_000, []);
      expect(await gatewayOf(place)).toMatchObject({ status: "delivery-failed", failure: noHost.none });
      await goOn(18_000, []);
      expect(await taskOf(taskId)).toMatchObject({ status: "running" });
      await goOn(2_000, []);
      expect(await taskOf(taskId)).toMatchObject({ status: "failed", failure: noHost.none });
      const conn = await store.db.sql.selectFrom("vpn_conns").selectAll().executeTakeFirstOrThrow();
      expect(conn).toMatchObject({ status: "create-failed", failure: noHost.none });
      const again = await makeConn(operator, place);
      await goOn(29_000, []);
      expect(await taskOf(again.taskId)).toMatchObject({ status: "running" });
      const [host] = await makeHosts(1);
      expect(await host?.countHeld()).toBe(1);
      expect(await gatewayOf(place)).toMatchObject({ status: "delivering", failure: undefined });
      await goOn(60_000, host === undefined ? [] : [host]);
      expect(await taskOf(again.taskId)).toMatchObject({ status: "running" });
    });

    once("says whether hosts are full, or are for others", async () => {
      const [, second] = await makeGateways(2);
      const hosts = await makeHosts(1, { capacity: 1 });
      await goOn(12_000, hosts);
      expect(second === undefined ? undefined : await gatewayOf(second)).toMatchObject({ failure: noHost.full });
      const sh = await makeOperator(store, { clock, account: "other" });
      const far = await makePlace(sh);
      for (const host of hosts) await host.setState("cordoned");
      const bound = await TestHost.make("bound", { labels: { account: "third" } });
      await goOn(25_000, [...hosts, bound]);
      expect(await gatewayOf(far)).toMatchObject({ failure: noHost.unfit });
    });

    it("has its channel go back to what it was when a modification of it fails", async () => {
      const [place] = await makeGateways(1);
      if (place === undefined) throw new TypeError("it was just made");
      await makeConn(operator, place);
      const row = await store.db.sql.selectFrom("vpn_conns").selectAll().executeTakeFirstOrThrow();
      await store.transaction((db) => setConnStatus(db, row.id, "running", row.generation));
      const { taskId } = await store.db.sql.selectFrom("tasks").select("id as taskId").executeTakeFirstOrThrow();
      const changed = await modifyConn(operator, place, row.uid, { ike: { lifetimeSeconds: 7_200 } });
      await goOn(32_000, []);
      const after = await store.db.sql.selectFrom("vpn_conns").selectAll().executeTakeFirstOrThrow();
      expect(after).toMatchObject({ status: "modify-failed", ike: row.ike });
      expect(await taskOf(changed.taskId)).toMatchObject({ status: "failed", failure: noHost.none });
      expect(taskId).not.toBe(changed.taskId);
    });

    it("and that is to be removed goes, and its task succeeds; one that a host holds does not", async () => {
      const [host] = await makeHosts(1);
      const [held] = await makeGateways(1);
      if (host === undefined || held === undefined) throw new TypeError("they were just made");
      await node.placer.turn();
      await host.setState("cordoned");
      const [free] = await makeGateways(1);
      if (free === undefined) throw new TypeError("it was just made");
      const remove = ({ vpc, vpnGw }: Place) =>
        deleteVpnGw(operator.context, operator.caller, { vpc: vpc.uid, vpnGw: vpnGw.uid });
      const tasks = [await remove(held), await remove(free)];
      await node.placer.turn();
      expect(await gatewayOf(free)).toBeUndefined();
      expect(await findLease(store.db, free.vpnGw.id)).toBeUndefined();
      expect(await gatewayOf(held)).toMatchObject({ status: "deleting" });
      const statuses = await Promise.all(tasks.map(async ({ taskId }) => (await taskOf(taskId)).status));
      expect(statuses).toEqual(["running", "succeeded"]);
    });
  });

  if (kind.servers === 2) {
    it("goes on watching while it waits for its turn to give something away", async () => {
      const [host] = await makeHosts(1);
      await makeGateways(1);
      await node.placer.turn();
      await host?.setState("cordoned");
      await makeGateways(1);
      const other = await database.openAgain();
      const gate = makeGate();
      const holding = other.transaction(gate.pass, "at-once", placementTurn);
      await gate.reached;
      vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
      let looks = 0;
      const monotonic = () => {
        looks += 1;
        return nowMs + 5_000_000;
      };
      const { placer } = makeNode({ monotonic });
      try {
        placer.start();
        for (let second = 0; second <= silentMs / 1_000; second += 1) {
          const before = looks;
          nowMs += 1_000;
          vi.advanceTimersByTime(1_000);
          await waitFor(() => looks > before, { what: "a look" });
        }
        expect(await host?.countHeld()).toBe(1);
        gate.open();
        await holding;
        await waitFor(async () => (await host?.countHeld()) === 0, { what: "the host to be expired" });
      } finally {
        vi.useRealTimers();
        gate.open();
        await placer.stop();
      }
    });
  }

  it("beside another one gives each gateway once, and never more to a host than it may run", async () => {
    const other = makeNode({ store: kind.servers === 2 ? await database.openAgain() : store });
    const hosts = await makeHosts(3, { capacity: 4 });
    await other.placer.turn();
    await goOn(5_000, hosts, [node, other]);
    await makeGateways(14);
    await Promise.all([node.placer.turn(), other.placer.turn(), node.placer.turn(), other.placer.turn()]);
    expect(await counts(hosts)).toEqual([4, 4, 4]);
    const leases = await store.db.sql.selectFrom("gateway_leases").select("fence").execute();
    expect(leases.map(({ fence }) => fence).toSorted()).toEqual([0, 0, ...Array(12).fill(1)]);
    // Both see the same host fall silent; its gateways have no place elsewhere, and are nobody's.
    const living = hosts.slice(1);
    await goOn(silentMs + 1_000, living, [node, other]);
    expect(await counts(hosts)).toEqual([0, 4, 4]);
    const expired = [...node.logged, ...other.logged].filter((line) => line.includes("are over"));
    expect(expired).toHaveLength(1);
  });

  (kind.servers === 1 ? describe : () => {})("its loop", () => {
    const turnOver = () => new Promise(setImmediate);

    once(
      "takes turns one after the other, one more for what came meanwhile, and none after it was stopped",
      async () => {
        const { placer } = makeNode();
        let [active, most, turns] = [0, 0, 0];
        placer.turn = async () => {
          active += 1;
          turns += 1;
          most = Math.max(most, active);
          await turnOver();
          active -= 1;
        };
        placer.start();
        for (let count = 0; count < 20; count += 1) placer.nudge();
        await waitFor(() => turns === 2, { what: "a second turn" });
        for (let count = 0; count < 20; count += 1) await turnOver();
        expect({ turns, most }).toEqual({ turns: 2, most: 1 });
        placer.nudge();
        placer.nudge();
        await placer.stop();
        placer.nudge();
        await turnOver();
        await turnOver();
        expect({ turns, active }).toEqual({ turns: 3, active: 0 });
      },
    );

    it("says once that it fails, and goes on", async () => {
      const { placer, logged } = makeNode();
      let [turns, isBroken] = [0, true];
      placer.turn = async () => {
        turns += 1;
        if (isBroken) throw new Error("broken");
      };
      for (const wanted of [1, 2, 3]) {
        if (wanted === 3) isBroken = false;
        placer.nudge();
        await waitFor(() => turns === wanted, { what: `turn ${wanted}` });
        await turnOver();
      }
      expect(logged).toEqual(["placement failed; it is tried again", "placement goes on"]);
      await placer.stop();
    });
  });
});
