// What a host holds, leaves and loses, and control that does not answer: the loops with leases that end.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LeasedWorld, makeLeasedWorld } from "../../test/support/leased-world.ts";
import { makeConn, modifyConn } from "../../test/support/operations.ts";
import { ControlError } from "../control/control.ts";
import { DataplaneError } from "../dataplane/dataplane.ts";
import { listSaCounters, listTraffic } from "../store/traffic.ts";
import { recordNetStatus } from "../store/vpn-conns.ts";

let leased: LeasedWorld;
let [id, otherId] = [0, 0];

beforeEach(async () => {
  leased = await makeLeasedWorld();
  [id, otherId] = [leased.place.vpnGw.id, leased.other.vpnGw.id];
});
afterEach(() => leased.world.remove());

const onMachine = () => leased.world.dataplane.listGatewayIds();
const kinds = (begun: number) => leased.world.dataplane.kindsSince(begun);
const levels = (begun: number) => leased.world.log.slice(begun).map(({ level, message }) => `${level}: ${message}`);

async function startWithChannel(): Promise<{ readonly connId: number; readonly uid: string }> {
  const { world, place } = leased;
  await world.start();
  await makeConn(world.operator, place);
  await world.untilUp(1);
  await world.settle();
  const [{ id: connId, uid } = { id: 0, uid: "" }] = await world.conns();
  return { connId, uid };
}

function refuse(...calls: readonly string[]): void {
  leased.control.onCall = (call) => {
    if (calls.length === 0 || calls.includes(call)) throw new ControlError("unavailable", "nobody answers");
  };
}

function loseAnswer(call: string): void {
  leased.control.onAnswer = (answered) => {
    if (answered !== call) return;
    leased.control.onAnswer = () => {};
    throw new ControlError("unavailable", "the connection was cut");
  };
}

function letBe(): void {
  leased.control.onCall = () => {};
  leased.world.dataplane.onApply = () => {};
}

describe("a host", () => {
  test("runs what it holds alone, and more when it holds more", async () => {
    await leased.world.start();
    leased.world.host.nudge(otherId);
    await leased.world.settle();
    expect(await onMachine()).toEqual([id]);
    expect(leased.world.dataplane.looks.map(({ gatewayId }) => gatewayId)).not.toContain(otherId);
    leased.leases.hold(id, otherId);
    await leased.renew();
    await leased.world.settle();
    expect(await onMachine()).toEqual([id, otherId]);
    leased.world.expectNoErrors();
  });

  test("touches nothing before it knows what it holds, and then removes what it does not hold", async () => {
    const { world } = leased;
    for (const each of [id, otherId, 404]) await world.dataplane.befall(each, { kind: "make-network" });
    refuse("renew");
    await expect(world.start()).rejects.toThrow("nobody answers");
    world.host.nudge(id);
    world.dataplane.report(otherId);
    await world.advance(60_000);
    expect([world.dataplane.steps, world.dataplane.looks]).toEqual([[], []]);
    letBe();
    await leased.renew();
    await world.settle();
    expect(await onMachine()).toEqual([id]);
  });

  test("removes nothing because control does not answer, but once it has said that it is another's", async () => {
    await startWithChannel();
    leased.leases.hold(otherId);
    refuse("readGateway");
    await leased.renew();
    const begun = leased.world.dataplane.steps.length;
    await leased.world.advance(60_000);
    expect(kinds(begun)).toEqual([]);
    expect(await onMachine()).toEqual([id]);
    letBe();
    await leased.world.advance(30_000);
    expect(await onMachine()).toEqual([otherId]);
  });

  test("does not run what control gave it before it has asked what it holds", async () => {
    const { world, leases } = leased;
    await startWithChannel();
    leased.expire();
    await world.dataplane.befall(id, { kind: "stop-charon" });
    const begun = world.dataplane.steps.length;
    await world.advance(60_000);
    expect(kinds(begun)).toEqual([]);
    leases.hold(id);
    await leased.renew();
    await world.untilUp(1);
  });

  test("begins anew with a gateway that it had lost: another may have run it meanwhile", async () => {
    const { world } = leased;
    const { connId } = await startWithChannel();
    leased.expire();
    await world.settle();
    await world.store.transaction((db) => recordNetStatus(db, connId, "unavailable", 0));
    const begun = world.dataplane.steps.length;
    await leased.renew();
    await world.untilUp(1);
    expect(kinds(begun)).toEqual([]);
  });

  test("looks again at a gateway that it holds still, or again, although control said otherwise in between", async () => {
    const { world, leases } = leased;
    await startWithChannel();
    const said = leases.leases;
    leases.hold();
    world.host.nudge(id);
    await world.until(async () => (await onMachine()).length === 0, "the gateway to go");
    leases.leases = said;
    await leased.renew();
    await world.until(async () => (await onMachine()).length === 1, "the gateway to come back");
    await world.untilUp(1);
  });
});

