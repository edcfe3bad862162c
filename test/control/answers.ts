// What control says when it is asked.
import { describe, expect, it } from "vitest";
import { ControlError } from "../../src/control/control.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { makeDiagnosis } from "../support/diagnoses.ts";
import { modifyConn } from "../support/operations.ts";
import { type ControlScene, expectRefused, many, nothing, startMs } from "./scene.ts";

export function describeAnswers(scene: ControlScene): void {
  describe("asked for leases", () => {
    it("says what is held and what is to go, and for how long", async () => {
      scene.leases.hold(scene.place.vpnGw.id, scene.other.vpnGw.id);
      const said = scene.leases.leave(scene.other.vpnGw.id);
      expect(await scene.control.renew()).toEqual(said);
      expect(scene.leases.isStopping).toBe(false);
      scene.leases.leases = { termMs: 7, gatewayIds: [], leavingIds: [] };
      expect(await scene.control.renew()).toEqual({ termMs: 7, gatewayIds: [], leavingIds: [] });
    });

    it("hears that the host is about to stop, and says whether it may end", async () => {
      const said = scene.leases.hold(scene.place.vpnGw.id);
      for (const mayEnd of [false, true]) {
        scene.leases.leases = { ...said, mayEnd };
        expect(await scene.control.renew(true)).toEqual({ ...said, mayEnd });
        expect(scene.leases.isStopping).toBe(true);
      }
      scene.leases.leases = said;
      expect(await scene.control.renew()).toEqual(said);
      expect(scene.leases.isStopping).toBe(false);
    });

    it("refuses a host that it does not know, with the reason", async () => {
      scene.leases.refusal = new ControlError("refused", "no such host");
      await expectRefused(scene.control.renew(), "refused");
      await expect(scene.control.renew()).rejects.toThrow("no such host");
    });

    it("takes back what is released, once", async () => {
      scene.leases.leave(scene.place.vpnGw.id);
      await scene.control.release(scene.place.vpnGw.id);
      expect(scene.leases.released).toEqual([scene.place.vpnGw.id]);
      await expectRefused(scene.control.release(scene.place.vpnGw.id), "not-held");
    });
  });

  it("is watched until it is told to end", async () => {
    const end = new AbortController();
    let hasEnded = false;
    const watched = scene.control
      .watch(() => {}, end.signal)
      .then(() => {
        hasEnded = true;
      });
    await scene.control.renew();
    expect(hasEnded).toBe(false);
    end.abort();
    await watched;
    await scene.control.watch(() => {}, AbortSignal.abort());
  });

  describe("asked for a gateway", () => {
    it("tells all that is desired, keys included", async () => {
      const made = await scene.makeNew({ preSharedKey: new Secret("密钥 1"), name: "北京" });
      const { vpnGw, vpcCidr, vpcUid, changed } = await scene.read();
      expect([vpcCidr, vpcUid]).toEqual([scene.place.vpc.cidr, scene.place.vpc.uid]);
      expect(vpnGw).toEqual({ ...scene.place.vpnGw, generation: vpnGw.generation });
      expect(vpnGw.generation).toBeGreaterThan(scene.place.vpnGw.generation);
      expect(changed).toHaveLength(1);
      const [one] = changed;
      expect(one).toMatchObject({
        conn: { id: made.connId, name: "北京", status: "creating", generation: vpnGw.generation, vpnGwId: vpnGw.id },
        peerAddress: scene.place.userGw.address,
      });
      expect(one?.conn.preSharedKey).toBeInstanceOf(Secret);
      expect(one?.conn.preSharedKey.reveal()).toBe("密钥 1");
      expect(one?.conn.spds[0]?.peers).toHaveLength(1);
      const row = await scene.connRow(made.connId);
      expect(one?.ikeIdentity).toBe(row?.ike_identity);
      expect([one?.conn.ike, one?.conn.ipsec]).toEqual([JSON.parse(row?.ike ?? ""), JSON.parse(row?.ipsec ?? "")]);
      expect(one?.fallback).toBeUndefined();
    });

    it("leaves out what has not changed since", async () => {
      const first = await scene.makeNew();
      const before = (await scene.gw()).generation;
      expect((await scene.read(before)).changed).toEqual([]);
      const second = await scene.makeNew();
      expect((await scene.read(before)).changed.map(({ conn }) => conn.id)).toEqual([second.connId]);
      expect((await scene.read()).changed.map(({ conn }) => conn.id)).toEqual([first.connId, second.connId]);
    });

    it("tells what a modified channel goes back to, and what is on its way out", async () => {
      const changing = await scene.makeRunning();
      // Of another IKE identity, whose key is its own.
      const leaving = await scene.makeRunning({ ...scene.place, userGw: scene.other.userGw });
      const { generation } = await scene.gw();
      const old = (await scene.desired(changing.connId)).conn;
      await modifyConn(scene.operator, scene.place, changing.uid, {
        preSharedKey: new Secret("new"),
        ipsec: { encryption: "des" },
      });
      await scene.deleteConn(leaving.uid);
      const { changed } = await scene.read(generation);
      expect(changed.map(({ conn }) => [conn.id, conn.status])).toEqual([
        [changing.connId, "modifying"],
        [leaving.connId, "deleting"],
      ]);
      const [modified] = changed;
      expect(modified?.conn.ipsec.encryption).toBe("des");
      expect(modified?.conn.preSharedKey.reveal()).toBe("new");
      expect(modified?.fallback?.conn.ipsec).toEqual(old.ipsec);
      expect(modified?.fallback?.conn.preSharedKey.reveal()).toBe(old.preSharedKey.reveal());
    });

    it("knows none that is not held, and none that is not there", async () => {
      expect(await scene.control.readGateway(scene.other.vpnGw.id, 0)).toBeUndefined();
      scene.leases.hold(scene.place.vpnGw.id, 987_654);
      expect(await scene.control.readGateway(987_654, 0)).toBeUndefined();
      expect(await scene.control.readGateway(scene.place.vpnGw.id, 0)).toBeDefined();
    });
  });

  describe("asked for what was recorded", () => {
    it("has nothing of a new gateway", async () => {
      await scene.makeNew();
      const empty = { netStatuses: new Map(), diagnoses: new Map(), saCounters: [] };
      expect(await scene.control.readMemory(scene.place.vpnGw.id)).toEqual(empty);
    });

    it("tells it as it was reported, of this gateway alone", async () => {
      scene.leases.hold(scene.place.vpnGw.id, scene.other.vpnGw.id);
      const [up, down] = [await scene.makeRunning(), await scene.makeRunning()];
      const { connId: others } = await scene.makeNew({}, scene.other);
      const diagnosis = makeDiagnosis("peer-silent", startMs, { said: 'sent it again: "是"' });
      const counter = { spi: "c4eac43a", bytesIn: many, bytesOut: many + 1, seenAtMs: startMs };
      const netStatuses = new Map([
        [up.connId, "available"],
        [down.connId, "unavailable"],
      ] as const);
      await scene.record({ netStatuses, diagnoses: new Map([[down.connId, diagnosis]]) });
      const otherGw = (await scene.control.readGateway(scene.other.vpnGw.id, 0))?.vpnGw ?? scene.other.vpnGw;
      const [otherStatuses, otherDiagnoses] = [
        new Map([[others, "available"]] as const),
        new Map([[others, diagnosis]]),
      ];
      await scene.control.recordRound(otherGw, { ...nothing, netStatuses: otherStatuses, diagnoses: otherDiagnoses });
      await scene.control.addTraffic(scene.place.vpnGw.id, [
        { counter: { ...counter, connId: up.connId }, fromMs: startMs },
      ]);
      await scene.control.addTraffic(scene.other.vpnGw.id, [
        { counter: { ...counter, connId: others }, fromMs: startMs },
      ]);
      expect(await scene.control.readMemory(scene.place.vpnGw.id)).toEqual({
        netStatuses,
        diagnoses: new Map([[down.connId, diagnosis]]),
        saCounters: [{ ...counter, connId: up.connId }],
      });
    });

    it("says of a gateway that is not held that it is not", async () => {
      await expectRefused(scene.control.readMemory(scene.other.vpnGw.id), "not-held");
    });
  });
}
