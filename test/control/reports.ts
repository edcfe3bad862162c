// What control records when a gateway has gone, when it cannot run, and of what flows.
import { describe, expect, it } from "vitest";
import type { CountedTraffic } from "../../src/control/control.ts";
import { listSaCounters, listTraffic } from "../../src/store/traffic.ts";
import { slotMs } from "../../src/vpn/traffic.ts";
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

    it("adds it up, remembers how far it was counted, and forgets that again", async () => {
      const { connId } = await scene.makeRunning();
      const slot = { startsAtMs: startMs, bytesIn: many, bytesOut: 2 };
      const next = { startsAtMs: startMs + slotMs, bytesIn: 1, bytesOut: 1 };
      const counter = { connId, spi: "09e4f111", bytesIn: many, bytesOut: 2, seenAtMs: startMs };
      const later = { ...counter, bytesIn: many + many, seenAtMs: startMs + 1 };
      const parts: CountedTraffic[] = [
        { counter, slots: [slot] },
        { counter: later, slots: [slot, next] },
      ];
      for (const part of parts) await scene.control.addTraffic(scene.place.vpnGw.id, [part]);
      const sum = { ...slot, bytesIn: many + many, bytesOut: 4 };
      expect(await listTraffic(scene.store.db, connId, always)).toEqual([sum, next]);
      expect(await listSaCounters(scene.store.db, scene.place.vpnGw.id)).toEqual([later]);
      await scene.control.forgetCounters(scene.place.vpnGw.id, [later]);
      expect(await listSaCounters(scene.store.db, scene.place.vpnGw.id)).toEqual([]);
      expect(await listTraffic(scene.store.db, connId, always)).toEqual([sum, next]);
    });
  });
}