describe("a gateway that is to go to another host", () => {
  const released = () => leased.leases.released;

  test("is taken off the machine, then released, once", async () => {
    const { world, leases } = leased;
    await startWithChannel();
    const begun = world.dataplane.steps.length;
    world.dataplane.onApply = async () => {
      expect(released()).toEqual([]);
      await Promise.resolve();
      // charon says that it goes.
      world.dataplane.report(id);
    };
    const said = leases.leave(id);
    await leased.renew();
    await world.until(() => released().length > 0, "its release");
    expect(await onMachine()).toEqual([]);
    await world.settle();
    world.dataplane.report(id);
    await world.settle();
    leases.leases = { ...said, leavingIds: [] };
    await leased.renew();
    await world.advance(60_000);
    expect(kinds(begun)).toEqual(["stop-charon", "remove-network"]);
    expect(leased.control.calls.filter((call) => call === "release")).toHaveLength(1);
    expect(await world.hasGateway(id)).toBe(true);
    world.expectNoErrors();
  });

  test("is not released before it is off the machine", async () => {
    const { world } = leased;
    await startWithChannel();
    world.dataplane.onApply = ({ step }) => {
      if (step.kind === "remove-network") throw new DataplaneError("gateway", "in use");
    };
    leased.leases.leave(id);
    await leased.renew();
    await world.advance(10_000);
    expect(released()).toEqual([]);
    letBe();
    await world.advance(30_000);
    expect(released()).toEqual([id]);
  });

  test("is released again when nobody heard it, and when the answer was lost it is enough that control knows", async () => {
    const { world } = leased;
    await startWithChannel();
    refuse("release");
    leased.leases.leave(id);
    await leased.renew();
    await world.advance(5_000);
    expect(released()).toEqual([]);
    letBe();
    loseAnswer("release");
    await world.advance(60_000);
    expect(released()).toEqual([id]);
    const begun = leased.control.calls.length;
    await world.advance(60_000);
    expect(leased.control.calls.slice(begun)).toEqual([]);
    expect(world.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("is run again when it comes back, as it is then", async () => {
    const { world, leases } = leased;
    await startWithChannel();
    leases.leave(id);
    await leased.renew();
    await world.until(() => released().length > 0, "its release");
    await leased.renew();
    await makeConn(world.operator, leased.place);
    leases.hold(id);
    await leased.renew();
    await world.untilUp(2);
    leases.leave(id);
    await leased.renew();
    await world.until(() => released().length === 2, "its second release");
  });
});

describe("while control does not answer", () => {
  test("a gateway stays as it is, and that is said once for all of them", async () => {
    const { world, leases } = leased;
    leases.hold(id, otherId);
    await startWithChannel();
    refuse();
    await world.dataplane.befall(id, { kind: "stop-charon" });
    const [steps, lines] = [world.dataplane.steps.length, world.log.length];
    await world.advance(120_000);
    expect(kinds(steps)).toEqual([]);
    expect(levels(lines)).toEqual(["warn: control does not answer; the gateways stay as they are until it does"]);
    expect(world.log.at(-1)?.fields).toEqual({ reason: "nobody answers" });
    expect((await world.gateway(id)).status).toBe("running");
    letBe();
    await world.advance(30_000);
    await world.untilUp(1);
    expect(levels(lines)).toContain("info: control answers again");
    expect(levels(lines).filter((line) => line.startsWith("error"))).toEqual([]);
  });

  test("it is asked again with growing pauses", async () => {
    const { world } = leased;
    await startWithChannel();
    await world.advance(1_000);
    refuse();
    const asked: number[] = [];
    const { onCall } = leased.control;
    leased.control.onCall = (...call) => {
      asked.push(Date.now());
      onCall(...call);
    };
    world.host.nudge(id);
    await world.settle();
    await world.advance(70_000);
    const startedMs = asked[0] ?? 0;
    expect(asked.map((atMs) => (atMs - startedMs) / 1_000)).toEqual([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5]);
  });

  test("because the gateway is another's, it is asked what is held, and nothing is said to have failed", async () => {
    const { world, leases, place } = leased;
    await startWithChannel();
    const lines = world.log.length;
    leases.onCheck = async () => {
      throw new ControlError("not-held", "it is another host's");
    };
    await makeConn(world.operator, place);
    await world.advance(5_000);
    expect(leased.notHeld).toBeGreaterThan(1);
    const said = levels(lines).filter((line) => !line.startsWith("info"));
    expect(said).toEqual(["warn: a gateway is not this host's any more"]);
    leases.onCheck = async () => {};
    await world.advance(30_000);
    await world.untilUp(2);
  });
});

describe("an answer of control that is lost", () => {
  const uncounted = { bytesIn: 0, bytesOut: 0 };
  const counted = async (connId: number) => {
    const slots = await listTraffic(leased.world.store.db, connId, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
    return slots.reduce(
      (sum, slot) => ({ bytesIn: sum.bytesIn + slot.bytesIn, bytesOut: sum.bytesOut + slot.bytesOut }),
      uncounted,
    );
  };

  async function carry(bytesIn: number, bytesOut: number): Promise<void> {
    const [sa] = (await leased.world.dataplane.peek(id)).ikeSas;
    leased.world.dataplane.carry(id, sa?.children[0]?.name ?? "", { bytesIn, bytesOut });
  }

  test("does not count traffic twice", async () => {
    const { world } = leased;
    const { connId } = await startWithChannel();
    await carry(100, 200);
    loseAnswer("addTraffic");
    await world.advance(2 * world.periodMs);
    expect(await counted(connId)).toEqual({ bytesIn: 100, bytesOut: 200 });
    await carry(1, 2);
    await world.advance(2 * world.periodMs);
    expect(await counted(connId)).toEqual({ bytesIn: 101, bytesOut: 202 });
  });

  test("and a report that nobody took lose no traffic of what has ended", async () => {
    const { world } = leased;
    const { connId } = await startWithChannel();
    await carry(100, 200);
    refuse("recordRound", "addTraffic");
    await world.dataplane.loseSas(id);
    await world.advance(10_000);
    expect(await counted(connId)).toEqual(uncounted);
    letBe();
    await world.advance(60_000);
    expect(await counted(connId)).toEqual({ bytesIn: 100, bytesOut: 200 });
    await world.advance(4 * world.periodMs);
    expect(await counted(connId)).toEqual({ bytesIn: 100, bytesOut: 200 });
    expect(await listSaCounters(world.store.db, id)).toEqual([]);
  });

  test("does not leave the gateway with what has been given up", async () => {
    const { world, place } = leased;
    const { uid } = await startWithChannel();
    const before = (await world.dataplane.peek(id)).connections;
    world.dataplane.onApply = ({ step }) => {
      if (step.kind === "load-connection") throw new DataplaneError("gateway", "charon does not answer");
    };
    const { taskId } = await modifyConn(world.operator, place, uid, { ipsec: { encryption: "aes256" } });
    await world.advance(29_000);
    loseAnswer("recordFailure");
    await world.advance(2_000);
    await world.untilTask(taskId, "failed");
    letBe();
    await world.advance(60_000);
    expect(await world.statuses()).toEqual(["modify-failed, available"]);
    expect((await world.dataplane.peek(id)).connections).toEqual(before);
  });

  test("does not keep a change from its end", async () => {
    const { world, place } = leased;
    await startWithChannel();
    loseAnswer("recordRound");
    const { taskId } = await makeConn(world.operator, place);
    await world.advance(10_000);
    await world.untilUp(2);
    expect(await world.task(taskId)).toEqual({ status: "succeeded", failure: undefined });
    loseAnswer("recordRound");
    const deletion = await world.deleteConn(place);
    await world.advance(10_000);
    expect(await world.task(deletion.taskId)).toEqual({ status: "succeeded", failure: undefined });
    expect(await world.conns()).toHaveLength(1);
  });
});
