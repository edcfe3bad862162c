// What control records of a round.
import { describe, expect, it } from "vitest";
import { listUnknownPeers } from "../../src/store/diagnoses.ts";
import { setVpnGwStatus } from "../../src/store/vpn-gws.ts";
import { makeDiagnosis, makeUnknownPeer } from "../support/diagnoses.ts";
import { modifyConn } from "../support/operations.ts";
import { type ControlScene, nothing, startMs, succeeded } from "./scene.ts";

export function describeRounds(scene: ControlScene): void {
  describe("told of a round", () => {
    it("records how the gateway does, and why", async () => {
      await scene.record({ gatewayStatus: { status: "delivery-failed", failure: "内核: no room" } });
      expect(await scene.gwRow()).toMatchObject({ status: "delivery-failed", failure: "内核: no room" });
      await scene.record({ gatewayStatus: { status: "running", failure: undefined } });
      expect(await scene.gwRow()).toMatchObject({ status: "running", failure: null });
    });

    it("leaves a gateway alone that was changed meanwhile", async () => {
      const seen = await scene.gw();
      await scene.store.transaction((db) => setVpnGwStatus(db, seen.id, "deleting"));
      await scene.control.recordRound(seen, { ...nothing, gatewayStatus: { status: "running", failure: undefined } });
      expect(await scene.gwRow()).toMatchObject({ status: "deleting" });
    });

    it("records the generation that was taken, which never falls", async () => {
      await scene.makeNew();
      const { generation } = await scene.gw();
      await scene.record({ observedGeneration: generation });
      expect(await scene.gwRow()).toMatchObject({ observed_generation: generation });
      await scene.record({ observedGeneration: generation - 1 });
      expect(await scene.gwRow()).toMatchObject({ observed_generation: generation });
    });

    it("ends the task of a channel that was taken", async () => {
      const { connId, taskId } = await scene.makeNew();
      const { generation } = (await scene.desired(connId)).conn;
      await scene.record({ conns: [{ connId, generation, status: "running", failure: undefined }] });
      expect(await scene.connRow(connId)).toMatchObject({
        status: "running",
        failure: null,
        observed_generation: generation,
      });
      expect(await scene.task(taskId)).toEqual(succeeded);
    });

    it("fails the task of a channel that was refused, with the reason", async () => {
      const { connId, taskId } = await scene.makeNew();
      const { generation } = (await scene.desired(connId)).conn;
      await scene.record({ conns: [{ connId, generation, status: "create-failed", failure: "no: 不行" }] });
      expect(await scene.connRow(connId)).toMatchObject({ status: "create-failed", failure: "no: 不行" });
      expect(await scene.task(taskId)).toEqual({ status: "failed", failure: "no: 不行" });
    });

    it("leaves a later change of the channel alone, and its task", async () => {
      const { connId, uid } = await scene.makeRunning();
      const { generation } = (await scene.desired(connId)).conn;
      const { taskId } = await modifyConn(scene.operator, scene.place, uid, { ipsec: { encryption: "des" } });
      await scene.record({ conns: [{ connId, generation, status: "running", failure: undefined }] });
      expect(await scene.connRow(connId)).toMatchObject({ status: "modifying" });
      expect(await scene.task(taskId)).toMatchObject({ status: "running" });
    });

    it("takes a modification for done, or goes back to what was", async () => {
      const { connId, uid } = await scene.makeRunning();
      const old = await scene.connRow(connId);
      const change = async (status: "running" | "modify-failed", failure: string | undefined) => {
        const { taskId } = await modifyConn(scene.operator, scene.place, uid, { ipsec: { encryption: "des" } });
        const { generation } = (await scene.desired(connId)).conn;
        await scene.record({ conns: [{ connId, generation, status, failure, isModified: status === "running" }] });
        expect(await scene.store.db.sql.selectFrom("vpn_conn_fallbacks").selectAll().execute()).toEqual([]);
        return scene.task(taskId);
      };
      expect(await change("modify-failed", "no DES")).toEqual({ status: "failed", failure: "no DES" });
      expect(await scene.connRow(connId)).toMatchObject({
        status: "modify-failed",
        failure: "no DES",
        ipsec: old?.ipsec,
      });
      expect(await change("running", undefined)).toEqual(succeeded);
      const row = await scene.connRow(connId);
      expect(row).toMatchObject({ status: "running", failure: null });
      expect(JSON.parse(row?.ipsec ?? "")).toMatchObject({ encryption: "des" });
    });

    it.each(["running", "modify-failed"] as const)(
      "leaves a later modification alone when %s is said again",
      async (status) => {
        const { connId, uid } = await scene.makeRunning();
        await modifyConn(scene.operator, scene.place, uid, { ipsec: { encryption: "des" } });
        const { generation } = (await scene.desired(connId)).conn;
        const failure = status === "running" ? undefined : "no DES";
        const conns = [{ connId, generation, status, failure, isModified: status === "running" }];
        await scene.record({ conns });
        const { taskId } = await modifyConn(scene.operator, scene.place, uid, { ipsec: { encryption: "aes256" } });
        const after = await scene.picture();
        await scene.record({ conns });
        expect(await scene.picture()).toEqual(after);
        expect(await scene.task(taskId)).toMatchObject({ status: "running" });
        expect((await scene.desired(connId)).fallback).toBeDefined();
      },
    );

    it("lets a channel go that has gone, with all that belonged to it, also when that is said twice", async () => {
      const { connId, uid } = await scene.makeRunning();
      const diagnoses = new Map([[connId, makeDiagnosis("peer-silent", startMs)]]);
      await scene.record({ netStatuses: new Map([[connId, "unavailable"]]), diagnoses });
      const { taskId } = await scene.deleteConn(uid);
      const { generation } = (await scene.desired(connId)).conn;
      const gone = { conns: [{ connId, generation, status: undefined, failure: undefined }] };
      await scene.record(gone);
      expect(await scene.connRow(connId)).toBeUndefined();
      expect(await scene.task(taskId)).toEqual(succeeded);
      const after = await scene.picture();
      await scene.record({ ...gone, netStatuses: new Map([[connId, "available"]]), diagnoses });
      expect(await scene.picture()).toEqual(after);
      for (const table of ["vpn_conn_observations", "vpn_conn_diagnoses", "spd_pairs"] as const) {
        expect(await scene.store.db.sql.selectFrom(table).selectAll().execute()).toEqual([]);
      }
    });

    it("records which channels are up, by its own clock", async () => {
      const { connId } = await scene.makeRunning();
      scene.nowMs += 12_345;
      await scene.record({ netStatuses: new Map([[connId, "available"]]) });
      const rows = await scene.store.db.sql.selectFrom("vpn_conn_observations").selectAll().execute();
      expect(rows).toEqual([{ vpn_conn_id: connId, net_status: "available", changed_at: startMs + 12_345 }]);
    });

    it("records why channels are not up, and forgets it", async () => {
      const { connId } = await scene.makeRunning();
      const diagnosis = makeDiagnosis("ike-proposal", startMs);
      await scene.record({ diagnoses: new Map([[connId, diagnosis]]) });
      expect((await scene.control.readMemory(scene.place.vpnGw.id)).diagnoses.get(connId)).toEqual(diagnosis);
      await scene.record({ diagnoses: new Map([[connId, undefined]]) });
      expect((await scene.control.readMemory(scene.place.vpnGw.id)).diagnoses).toEqual(new Map());
    });

    it("records who knocks in vain in place of who did, and otherwise leaves it", async () => {
      const peers = ["203.0.113.7", "203.0.113.8"].map((address) =>
        makeUnknownPeer(address, startMs, { count: 2 ** 33 }),
      );
      await scene.record({ unknownPeers: peers });
      await scene.record({});
      expect(await listUnknownPeers(scene.store.db, scene.place.vpnGw.id)).toEqual(peers);
      await scene.record({ unknownPeers: [] });
      expect(await listUnknownPeers(scene.store.db, scene.place.vpnGw.id)).toEqual([]);
    });

    it("leaves out what is said of another gateway's channels", async () => {
      const { connId } = await scene.makeNew({}, scene.other);
      const before = await scene.picture();
      await scene.record({
        conns: [{ connId, generation: 2, status: undefined, failure: undefined }],
        netStatuses: new Map([[connId, "available"]]),
        diagnoses: new Map([[connId, makeDiagnosis("peer-silent", startMs)]]),
      });
      const counter = { connId, spi: "a", bytesIn: 1, bytesOut: 1, seenAtMs: startMs };
      await scene.control.addTraffic(scene.place.vpnGw.id, [{ counter, fromMs: startMs }]);
      expect(await scene.picture()).toEqual(before);
    });
  });
}
