import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeConn, makePlace, type Place } from "../../test/support/operations.ts";
import { keepTrafficMs, ReconcileWorld } from "../../test/support/reconcile-world.ts";
import { DataplaneError } from "../dataplane/dataplane.ts";
import { addTraffic, listSaCounters, listTraffic } from "../store/traffic.ts";
import { slotMs, slotOf } from "../vpn/traffic.ts";

let world: ReconcileWorld;
let place: Place;

beforeEach(async () => {
  world = await ReconcileWorld.make();
  place = await makePlace(world.operator);
});
afterEach(() => world.remove());

/** A channel that is up, and the name of its one child. */
async function makeUp(): Promise<{ connId: number; child: string; carry(bytesIn: number, bytesOut: number): void }> {
  await makeConn(world.operator, place);
  if (!world.isStarted) await world.start();
  const { length } = await world.conns();
  await world.untilUp(length);
  await world.settle();
  const { id, uid } = (await world.conns()).at(-1) ?? { id: 0, uid: "" };
  const children = (await world.dataplane.peek(place.vpnGw.id)).ikeSas.flatMap((ikeSa) => ikeSa.children);
  const child = children.find(({ name }) => name.startsWith(uid))?.name ?? "";
  const carry = (bytesIn: number, bytesOut: number) =>
    world.dataplane.carry(place.vpnGw.id, child, { bytesIn, bytesOut });
  return { connId: id, child, carry };
}

async function counted(connId: number): Promise<[number, number]> {
  const slots = await listTraffic(world.store.db, connId, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
  return slots.reduce(([bytesIn, bytesOut], slot) => [bytesIn + slot.bytesIn, bytesOut + slot.bytesOut], [0, 0]);
}

async function endSas(): Promise<void> {
  await world.dataplane.loseSas(place.vpnGw.id);
}

function refuseToStart(): void {
  world.dataplane.onApply = ({ step }) => {
    if (step.kind === "start-charon") throw new DataplaneError("gateway", "no room");
  };
}

const counters = () => listSaCounters(world.store.db, place.vpnGw.id);

describe("what flows", () => {
  test("is counted once a period, whatever else wakes the loop", async () => {
    const { connId, carry } = await makeUp();
    carry(100, 200);
    for (let round = 0; round < 5; round += 1) {
      world.host.nudge(place.vpnGw.id);
      await world.settle();
    }
    expect(await counted(connId)).toEqual([0, 0]);
    await world.advance(world.periodMs);
    expect(await counted(connId)).toEqual([100, 200]);
    carry(1, 2);
    await world.advance(world.periodMs);
    expect(await counted(connId)).toEqual([101, 202]);
    world.expectNoErrors();
  });

  test("is divided among the slots of the time since the last look", async () => {
    const { connId, carry } = await makeUp();
    await world.advance(slotOf(Date.now()) + slotMs - Date.now() + world.periodMs / 2);
    const [before] = [Date.now()];
    await world.advance(world.periodMs);
    carry(1_000, 0);
    await world.advance(world.periodMs);
    const slots = await listTraffic(world.store.db, connId, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
    expect(slots).toEqual([{ startsAtMs: slotOf(before), bytesIn: 1_000, bytesOut: 0 }]);
  });

  test("through several channels is each one's own", async () => {
    const [one, other] = [await makeUp(), await makeUp()];
    one.carry(1, 10);
    other.carry(2, 20);
    await world.advance(world.periodMs);
    expect(await counted(one.connId)).toEqual([1, 10]);
    expect(await counted(other.connId)).toEqual([2, 20]);
  });

  test("is written nowhere while nothing flows", async () => {
    const { connId } = await makeUp();
    await world.advance(4 * world.periodMs);
    expect(await counted(connId)).toEqual([0, 0]);
    expect(await counters()).toEqual([]);
  });
});

describe("a CHILD_SA that goes", () => {
  test("is counted to its end, and the next one from its beginning", async () => {
    const { connId, carry } = await makeUp();
    carry(100, 200);
    await world.advance(world.periodMs);
    carry(10, 20);
    await endSas();
    await world.settle();
    expect(await counted(connId)).toEqual([110, 220]);
    await world.advance(world.periodMs);
    carry(1, 2);
    await world.advance(3 * world.periodMs);
    expect(await counted(connId)).toEqual([111, 222]);
    expect(await counters()).toMatchObject([{ connId, bytesIn: 1, bytesOut: 2 }]);
  });

  test("is counted to its end also when its charon ends right after it, whether another comes up or not", async () => {
    const { connId, carry } = await makeUp();
    carry(10, 20);
    await endSas();
    await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    world.dataplane.report(place.vpnGw.id);
    await world.settle();
    expect(await counted(connId)).toEqual([10, 20]);
    await world.untilUp(1);
    await world.settle();
    carry(1, 2);
    refuseToStart();
    await endSas();
    await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    world.dataplane.report(place.vpnGw.id);
    await world.settle();
    expect(await counted(connId)).toEqual([11, 22]);
  });

  test("with its charon loses what flowed since the last look, and no more", async () => {
    const { connId, carry } = await makeUp();
    carry(100, 200);
    await world.advance(world.periodMs);
    carry(10, 20);
    await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
    world.dataplane.report(place.vpnGw.id);
    await world.untilUp(1);
    await world.settle();
    carry(1, 2);
    await world.advance(world.periodMs);
    expect(await counted(connId)).toEqual([101, 202]);
  });

  test("because its channel is deleted leaves nothing behind", async () => {
    const { connId, carry } = await makeUp();
    carry(100, 200);
    await world.advance(world.periodMs);
    carry(1, 1);
    const { taskId } = await world.deleteConn(place);
    await world.untilTask(taskId, "succeeded");
    await world.advance(4 * world.periodMs);
    expect(await counted(connId)).toEqual([0, 0]);
    expect(await counters()).toEqual([]);
    expect(await world.store.db.sql.selectFrom("sa_counters").selectAll().execute()).toEqual([]);
    world.expectNoErrors();
  });
});

describe("a server that is started anew", () => {
  test("counts what flowed while there was none, and nothing twice", async () => {
    const { connId, carry } = await makeUp();
    carry(100, 200);
    await world.advance(world.periodMs);
    await world.restart(() => carry(10, 20));
    await world.settle();
    expect(await counted(connId)).toEqual([110, 220]);
    await world.restart();
    await world.settle();
    expect(await counted(connId)).toEqual([110, 220]);
  });

  test("spreads the life of a CHILD_SA that it never saw over that life", async () => {
    const { connId, carry } = await makeUp();
    carry(10_000, 20_000);
    await world.stop();
    await world.advance(6 * slotMs);
    await world.restart();
    await world.settle();
    const slots = await listTraffic(world.store.db, connId, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
    expect(slots.length).toBeGreaterThanOrEqual(6);
    expect(Math.max(...slots.map(({ bytesIn }) => bytesIn))).toBeLessThan(2_000);
    expect(await counted(connId)).toEqual([10_000, 20_000]);
  });

  test("forgets what is too old", async () => {
    const { connId } = await makeUp();
    const nowMs = slotOf(Date.now());
    await world.store.transaction(async (db) => {
      for (const startsAtMs of [nowMs - keepTrafficMs - slotMs, nowMs - keepTrafficMs + slotMs]) {
        await addTraffic(db, connId, { startsAtMs, bytesIn: 1, bytesOut: 1 });
      }
    });
    await world.restart();
    expect(await counted(connId)).toEqual([1, 1]);
  });
});
