// Channels that this machine's strongSwan cannot carry, under the loop of their gateway.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeConn, makePlace, modifyConn, type Place } from "../../test/support/operations.ts";
import { ReconcileWorld } from "../../test/support/reconcile-world.ts";

const sentence = "strongSwan cannot do des-cbc with md5 in phase 2";
const des = { encryption: "des" } as const;
let world: ReconcileWorld;
let place: Place;

beforeEach(async () => {
  world = await ReconcileWorld.make();
  place = await makePlace(world.operator);
});
afterEach(() => world.remove());

function refuseDes(): void {
  world.dataplane.onFindRefusal = (_, ipsec) => (ipsec.encryption === "des" ? sentence : undefined);
}

const loaded = async () => [...(await world.dataplane.peek(place.vpnGw.id)).connections.keys()];
const childCount = async () =>
  (await world.dataplane.peek(place.vpnGw.id)).ikeSas.flatMap(({ children }) => children).length;

describe("a channel with an algorithm that strongSwan cannot do", () => {
  test("is a task that fails with that sentence, and charon never hears of it", async () => {
    refuseDes();
    await world.start();
    const { taskId } = await makeConn(world.operator, place, { ipsec: des });
    await world.untilTask(taskId, "failed");
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: sentence });
    expect(await world.conns()).toMatchObject([{ status: "create-failed", failure: sentence, netStatus: null }]);
    expect(await loaded()).toEqual([]);
    const begun = world.dataplane.steps.length;
    await world.advance(60_000);
    expect(world.dataplane.kindsSince(begun)).toEqual([]);
  });

  test("leaves the others of its connection alone", async () => {
    refuseDes();
    await world.start();
    await makeConn(world.operator, place);
    await world.untilUp(1);
    const { taskId } = await makeConn(world.operator, place, { ipsec: des });
    await world.untilTask(taskId, "failed");
    expect(await world.statuses()).toEqual(["running, available", "create-failed, never up"]);
    await world.dataplane.loseSas(place.vpnGw.id);
    world.dataplane.report(place.vpnGw.id);
    await world.advance(5_000);
    expect(await childCount()).toBe(1);
  });

  test("goes back to what it was when it was to become such", async () => {
    refuseDes();
    await world.start();
    await makeConn(world.operator, place);
    await world.untilUp(1);
    const [{ uid = "" } = {}] = await world.conns();
    const before = await world.dataplane.peek(place.vpnGw.id);
    const { taskId } = await modifyConn(world.operator, place, uid, { ipsec: des });
    await world.untilTask(taskId, "failed");
    await world.settle();
    expect(await world.task(taskId)).toMatchObject({ failure: sentence });
    expect(await world.statuses()).toEqual(["modify-failed, available"]);
    expect(await world.dataplane.peek(place.vpnGw.id)).toEqual(before);
  });

  test("can be deleted, and can be mended", async () => {
    refuseDes();
    await world.start();
    const made = [
      await makeConn(world.operator, place, { ipsec: des }),
      await makeConn(world.operator, place, { ipsec: des }),
    ];
    for (const { taskId } of made) await world.untilTask(taskId, "failed");
    const [first, second] = await world.conns();
    const { taskId: mending } = await modifyConn(world.operator, place, first?.uid ?? "", {
      ipsec: { encryption: "aes128" },
    });
    await world.untilTask(mending, "succeeded");
    const { taskId: deletion } = await world.deleteConn(place, second?.uid);
    await world.untilTask(deletion, "succeeded");
    await world.untilUp(1);
    expect(await world.statuses()).toEqual(["running, available"]);
  });

  test("is ended when strongSwan has become one that cannot do it, and comes back with one that can", async () => {
    await world.start();
    await makeConn(world.operator, place, { ipsec: des });
    await world.untilUp(1);
    await world.restart(refuseDes);
    await world.until(
      async () => (await world.statuses())[0] === "create-failed, unavailable",
      "the channel to be refused",
    );
    await world.until(async () => (await childCount()) === 0, "its CHILD_SA to go");
    expect(await world.conns()).toMatchObject([{ failure: sentence }]);
    await world.restart(() => {
      world.dataplane.onFindRefusal = () => undefined;
    });
    await world.untilUp(1);
  });
});
