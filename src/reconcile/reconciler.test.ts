import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { makeConn, makePlace, makeVpnGw, type Place } from "../../test/support/operations.ts";
import { makeGate, ReconcileWorld } from "../../test/support/reconcile-world.ts";
import { DataplaneError } from "../dataplane/dataplane.ts";

let world: ReconcileWorld;
let place: Place;

beforeEach(async () => {
  world = await ReconcileWorld.make();
  place = await makePlace(world.operator);
});
afterEach(() => world.remove());

async function startWithChannels(count: number): Promise<void> {
  await world.start();
  await Promise.all(Array.from({ length: count }, () => makeConn(world.operator, place)));
  await world.untilUp(count);
  await world.settle();
}

describe("at its start the reconciler", () => {
  test("makes every gateway that should be there", async () => {
    const second = await makeVpnGw(world.operator, place.vpc);
    await world.start();
    for (const { id } of [place.vpnGw, second]) {
      await world.until(async () => (await world.gateway(id)).status === "running", `gateway ${id} to run`);
    }
    expect(await world.dataplane.listGatewayIds()).toEqual([place.vpnGw.id, second.id]);
  });

  test("removes a gateway that no row speaks of, and does so again when it did not work", async () => {
    await world.dataplane.befall(404, { kind: "make-network" });
    await world.dataplane.befall(404, { kind: "start-charon" });
    world.dataplane.onApply = ({ step }) => {
      if (step.kind === "remove-network") throw new DataplaneError("gateway", "the namespace is in use");
    };
    await world.start();
    await world.settle();
    expect(await world.dataplane.listGatewayIds()).toContain(404);
    world.dataplane.onApply = () => {};
    await world.advance(1_000);
    expect(await world.dataplane.listGatewayIds()).toEqual([place.vpnGw.id]);
  });

  test("does not lose sight of a new gateway that has the number of one that it is removing", async () => {
    // An empty database on a machine that is not.
    const number = place.vpnGw.id + 1;
    await world.dataplane.befall(number, { kind: "make-network" });
    const gate = makeGate();
    world.dataplane.onApply = ({ gatewayId, step }) =>
      gatewayId === number && step.kind === "remove-network" ? gate.pass() : undefined;
    await world.start();
    await gate.reached;
    const { id } = await makeVpnGw(world.operator, place.vpc);
    expect(id).toBe(number);
    gate.open();
    await world.until(async () => (await world.gateway(id)).status === "running", "the new gateway to run");
    expect(await world.dataplane.peek(id)).toMatchObject({ hasNetwork: true, isRunning: true });
  });

  test("does not begin when this machine cannot run gateways", async () => {
    world.dataplane.start = () => Promise.reject(new DataplaneError("gateway", "no root"));
    await expect(world.start()).rejects.toThrow("no root");
    await world.settle();
    expect(world.dataplane.looks).toEqual([]);
  });
});

