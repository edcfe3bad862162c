import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeConn, makePlace, type Place } from "../../test/support/operations.ts";
import { makeGate, ReconcileWorld } from "../../test/support/reconcile-world.ts";
import type { TakenStep } from "../../test/support/scripted-dataplane.ts";
import { DataplaneError, type Step } from "../dataplane/dataplane.ts";
import { Secret } from "../vpn/secret.ts";

const silentPeer = "192.0.2.7";
let world: ReconcileWorld;
let place: Place;

beforeEach(async () => {
  world = await ReconcileWorld.make();
  place = await makePlace(world.operator);
});
afterEach(() => world.remove());

function refuse(
  kind: Step["kind"],
  failure: "gateway" | "connection",
  message: string,
  isMeant = (_: TakenStep) => true,
) {
  world.dataplane.onApply = (taken) => {
    if (taken.step.kind === kind && isMeant(taken)) throw new DataplaneError(failure, message);
  };
}

function letBe(): void {
  world.dataplane.onApply = () => {};
  world.dataplane.onObserve = () => {};
}

async function startWithChannels(count: number): Promise<number[]> {
  await world.start();
  const made: number[] = [];
  for (let index = 0; index < count; index += 1) made.push((await makeConn(world.operator, place)).taskId);
  await world.untilUp(count);
  await world.settle();
  return made;
}

describe("a channel", () => {
  test("runs when charon has taken it, and is up when its CHILD_SA is there", async () => {
    await world.start();
    const { taskId } = await makeConn(world.operator, place);
    expect(await world.task(taskId)).toEqual({ status: "running", failure: undefined });
    await world.untilTask(taskId, "succeeded");
    await world.untilUp(1);
    await world.settle();
    const { generation, ...gateway } = await world.gateway(place.vpnGw.id);
    expect(gateway).toEqual({ status: "running", failure: null, observed: generation });
    world.expectNoErrors();
  });

  test("runs with a silent peer too, and is not up", async () => {
    const silent = await makePlace(world.operator, silentPeer);
    await world.start();
    const { taskId } = await makeConn(world.operator, silent);
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    expect(await world.statuses()).toEqual(["running, never up"]);
  });

  test("that is deleted goes from charon, then from the store with all that belonged to it", async () => {
    await startWithChannels(1);
    const { taskId } = await world.deleteConn(place);
    await world.untilTask(taskId, "succeeded");
    expect(await world.conns()).toEqual([]);
    for (const table of ["spd_pairs", "vpn_conn_observations"] as const) {
      expect(await world.store.db.sql.selectFrom(table).selectAll().execute()).toEqual([]);
    }
    const actual = await world.dataplane.peek(place.vpnGw.id);
    expect(actual).toMatchObject({ isRunning: true, connections: new Map(), secrets: new Map(), ikeSas: [] });
    world.expectNoErrors();
  });

  test("leaves the SAs of the others alone when it goes, also those of its own IKE identity", async () => {
    await startWithChannels(3);
    const before = await world.dataplane.peek(place.vpnGw.id);
    const ids = before.ikeSas.flatMap((sa) => sa.children.map((child) => child.uniqueId));
    expect([before.ikeSas.length, ids.length]).toEqual([1, 3]);
    const { taskId } = await world.deleteConn(place, (await world.conns())[1]?.uid);
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    const after = await world.dataplane.peek(place.vpnGw.id);
    expect(after.ikeSas.map((sa) => sa.uniqueId)).toEqual(before.ikeSas.map((sa) => sa.uniqueId));
    expect(after.ikeSas.flatMap((sa) => sa.children.map((child) => child.uniqueId))).toEqual([ids[0], ids[2]]);
    expect(await world.statuses()).toEqual(["running, available", "running, available"]);
  });

  test("that falls is not up, and is brought up again", async () => {
    await startWithChannels(1);
    await world.advance(11_000);
    const before = world.log.length;
    await world.dataplane.loseSas(place.vpnGw.id);
    await world.settle();
    expect(world.log.slice(before).map(({ message, fields }) => [message, fields])).toMatchObject([
      ["channel changed", { netStatus: "unavailable" }],
      ["channel changed", { netStatus: "available" }],
    ]);
    expect(await world.statuses()).toEqual(["running, available"]);
    expect(await world.task(1)).toMatchObject({ status: "succeeded" });
  });

  test("that fell with its charon is brought up at once, however young it is", async () => {
    await startWithChannels(1);
    await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    world.dataplane.report(place.vpnGw.id);
    await world.settle();
    expect(await world.statuses()).toEqual(["running, available"]);
  });

  test("that fell after it had lasted is brought up at once, however long it took the first time", async () => {
    refuse("initiate-child", "connection", "it is not loaded");
    await world.start();
    await makeConn(world.operator, place);
    await world.advance(40_000);
    letBe();
    await world.advance(60_000);
    await world.untilUp(1);
    await world.dataplane.loseSas(place.vpnGw.id);
    await world.settle();
    expect(await world.statuses()).toEqual(["running, available"]);
  });

  test("with a silent peer is given up after 25 seconds and tried again, as long as it takes", async () => {
    const silent = await makePlace(world.operator, silentPeer);
    await world.start();
    await makeConn(world.operator, silent);
    await world.settle();
    const startedMs = Date.now();
    const seconds: [string, number][] = [];
    world.dataplane.onApply = ({ step }) =>
      void seconds.push([step.kind, Math.round((Date.now() - startedMs) / 1_000)]);
    await world.advance(120_000);
    const ended = seconds.flatMap(([kind, at]) => (kind === "terminate-ike-sa" ? [at] : []));
    const begun = seconds.flatMap(([kind, at]) => (kind === "initiate-child" ? [at] : []));
    // It is seen connecting four seconds after it was begun, and given up 25 seconds after that.
    expect(ended).toEqual([29, 58, 87, 116]);
    expect(begun).toEqual(ended);
  });

  test("with a silent peer does not hold up the others, however many of them there are", async () => {
    const silent = await makePlace(world.operator, silentPeer);
    await world.start();
    const tasks = await Promise.all(Array.from({ length: 40 }, () => makeConn(world.operator, silent)));
    for (const { taskId } of tasks) await world.untilTask(taskId, "succeeded");
    await world.advance(120_000);
    const other = { ...silent, userGw: place.userGw };
    const { taskId } = await makeConn(world.operator, other);
    await world.untilTask(taskId, "succeeded");
    await world.advance(1_000);
    expect((await world.statuses()).at(-1)).toBe("running, available");
  });

  test("has its key in no line of the log", async () => {
    await world.start();
    const key = "not to be logged";
    refuse("load-connection", "connection", "no such algorithm");
    await makeConn(world.operator, place, { preSharedKey: new Secret(key) });
    await world.settle();
    refuse("load-connection", "gateway", "charon does not answer");
    await world.advance(5_000);
    letBe();
    await world.advance(30_000);
    await world.untilUp(1);
    expect(new Set(world.log.map(({ level }) => level))).toEqual(new Set(["info", "warn", "error"]));
    expect(world.logText()).not.toContain(key);
  });
});

