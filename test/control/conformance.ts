// What every body of Control does, seen from a host alone: each method, each outcome, what is refused and how. What came of it is looked
// up in the store behind it.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setVpnGwStatus } from "../../src/store/vpn-gws.ts";
import { describeAnswers } from "./answers.ts";
import { describeReports } from "./reports.ts";
import { describeRounds } from "./rounds.ts";
import { ControlScene, expectRefused, type MakeControl, nothing, startMs } from "./scene.ts";

/** @param canBeSilenced whether what `make` makes has `silence` */
export function describeControl(
  name: string,
  make: MakeControl,
  { canBeSilenced }: { readonly canBeSilenced: boolean },
): void {
  describe(`control, ${name},`, () => {
    const scene = new ControlScene(make);
    beforeEach(() => scene.begin());
    afterEach(() => scene.end());

    describeAnswers(scene);
    describeRounds(scene);
    describeReports(scene);

    /** Every report, with something in it that would be written. */
    async function reports(): Promise<(readonly [string, () => Promise<unknown>])[]> {
      const { connId } = await scene.makeRunning();
      const vpnGw = await scene.gw();
      const counter = { connId, spi: "a", bytesIn: 1, bytesOut: 1, seenAtMs: startMs };
      await scene.control.addTraffic(vpnGw.id, [{ counter: { ...counter, spi: "b" }, fromMs: startMs }]);
      const netStatuses = new Map([[connId, "available"]] as const);
      return [
        ["recordRound", () => scene.control.recordRound(vpnGw, { ...nothing, netStatuses })],
        ["recordFailure", () => scene.control.recordFailure(vpnGw, "no", [])],
        ["addTraffic", () => scene.control.addTraffic(vpnGw.id, [{ counter, fromMs: startMs }])],
        ["forgetCounters", () => scene.control.forgetCounters(vpnGw.id, [{ ...counter, spi: "b" }])],
        ["recordRemoval", () => scene.control.recordRemoval(vpnGw)],
      ];
    }

    it("takes no report of a gateway that has been given to another host, and writes nothing of it", async () => {
      const all = await reports();
      scene.leases.hold(scene.other.vpnGw.id);
      scene.leases.onCheck = async (db, id) => setVpnGwStatus(db, id, "delete-failed");
      const before = await scene.picture();
      for (const [, report] of all) await expectRefused(report(), "not-held");
      expect(await scene.picture()).toEqual(before);
      // Each of them would have changed something; the removal has to wait until there are no channels.
      scene.leases.hold(scene.place.vpnGw.id);
      scene.leases.onCheck = async () => {};
      let last = before;
      for (const [what, report] of all.slice(0, -1)) {
        await report();
        const now = await scene.picture();
        expect([what, now === last]).toEqual([what, false]);
        last = now;
      }
    });

    // A file is always there.
    if (canBeSilenced) {
      it("that does not answer is unavailable, whatever it is asked or told", async () => {
        const all = await reports();
        const before = await scene.picture();
        await scene.silence();
        const { id } = scene.place.vpnGw;
        for (const [, report] of all) await expectRefused(report(), "unavailable");
        await expectRefused(scene.control.readGateway(id, 0), "unavailable");
        await expectRefused(scene.control.readMemory(id), "unavailable");
        expect(await scene.picture()).toEqual(before);
      });
    }
  });
}