describe("a new server beside what lives on", () => {
  async function peekAgeless() {
    const actual = await world.dataplane.peek(place.vpnGw.id);
    const children = actual.ikeSas.flatMap((ikeSa) => ikeSa.children).map((child) => ({ ...child, ageSeconds: 0 }));
    return { ...actual, ikeSas: actual.ikeSas.map((ikeSa) => ({ ...ikeSa, children: [] })), children };
  }

  test("touches nothing that is right, and writes down nothing that it knows", async () => {
    await startWithChannels(3);
    const before = { actual: await peekAgeless(), conns: await world.conns() };
    const steps = world.dataplane.steps.length;
    await world.restart(() => world.advance(60_000));
    await world.settle();
    expect(world.dataplane.kindsSince(steps)).toEqual([]);
    expect(await peekAgeless()).toEqual(before.actual);
    expect(await world.conns()).toEqual(before.conns);
  });

  test("sees what has happened meanwhile: a tunnel that fell", async () => {
    await startWithChannels(2);
    let changed = world.log.length;
    await world.restart(async () => {
      await world.advance(60_000);
      await world.dataplane.loseSas(place.vpnGw.id);
      changed = world.log.length;
    });
    await world.settle();
    const netStatuses = world.log.slice(changed).map(({ fields }) => ("netStatus" in fields ? fields.netStatus : ""));
    expect(netStatuses).toEqual(["unavailable", "unavailable", "available", "available"]);
    expect(await world.statuses()).toEqual(["running, available", "running, available"]);
  });

  test("sees what has happened meanwhile: a channel that is to go, one that is new, a charon that is gone", async () => {
    await startWithChannels(2);
    const tasks: number[] = [];
    await world.restart(async () => {
      tasks.push((await world.deleteConn(place)).taskId, (await makeConn(world.operator, place)).taskId);
      await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    });
    for (const id of tasks) await world.untilTask(id, "succeeded");
    await world.untilUp(2);
    expect((await world.conns()).map(({ id }) => id)).toEqual([2, 3]);
    const [sa] = (await world.dataplane.peek(place.vpnGw.id)).ikeSas;
    expect(sa?.children).toHaveLength(2);
  });

  test("answers for what its predecessor had begun", async () => {
    world.dataplane.onApply = () => {
      throw new DataplaneError("gateway", "no");
    };
    await world.start();
    const { taskId } = await makeConn(world.operator, place);
    await world.advance(31_000);
    expect((await world.task(taskId)).status).toBe("failed");
    expect(await world.statuses()).toEqual(["create-failed, never up"]);
    await world.restart(() => {
      world.dataplane.onApply = () => {};
    });
    await world.untilUp(1);
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: "no" });
  });

  test("has no steps of the old one done behind its back", async () => {
    const gate = makeGate();
    await startWithChannels(1);
    world.dataplane.onApply = ({ step }) => (step.kind === "load-connection" ? gate.pass() : undefined);
    await makeConn(world.operator, place);
    await gate.reached;
    let isStopped = false;
    const stopped = world.stop().then(() => {
      isStopped = true;
    });
    await world.settle();
    expect([isStopped, world.dataplane.isClosed]).toEqual([false, false]);
    gate.open();
    await stopped;
    expect(world.dataplane.isClosed).toBe(true);
    await world.settle();
    expect(vi.getTimerCount()).toBe(0);
    const count = () => [world.dataplane.steps.length, world.dataplane.looks.length];
    const after = count();
    for (const id of [place.vpnGw.id, place.vpnGw.id + 1]) {
      world.host.nudge(id);
      world.dataplane.report(id);
    }
    await world.advance(120_000);
    expect(count()).toEqual(after);
    // What the last round did is written down.
    expect((await world.conns()).map(({ status }) => status)).toEqual(["running", "running"]);
  });
});

test("a reconciler that has nothing to do leaves no timer behind when it ends", async () => {
  await startWithChannels(1);
  await world.advance(10_000);
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  await world.stop();
  expect(vi.getTimerCount()).toBe(0);
});