describe("a gateway that cannot be made to run", () => {
  const reason = "charon did not come up";

  test("says why, and so do its channels after 30 seconds; when it can, all of them run, and the task stays failed", async () => {
    refuse("start-charon", "gateway", reason);
    await world.start();
    const { taskId } = await makeConn(world.operator, place);
    await world.until(async () => (await world.gateway(place.vpnGw.id)).status === "delivery-failed", "the failure");
    expect(await world.gateway(place.vpnGw.id)).toMatchObject({ failure: reason });
    await world.advance(29_750);
    expect(await world.task(taskId)).toEqual({ status: "running", failure: undefined });
    expect(await world.conns()).toMatchObject([{ status: "creating", failure: null }]);
    await world.advance(250);
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: reason });
    expect(await world.conns()).toMatchObject([{ status: "create-failed", failure: reason, netStatus: null }]);

    letBe();
    await world.advance(30_000);
    await world.untilUp(1);
    expect(await world.conns()).toMatchObject([{ status: "running", failure: null }]);
    expect(await world.gateway(place.vpnGw.id)).toMatchObject({ status: "running", failure: null });
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: reason });
  });

  test("has a new channel wait its own 30 seconds", async () => {
    refuse("make-network", "gateway", reason);
    await world.start();
    await world.advance(100_000);
    const { taskId } = await makeConn(world.operator, place);
    await world.advance(29_750);
    expect((await world.task(taskId)).status).toBe("running");
    await world.advance(250);
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: reason });
  });

  test("lets a channel go at once: without charon it is not there", async () => {
    await startWithChannels(2);
    await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    refuse("start-charon", "gateway", reason);
    const { taskId } = await world.deleteConn(place);
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    expect(await world.statuses()).toEqual(["running, unavailable"]);
  });

  test("lets a channel go also when it was asked for long ago, while no server ran", async () => {
    await startWithChannels(1);
    await world.stop();
    const { taskId } = await world.deleteConn(place);
    await world.advance(3_600_000);
    await world.restart(async () => {
      await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
      refuse("start-charon", "gateway", reason);
    });
    await world.settle();
    expect(await world.task(taskId)).toEqual({ status: "succeeded", failure: undefined });
    expect(await world.conns()).toEqual([]);
  });

  test("is looked at again after half a second, then later and later, at most every 30 seconds", async () => {
    refuse("start-charon", "gateway", reason);
    await world.start();
    await world.settle();
    const startedMs = world.dataplane.looks[0]?.atMs ?? 0;
    await world.advance(125_000);
    const seconds = world.dataplane.looks.map(({ atMs }) => (atMs - startedMs) / 1_000);
    expect(seconds).toEqual([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5, 121.5]);
    expect(world.dataplane.looks.every(({ isThorough }) => isThorough)).toBe(true);
  });

  test("begins with half a second again after it has run in between", async () => {
    refuse("start-charon", "gateway", reason);
    await world.start();
    await world.advance(60_000);
    letBe();
    await world.advance(30_000);
    refuse("start-charon", "gateway", reason);
    await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    world.dataplane.report(place.vpnGw.id);
    await world.settle();
    const before = world.dataplane.looks.length;
    await world.advance(1_500);
    expect(world.dataplane.looks.length - before).toBe(2);
  });

  test("that cannot be looked at either: what leaves has not gone, and fails in its time, until it goes", async () => {
    await startWithChannels(1);
    world.dataplane.onObserve = () => {
      throw new DataplaneError("gateway", "nothing answers");
    };
    const { taskId } = await world.deleteConn(place);
    await world.advance(29_750);
    expect((await world.task(taskId)).status).toBe("running");
    expect((await world.conns())[0]?.status).toBe("deleting");
    await world.advance(250);
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: "nothing answers" });
    expect(await world.conns()).toMatchObject([{ status: "delete-failed", failure: "nothing answers" }]);
    letBe();
    await world.advance(30_000);
    expect(await world.conns()).toEqual([]);
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: "nothing answers" });
  });

  test("because of a fault of ours says no more than that", async () => {
    world.dataplane.onObserve = () => {
      throw new TypeError("x is not a function");
    };
    await world.start();
    await world.settle();
    expect(await world.gateway(place.vpnGw.id)).toMatchObject({
      status: "delivery-failed",
      failure: "an internal failure; see the log",
    });
    expect(world.logText()).toContain("x is not a function");
  });

  test("keeps saying that its channels are up while their SAs are there", async () => {
    await startWithChannels(1);
    refuse("add-local-network", "gateway", "no room for an address");
    const local = { local: "10.0.7.0/24", peers: ["192.168.7.0/24"] };
    const other = await makePlace(world.operator);
    await makeConn(world.operator, { ...place, userGw: other.userGw }, { spds: [local] });
    await world.settle();
    expect(await world.gateway(place.vpnGw.id)).toMatchObject({ status: "delivery-failed" });
    expect(await world.statuses()).toEqual(["running, available", "creating, never up"]);
  });

  test("when it is asked to initiate: that its channels have been taken is told all the same", async () => {
    refuse("initiate-child", "gateway", "charon has gone away");
    await world.start();
    const { taskId } = await makeConn(world.operator, place);
    await world.settle();
    expect(await world.gateway(place.vpnGw.id)).toMatchObject({
      status: "delivery-failed",
      failure: "charon has gone away",
    });
    expect((await world.task(taskId)).status).toBe("running");
    await world.advance(1_000);
    expect(await world.task(taskId)).toEqual({ status: "succeeded", failure: undefined });
    letBe();
    await world.advance(30_000);
    await world.untilUp(1);
  });
});

