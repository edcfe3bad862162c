// DescribeVpnConnMonitor: api-v2.md 4.8.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { SimulatedDataplane } from "../../src/dataplane/simulated.ts";
import { addTraffic } from "../../src/store/traffic.ts";
import { slotMs, slotOf } from "../../src/vpn/traffic.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { textAt } from "../support/reply.ts";
import { makeConn, makePlace, makeUserGw, nextPeerAddress, type Place } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

const sample = { code: 0, message: "", codeDesc: "Success", data: [1221, 1212, 787] };

const dataplane = new SimulatedDataplane();
let server: LocalServer;
let place: Place;
let names: { readonly vpcId: string; readonly vpnGwId: string; readonly vpnConnId: string };
let connId: number;
/** A day of July 2016, as the page's example has it; nothing has been deleted for its age yet. */
const day = "2016-07-06";
const dayMs = 86_400_000;
/** Noon of that day in China. */
const noonMs = Date.UTC(2016, 6, 6, 4);

beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  place = await makePlace(server.client);
  const conn = await makeConn(server.client, place);
  connId = Number(conn.vpnConnId);
  names = { vpcId: place.vpcId, vpnGwId: place.vpnGwId, vpnConnId: textAt(conn, "unVpnConnId") };
});
afterAll(() => server.stop());

type Given = Readonly<Record<string, string>>;
const ask = (given: Given = {}) =>
  call(server.client, "DescribeVpnConnMonitor", { ...names, metricName: "outtraffic", ...given });
const rates = async (given: Given = {}) => {
  const reply = await ask(given);
  expect(reply).toEqual({ ...sample, data: expect.any(Array) });
  return reply.data as number[];
};

/** Bytes that are so many bits per second in five minutes. */
const bytesOf = (bps: number) => Math.round((bps * slotMs) / 8_000);
const carry = (startsAtMs: number, bpsIn: number, bpsOut: number) =>
  server.store.transaction((db) =>
    addTraffic(db, connId, { startsAtMs, bytesIn: bytesOf(bpsIn), bytesOut: bytesOf(bpsOut) }),
  );

/** In UTC+8. */
function timeOf(atMs: number): string {
  return new Date(atMs + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
}

describe("DescribeVpnConnMonitor", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const startMs = noonMs + (method === "GET" ? 0 : 4 * slotMs);
    for (const [index, rate] of sample.data.entries()) await carry(startMs + index * slotMs, rate + 1, rate);
    const times = { starttime: timeOf(startMs), endtime: timeOf(startMs + 3 * slotMs) };
    const given = { ...names, metricName: "outtraffic", ...times };
    const { reply } = await sendCall(server.client, "DescribeVpnConnMonitor", given, { method });
    expect(reply).toEqual(sample);
    expect(await rates({ ...times, metricName: "intraffic" })).toEqual([1222, 1213, 788]);
    expect(await rates({ ...times, metricName: "OutTraffic" })).toEqual(sample.data);
  });

  it("takes old ids", async () => {
    const old = { vpcId: "1", vpnGwId: "1", vpnConnId: String(connId) };
    expect(await rates({ ...old, starttime: timeOf(noonMs), endtime: timeOf(noonMs + slotMs) })).toEqual([1221]);
  });

  it("begins its five minutes with starttime, and has 0 where nothing flowed", async () => {
    const startMs = noonMs + dayMs;
    await carry(startMs + slotMs, 0, 300);
    const times = { starttime: timeOf(startMs - 60_000), endtime: timeOf(startMs + 4 * slotMs - 60_000) };
    expect(await rates(times)).toEqual([0, 240, 60, 0]);
  });

  it("shows the last 24 hours unless told, up to now", async () => {
    const all = await rates();
    expect(all).toHaveLength(288);
    expect(new Set(all)).toEqual(new Set([0]));
  });

  it("moves the start of a span of more than two days, and says nothing of it", async () => {
    const endMs = noonMs + 10 * dayMs;
    await carry(endMs - 2 * dayMs, 0, 100);
    await carry(endMs - 2 * dayMs - slotMs, 0, 5_000);
    const longer = await rates({ starttime: timeOf(endMs - 3 * dayMs), endtime: timeOf(endMs) });
    expect(longer).toHaveLength(576);
    expect(longer.slice(0, 2)).toEqual([100, 0]);
    expect(longer).toEqual(await rates({ starttime: timeOf(endMs - 2 * dayMs), endtime: timeOf(endMs) }));
  });

  it("leaves out what is still to come", async () => {
    const nowMs = server.clock.now();
    expect(await rates({ starttime: timeOf(nowMs + 60_000), endtime: timeOf(nowMs + dayMs) })).toEqual([]);
    const begun = await rates({ starttime: timeOf(nowMs - 7 * 60_000), endtime: timeOf(nowMs + dayMs) });
    expect(begun).toEqual([0, 0]);
    expect(await rates({ starttime: `${day} 12:00:00`, endtime: `${day} 12:00:00` })).toEqual([]);
  });

  it("shows what the gateway has carried", async () => {
    const userGwId = await makeUserGw(server.client, nextPeerAddress());
    const conn = await makeConn(server.client, { ...place, userGwId });
    const uid = textAt(conn, "unVpnConnId");
    const child = await waitFor(
      () => {
        const children = dataplane.peek(Number(conn.vpnGwId)).ikeSas.flatMap((ikeSa) => ikeSa.children);
        return children.find(({ name }) => name.startsWith(uid))?.name;
      },
      { what: "the channel to be up" },
    );
    dataplane.carry(Number(conn.vpnGwId), child, { bytesIn: 75_000, bytesOut: 150_000 });
    const sum = async (metricName: string) =>
      (await rates({ vpnConnId: uid, metricName })).reduce((total, rate) => total + rate, 0);
    // Past the next look; a round that was under way has looked before.
    const isCounted = async () => {
      server.clock.advance(30_000);
      await server.nudge();
      return (await sum("outtraffic")) > 0;
    };
    await waitFor(isCounted, { what: "it to be counted" });
    // A slot further, so that the slot of what flowed is over.
    server.clock.advance(slotOf(server.clock.now()) + slotMs - server.clock.now() + 1_000);
    // A rate is rounded, and what flowed may lie across two or three of the five minutes.
    expect(Math.abs((await sum("outtraffic")) - 4_000)).toBeLessThanOrEqual(2);
    expect(Math.abs((await sum("intraffic")) - 2_000)).toBeLessThanOrEqual(2);
  });

  it("may be read with a read-only key", async () => {
    const reader = await server.addKey({ isReadOnly: true });
    const given = { ...names, metricName: "intraffic" };
    expect(await call(reader, "DescribeVpnConnMonitor", given)).toMatchObject({ code: 0 });
  });
});