describe("a nudge", () => {
  test("during a round is not lost", async () => {
    await startWithChannels(0);
    const gate = makeGate();
    world.dataplane.onObserve = gate.pass;
    const before = world.dataplane.looks.length;
    world.host.nudge(place.vpnGw.id);
    await gate.reached;
    const { taskId } = await makeConn(world.operator, place);
    gate.open();
    await world.untilTask(taskId, "succeeded");
    expect(world.dataplane.looks.length - before).toBeGreaterThanOrEqual(2);
  });

  test("at any moment of a round is not lost", async () => {
    await startWithChannels(0);
    // Each channel is asked for one turn later than the one before it, with rounds going on all the time.
    for (let turns = 0; turns < 25; turns += 1) {
      world.host.nudge(place.vpnGw.id);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      if (turns % 5 === 0) await new Promise(setImmediate);
      const { taskId } = await makeConn(world.operator, place);
      await world.untilTask(taskId, "succeeded");
    }
    await world.advance(5_000);
    await world.untilUp(25);
  });

  test("after the last moment of a round, and before the loop is at rest, is not lost", async () => {
    await startWithChannels(0);
    const setTimer = globalThis.setTimeout;
    const timers = vi.spyOn(globalThis, "setTimeout").mockImplementationOnce(((
      ...call: Parameters<typeof setTimer>
    ) => {
      // The last thing that a round does is to set its timer.
      queueMicrotask(() => world.host.nudge(place.vpnGw.id));
      return setTimer(...call);
    }) as typeof setTimer);
    const before = world.dataplane.looks.length;
    world.host.nudge(place.vpnGw.id);
    await world.settle();
    timers.mockRestore();
    expect(world.dataplane.looks.length - before).toBe(2);
  });

  test("makes two rounds at most with a thousand others of the same moment", async () => {
    await startWithChannels(0);
    const before = world.dataplane.looks.length;
    for (let index = 0; index < 1_000; index += 1) world.host.nudge(place.vpnGw.id);
    await world.settle();
    // The first begins a round at once, the others come while it is under way.
    expect(world.dataplane.looks.length - before).toBe(2);
    const gate = makeGate();
    world.dataplane.onObserve = gate.pass;
    world.host.nudge(place.vpnGw.id);
    await gate.reached;
    for (let index = 0; index < 1_000; index += 1) world.host.nudge(place.vpnGw.id);
    gate.open();
    await world.settle();
    expect(world.dataplane.looks.length - before).toBe(4);
  });

  test("to one gateway does not wait for another that is slow", async () => {
    const second = await makeVpnGw(world.operator, place.vpc);
    const gate = makeGate();
    world.dataplane.onObserve = ({ gatewayId }) => (gatewayId === place.vpnGw.id ? gate.pass() : undefined);
    await world.start();
    await gate.reached;
    const { taskId } = await makeConn(world.operator, { ...place, vpnGw: second });
    await world.untilTask(taskId, "succeeded");
    expect((await world.gateway(place.vpnGw.id)).status).toBe("delivering");
    gate.open();
  });

  test("for a gateway that has gone does no harm", async () => {
    await startWithChannels(0);
    const { taskId } = await world.deleteGw(place);
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    world.dataplane.report(place.vpnGw.id);
    await world.settle();
    expect(await world.dataplane.listGatewayIds()).toEqual([]);
    expect(await world.hasGateway(place.vpnGw.id)).toBe(false);
  });
});

describe("without any nudge", () => {
  test("a gateway is looked at every period, thoroughly, and in between as it was left", async () => {
    await startWithChannels(1);
    await world.advance(10_000);
    const before = world.dataplane.looks.length;
    await world.advance(120_000);
    const looks = world.dataplane.looks.slice(before);
    expect(looks.map(({ isThorough }) => isThorough)).toEqual([true, true, true, true]);
    for (let index = 0; index < 10; index += 1) {
      world.host.nudge(place.vpnGw.id);
      await world.settle();
    }
    expect(world.dataplane.looks.slice(before + 4).map(({ isThorough }) => isThorough)).toEqual(Array(10).fill(false));
  });

  test("a gateway is looked at thoroughly every period, however often it is nudged", async () => {
    await startWithChannels(1);
    const before = world.dataplane.looks.length;
    for (let index = 0; index < 24; index += 1) {
      await world.advance(5_000);
      world.host.nudge(place.vpnGw.id);
      await world.settle();
    }
    const thorough = world.dataplane.looks.slice(before).filter(({ isThorough }) => isThorough);
    expect(thorough.map(({ atMs }) => atMs - (thorough[0]?.atMs ?? 0))).toEqual([0, 30_000, 60_000, 90_000]);
  });

  test("a charon that has gone is started anew, and all is up again", async () => {
    await startWithChannels(2);
    await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    await world.advance(30_000);
    await world.untilUp(2);
    expect((await world.dataplane.peek(place.vpnGw.id)).isRunning).toBe(true);
  });
});

test("what the store does not take is not taken for done", async () => {
  await startWithChannels(0);
  await world.settle();
  const transaction = world.store.transaction.bind(world.store);
  const gate = makeGate();
  world.dataplane.onObserve = gate.pass;
  const { taskId } = await makeConn(world.operator, place);
  await gate.reached;
  world.store.transaction = () => Promise.reject(new Error("the disk is full"));
  gate.open();
  await world.advance(2_000);
  expect(world.logText()).toContain("the disk is full");
  expect((await world.task(taskId)).status).toBe("running");
  world.store.transaction = transaction;
  await world.advance(5_000);
  expect((await world.task(taskId)).status).toBe("succeeded");
  await world.untilUp(1);
});