describe("a gateway that is to be deleted", () => {
  test("goes from the machine, then from the store", async () => {
    await startWithChannels(0);
    await world.until(async () => (await world.gateway(place.vpnGw.id)).status === "running", "the gateway to run");
    const { taskId } = await world.deleteGw(place);
    await world.untilTask(taskId, "succeeded");
    expect(await world.hasGateway(place.vpnGw.id)).toBe(false);
    expect(await world.dataplane.listGatewayIds()).not.toContain(place.vpnGw.id);
    await world.settle();
    world.expectNoErrors();
  });

  test("goes also when it never ran", async () => {
    refuse("start-charon", "gateway", "no");
    await world.start();
    await world.settle();
    const { taskId } = await world.deleteGw(place);
    await world.untilTask(taskId, "succeeded");
    expect(await world.dataplane.listGatewayIds()).toEqual([]);
  });

  test("while it is being made is not forgotten", async () => {
    const gate = makeGate();
    world.dataplane.onApply = ({ step }) => (step.kind === "start-charon" ? gate.pass() : undefined);
    await world.start();
    await gate.reached;
    const { taskId } = await world.deleteGw(place);
    gate.open();
    await world.untilTask(taskId, "succeeded");
    expect(await world.hasGateway(place.vpnGw.id)).toBe(false);
  });

  test("while it fails to be made is not forgotten either", async () => {
    const gate = makeGate();
    world.dataplane.onApply = async ({ step }) => {
      if (step.kind !== "start-charon") return;
      await gate.pass();
      throw new DataplaneError("gateway", "no");
    };
    await world.start();
    await gate.reached;
    const { taskId } = await world.deleteGw(place);
    gate.open();
    await world.untilTask(taskId, "succeeded");
  });

  test("and cannot be says so after 30 seconds, and goes when it can; asked once more, it answers once more", async () => {
    await startWithChannels(0);
    refuse("remove-network", "gateway", "the namespace is in use");
    const first = await world.deleteGw(place);
    await world.advance(29_750);
    expect(await world.gateway(place.vpnGw.id)).toMatchObject({
      status: "deleting",
      failure: "the namespace is in use",
    });
    expect((await world.task(first.taskId)).status).toBe("running");
    await world.advance(250);
    expect(await world.gateway(place.vpnGw.id)).toMatchObject({ status: "delete-failed" });
    const failed = { status: "failed", failure: "the namespace is in use" };
    expect(await world.task(first.taskId)).toEqual(failed);

    const second = await world.deleteGw(place);
    await world.settle();
    expect((await world.gateway(place.vpnGw.id)).status).toBe("deleting");
    letBe();
    await world.advance(30_000);
    expect(await world.hasGateway(place.vpnGw.id)).toBe(false);
    expect(await world.task(first.taskId)).toEqual(failed);
    expect(await world.task(second.taskId)).toEqual({ status: "succeeded", failure: undefined });
  });
});