describe("DescribeVpnConnMonitor refuses", () => {
  it.each(["vpcId", "vpnGwId", "vpnConnId", "metricName"])("to go without %s", async (name) => {
    await expectRefusal(server, "parameter-invalid", () => ask({ [name]: "" }), [`[${name}]`]);
  });

  it.each(["traffic", "out", "outtraffic ", "bytesOut", "constructor"])("metricName '%s'", async (metricName) => {
    await expectRefusal(server, "parameter-invalid", () => ask({ metricName }), ["[metricName]"]);
  });

  const noTimes = [
    "2016-07-06",
    "2016-07-06T12:00:00",
    "2016-07-06 12:00",
    "2016-07-06 24:00:00",
    "2016-02-30 12:00:00",
  ];
  const noTimesEither = ["2016-13-01 00:00:00", "2016-07-06 12:60:00", "1467777600", "now", " ", "2016-07-06  2:00:00"];
  it.each([...noTimes, ...noTimesEither])("the time '%s'", async (time) => {
    for (const name of ["starttime", "endtime"]) {
      await expectRefusal(server, "parameter-invalid", () => ask({ [name]: time }), [`[${name}]`]);
    }
  });

  it("a start after the end, whichever of them was given", async () => {
    const nowMs = server.clock.now();
    for (const times of [
      { starttime: `${day} 12:00:01`, endtime: `${day} 12:00:00` },
      { starttime: timeOf(nowMs + 3_600_000) },
      { endtime: timeOf(nowMs - dayMs - 60_000) },
    ]) {
      await expectRefusal(server, "parameter-invalid", () => ask({ ...times }), ["[starttime]"]);
    }
  });

  it("what is not there, by its name", async () => {
    const nowhere = { vpcId: "vpc-00000000", vpnGwId: "vpngw-00000000", vpnConnId: "vpnx-00000000" };
    await expectRefusal(server, "vpc-not-found", () => ask(nowhere), [nowhere.vpcId]);
    const { vpcId, vpnGwId, vpnConnId } = nowhere;
    await expectRefusal(server, "vpn-gw-not-found", () => ask({ vpnGwId, vpnConnId }), [vpnGwId]);
    await expectRefusal(server, "vpn-conn-not-found", () => ask({ vpnConnId }), [vpnConnId]);
    expect(vpcId).toBe("vpc-00000000");
  });

  it("a channel of another gateway, and of another account", async () => {
    const other = await makePlace(server.client);
    const attempt = () => ask({ vpcId: other.vpcId, vpnGwId: other.vpnGwId });
    await expectRefusal(server, "vpn-conn-not-found", attempt, [names.vpnConnId]);
    const stranger = await server.addKey({ account: "other" });
    const given = { ...names, metricName: "outtraffic" };
    await expectRefusal(server, "vpc-not-found", () => call(stranger, "DescribeVpnConnMonitor", given));
  });
});
