// What control records when a gateway has gone, when it cannot run, and of what flows.
import { beforeEach, describe, expect, it } from "vitest";
import { listSaCounters, listTraffic } from "../../src/store/traffic.ts";
import { type SaCounter, slotMs } from "../../src/vpn/traffic.ts";
import { type ControlScene, many, startMs, succeeded } from "./scene.ts";

export function describeReports(scene: ControlScene): void {
  describe("told that a gateway has gone", () => {
    it("lets its row go, and ends its task", async () => {
      const { taskId } = await scene.deleteGw();
      await scene.control.recordRemoval(await scene.gw());
      expect(await scene.gwRow()).toBeUndefined();
      expect(await scene.gwRow(scene.other.vpnGw.id)).toBeDefined();
      expect(await scene.task(taskId)).toEqual(succeeded);
    });
  });

  describe("told that a gateway cannot run", () => {
    const answerOf = async (connId: number) => {
      const { generation } = (await scene.desired(connId)).conn;
      return { connId, generation, status: "create-failed", failure: "no charon" } as const;
    };

    it("says so, and nothing of tasks when there are none", async () => {
      const recorded = await scene.control.recordFailure(await scene.gw(), "no charon", []);
      expect(recorded).toEqual({ failedConnIds: [], nextTaskInMs: undefined });
      expect(await scene.gwRow()).toMatchObject({ status: "delivery-failed", failure: "no charon" });
    });

    it("fails those tasks alone that have waited for 30 seconds, and says when the next will have", async () => {
      const first = await scene.makeNew();
      scene.nowMs += 10_000;
      const second = await scene.makeNew();
      scene.nowMs += 19_999;
      const answers = [await answerOf(first.connId), await answerOf(second.connId)];
      const fail = async () => scene.control.recordFailure(await scene.gw(), "no charon", answers);
      expect(await fail()).toEqual({ failedConnIds: [], nextTaskInMs: 1 });
      expect(await scene.task(first.taskId)).toMatchObject({ status: "running" });
      expect(await scene.connRow(first.connId)).toMatchObject({ status: "creating", failure: null });
      scene.nowMs += 1;
      expect(await fail()).toEqual({ failedConnIds: [first.connId], nextTaskInMs: 10_000 });
      expect(await scene.task(first.taskId)).toEqual({ status: "failed", failure: "no charon" });
      expect(await scene.connRow(first.connId)).toMatchObject({ status: "create-failed", failure: "no charon" });
      expect(await scene.task(second.taskId)).toMatchObject({ status: "running" });
      expect(await scene.connRow(second.connId)).toMatchObject({ status: "creating", failure: null });
    });

    it("goes on deleting one that is to go, until that has taken too long", async () => {
      const { taskId } = await scene.deleteGw();
      const fail = async () => scene.control.recordFailure(await scene.gw(), "in use", []);
      expect(await fail()).toEqual({ failedConnIds: [], nextTaskInMs: 30_000 });
      expect(await scene.gwRow()).toMatchObject({ status: "deleting", failure: "in use" });
      scene.nowMs += 30_000;
      expect(await fail()).toEqual({ failedConnIds: [], nextTaskInMs: undefined });
      expect(await scene.gwRow()).toMatchObject({ status: "delete-failed", failure: "in use" });
      expect(await scene.task(taskId)).toEqual({ status: "failed", failure: "in use" });
    });
  });

  describe("told of traffic", () => {
    const always = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

    let connId = 0;
    const recorded = () => listTraffic(scene.store.db, connId, always);
    const counters = () => listSaCounters(scene.store.db, scene.place.vpnGw.id);
    const at = (bytesIn: number, bytesOut: number, afterMs: number): SaCounter => {
      return { connId, spi: "09e4f111", bytesIn, bytesOut, seenAtMs: startMs + afterMs };
    };
    const tell = (counter: SaCounter, fromMs: number) =>
      scene.control.addTraffic(scene.place.vpnGw.id, [{ counter, fromMs: startMs + fromMs }]);
    beforeEach(async () => {
      ({ connId } = await scene.makeRunning());
    });

    it("adds it up, remembers how far it was counted, and forgets that again", async () => {
      await tell(at(many, 2, 0), 0);
      await tell(at(many + many, 4, slotMs + 1), slotMs);
      const slots = [
        { startsAtMs: startMs, bytesIn: many, bytesOut: 2 },
        { startsAtMs: startMs + slotMs, bytesIn: many, bytesOut: 2 },
      ];
      expect(await recorded()).toEqual(slots);
      expect(await counters()).toEqual([at(many + many, 4, slotMs + 1)]);
      await scene.control.forgetCounters(scene.place.vpnGw.id, [at(0, 0, 0)]);
      expect(await counters()).toEqual([]);
      expect(await recorded()).toEqual(slots);
    });

    it("counts nothing twice, whether it is told twice, told more the second time, or overtaken", async () => {
      const first = at(100, 10, 0);
      const later = at(150, 30, 2 * slotMs);
      await tell(first, 0);
      await tell(first, 0);
      // Its answer was lost: it is told from the same time on, with what has come since.
      await tell(later, 0);
      await tell(first, 0);
      const sum = (await recorded()).reduce(
        (all, slot) => [(all[0] ?? 0) + slot.bytesIn, (all[1] ?? 0) + slot.bytesOut],
        [0, 0],
      );
      expect(sum).toEqual([150, 30]);
      expect(await counters()).toEqual([later]);
    });

    it("takes what flowed to have flowed since it was looked at, and no longer than an SA may live", async () => {
      await tell(at(1, 0, 0), -slotMs * 1_000_000);
      expect((await recorded()).length).toBe(1);
      await tell(at(3_001, 0, 10 * slotMs), 9 * slotMs);
      expect(await recorded()).toContainEqual({ startsAtMs: startMs + 9 * slotMs, bytesIn: 3_000, bytesOut: 0 });
      await scene.control.addTraffic(scene.place.vpnGw.id, [
        { counter: { ...at(many, 0, 0), spi: "another" }, fromMs: Number.MIN_SAFE_INTEGER },
      ]);
      expect((await recorded()).length).toBeLessThan(3_000);
    });
  });
}