describe("charon, asked for several channels,", () => {
  const reason = "invalid value for: proposals";
  let other: Place;

  beforeEach(async () => {
    other = { ...place, userGw: (await makePlace(world.operator)).userGw };
  });

  /** Refuses to load the connection of that peer. */
  function refusePeer(address: string): void {
    refuse("load-connection", "connection", reason, ({ step }) =>
      step.kind === "load-connection" ? step.connection.remoteAddress === address : false,
    );
  }

  test("refuses one: it fails at once with the reason, the others run; when it is taken, it runs, and its task stays failed", async () => {
    refusePeer(place.userGw.address);
    await world.start();
    const bad = await makeConn(world.operator, place);
    const good = await makeConn(world.operator, other);
    await world.untilTask(good.taskId, "succeeded");
    await world.untilTask(bad.taskId, "failed");
    await world.untilUp(1);
    expect(await world.task(bad.taskId)).toEqual({ status: "failed", failure: reason });
    expect(await world.conns()).toMatchObject([
      { status: "create-failed", failure: reason },
      { status: "running", failure: null },
    ]);
    expect((await world.gateway(place.vpnGw.id)).status).toBe("running");
    const before = world.dataplane.looks.length;
    letBe();
    await world.advance(30_000);
    await world.untilUp(2);
    expect(world.dataplane.looks[before]).toMatchObject({ isThorough: true });
    expect(await world.conns()).toMatchObject([{ status: "running", failure: null }, { status: "running" }]);
    expect(await world.task(bad.taskId)).toEqual({ status: "failed", failure: reason });
  });

  test("is not asked to initiate what it has refused, nor is that one behind when it is taken at last", async () => {
    refusePeer(place.userGw.address);
    await world.start();
    await makeConn(world.operator, place);
    await world.advance(60_000);
    expect(world.dataplane.kindsSince(0)).not.toContain("initiate-child");
    letBe();
    await world.advance(30_000);
    await world.untilUp(1);
  });

  test("says another reason than before: it is the one that is shown", async () => {
    refusePeer(place.userGw.address);
    await world.start();
    await makeConn(world.operator, place);
    await world.settle();
    refuse("load-secret", "connection", "the secret is too large");
    await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    world.dataplane.report(place.vpnGw.id);
    await world.settle();
    expect(await world.conns()).toMatchObject([{ status: "create-failed", failure: "the secret is too large" }]);
  });

  test("refuses to initiate: the channel runs all the same, is tried again later and later, and looked at thoroughly", async () => {
    refuse("initiate-child", "connection", "it is not loaded");
    await world.start();
    const { taskId } = await makeConn(world.operator, place);
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    expect(await world.statuses()).toEqual(["running, never up"]);
    const startedMs = Date.now();
    const triedAt: number[] = [];
    const refuseAgain = world.dataplane.onApply;
    world.dataplane.onApply = (taken) => {
      if (taken.step.kind === "initiate-child") triedAt.push((Date.now() - startedMs) / 1_000);
      return refuseAgain(taken);
    };
    const before = world.dataplane.looks.length;
    await world.advance(100_000);
    expect(triedAt).toEqual([4, 8, 12, 20, 36, 68]);
    expect(world.dataplane.looks[before]).toMatchObject({ isThorough: true });
    letBe();
    await world.advance(60_000);
    await world.untilUp(1);
  });

  test("has lost what it had loaded: it gets it again", async () => {
    await startWithChannels(1);
    await world.advance(11_000);
    const { connections } = await world.dataplane.peek(place.vpnGw.id);
    const [name = ""] = connections.keys();
    await world.dataplane.befall(place.vpnGw.id, { kind: "unload-connection", name });
    await world.dataplane.loseSas(place.vpnGw.id);
    await world.settle();
    expect((await world.dataplane.peek(place.vpnGw.id)).connections).toEqual(connections);
    expect(await world.statuses()).toEqual(["running, available"]);
  });

  test("does not let go of one: it is not said to have gone before it has", async () => {
    await startWithChannels(1);
    refuse("unload-connection", "connection", "busy");
    const { taskId } = await world.deleteConn(place);
    await world.untilTask(taskId, "failed");
    expect(await world.conns()).toMatchObject([{ status: "delete-failed", failure: "busy" }]);
    letBe();
    await world.advance(5_000);
    expect(await world.conns()).toEqual([]);
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: "busy" });
  });

  test("does not let go of a child of one: nor has that one gone, and its sibling runs", async () => {
    await startWithChannels(2);
    refuse("terminate-child-sa", "connection", "busy");
    const { taskId } = await world.deleteConn(place);
    await world.untilTask(taskId, "failed");
    expect(await world.statuses()).toEqual(["delete-failed, available", "running, available"]);
    letBe();
    await world.advance(5_000);
    expect(await world.statuses()).toEqual(["running, available"]);
  });

  test("lets go of one while that is asked for once more: both have their answer", async () => {
    await startWithChannels(1);
    refuse("unload-connection", "connection", "busy");
    const first = await world.deleteConn(place);
    await world.untilTask(first.taskId, "failed");
    const gate = makeGate();
    world.dataplane.onApply = ({ step }) => (step.kind === "unload-connection" ? gate.pass() : undefined);
    world.dataplane.report(place.vpnGw.id);
    await gate.reached;
    const second = await world.deleteConn(place);
    gate.open();
    await world.until(async () => (await world.conns()).length === 0, "the channel to go");
    await world.settle();
    expect(await world.task(second.taskId)).toEqual({ status: "succeeded", failure: undefined });
  });
});
