// Faults while packets pass: of two gateways with three channels one is hit, and the other must not notice. What a fault cost is printed
// as a line of JSON.
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { findCharon } from "../../src/dataplane/charon/charon-process.ts";
import { ipBatch, run } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { labDefaults, labUp } from "../../src/lab/lab.ts";
import { remotePlace, startSwan } from "../../src/lab/strongswan.ts";
import { findSwan } from "../../src/lab/swan-process.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { rowOf, textAt } from "../support/reply.ts";
import { listIdentities } from "../support/sas.ts";
import { makeConn, makeUserGw, makeVpc, makeVpnGw } from "../support/scene.ts";
import { type Watched, watchTraffic } from "../support/traffic-watch.ts";
import { waitFor } from "../support/wait-for.ts";
import { longLives, placeOf, preSharedKey, setUpPeers } from "./many-peers.ts";
import { capture, ping } from "./wires.ts";

const timeoutMs = 30_000;
/** `npm run test:survival` has the time for half a minute. */
const linkDownMs = process.env.SURVIVAL === undefined ? 5_000 : 30_000;
const dpd = { delaySeconds: 1, timeoutSeconds: 3 };
const periodSeconds = 1;

/** A channel, by the number of its peer, on gateway `vpnGw`. */
const channels = [
  { name: "first", vpnGw: 1 },
  { name: "second", vpnGw: 1 },
  { name: "other", vpnGw: 2 },
] as const;
type ChannelName = (typeof channels)[number]["name"];

let real: RealSite;
let names: Names;
const ids = new Map<string, string>();

const addressOf = (name: ChannelName) => placeOf(channels.findIndex((each) => each.name === name)).host;

async function netStatus(name: ChannelName): Promise<unknown> {
  return rowOf(await call(real.client, "DescribeVpnConn", { vpnConnId: ids.get(name) ?? "" })).netStatus;
}

/** Traffic through each of the channels while something befalls them, and until they all carry it again. */
async function during(work: () => Promise<unknown>): Promise<Record<ChannelName, Watched>> {
  const watches = await Promise.all(
    channels.map(({ name, vpnGw }) => watchTraffic(names.labNamespace(`host${vpnGw}`), addressOf(name))),
  );
  await work();
  const ended = await Promise.all(watches.map((watch) => watch.stop(timeoutMs)));
  return Object.fromEntries(channels.map(({ name }, index) => [name, ended[index]])) as Record<ChannelName, Watched>;
}

async function untilAvailable(): Promise<void> {
  for (const { name } of channels) await untilNetStatus(name, "available");
}

async function untilNetStatus(name: ChannelName, wanted: string): Promise<void> {
  const isSo = async () => (await netStatus(name)) === wanted;
  await waitFor(isSo, { what: `the ${name} channel to be ${wanted}`, timeoutMs });
}

function report(fault: string, { first, second }: Record<ChannelName, Watched>): void {
  const breakSeconds = Math.max(first.longestBreakSeconds, second.longestBreakSeconds);
  process.stdout.write(`\n${JSON.stringify({ fault, breakSeconds: Number(breakSeconds.toFixed(2)) })}\n`);
}

/**
 * Hears every packet with an address of one of the sites on the public wire; what a host says of a closed port has none. That it hears is
 * tried at the end, by a packet that the other gateway sends itself.
 */
async function hearInside(): Promise<() => Promise<readonly string[]>> {
  const wire = await capture(names.publicNamespace, names.bridge, "ip and net 10.0.0.0/8");
  const isControl = (line: string) => line.includes(" 10.1.0.1 > ");
  return async () => {
    const self = { namespace: names.gatewayNamespace(2), address: "10.1.0.1" };
    await ping(self, placeOf(0).address, 1, ["-I", self.address]);
    await waitFor(() => wire.lines.some(isControl), { what: "the ear to hear" });
    await wire.stop();
    return wire.lines.filter((line) => line !== "" && !isControl(line));
  };
}

/** Addresses and routes of the first gateway. */
async function insideGateway(): Promise<string[]> {
  const [addresses, routes] = await Promise.all(
    [
      ["-brief", "address"],
      ["route", "show", "table", "all"],
    ].map((args) => run("ip", ["-n", names.gatewayNamespace(1), ...args])),
  );
  // The number behind a link's name, and that of its other end, are the kernel's choice.
  return `${addresses?.replaceAll(/@if\d+| +(?= )/g, "")}${routes}`
    .split("\n")
    .map((line) => line.trimEnd())
    .sort();
}

const lost = ({ sent, received }: Watched) => sent - received;
const pidOf = (vpnGw: number) => findCharon({ namespace: names.gatewayNamespace(vpnGw), dir: names.gatewayDir(vpnGw) });
const all = async () => [...(await listIdentities(names, 1)), ...(await listIdentities(names, 2))];
/** They are random; unique ids begin anew with every charon. */
const spis = async () => (await all()).filter((id) => !id.startsWith("#"));

describeOnMachine("channels of two gateways", () => {
  beforeAll(async () => {
    const env = {
      CULVERT_DPD_DELAY_SECONDS: `${dpd.delaySeconds}`,
      CULVERT_DPD_TIMEOUT_SECONDS: `${dpd.timeoutSeconds}`,
      CULVERT_RECONCILE_PERIOD_SECONDS: `${periodSeconds}`,
    };
    real = await makeRealSite(labDefaults.siteNetwork, { env });
    names = real.names;
    const { client } = real;
    const vpcId = await makeVpc(client, "10.1.0.0/16");
    const gateways = [real.place, { vpcId, vpnGwId: await makeVpnGw(client, vpcId) }];
    await labUp({ ...labDefaults, names, vpc: { id: 2, uid: vpcId, cidr: "10.1.0.0/16" } });
    await setUpPeers(
      names,
      channels.map(({ name }) => ({ name, ...longLives })),
    );
    for (const [number, { name, vpnGw }] of channels.entries()) {
      const { address, siteNetwork } = placeOf(number);
      const userGwId = await makeUserGw(client, address);
      const place = { ...(gateways[vpnGw - 1] ?? real.place), userGwId };
      const networks = { "userGwCidrBlock.0": siteNetwork };
      const conn = await makeConn(client, place, { ...algorithms, ...networks, preSharedKey });
      ids.set(name, textAt(conn, "unVpnConnId"));
    }
    await untilAvailable();
  }, 60_000);
  afterAll(async () => {
    await real?.remove();
  });

  it("are all back after kill -9 of one charon, and the other gateway loses nothing", async () => {
    const other = await listIdentities(names, 2);
    const pid = await pidOf(1);
    const watched = await during(async () => {
      process.kill(pid ?? 0, "SIGKILL");
      await waitFor(async () => ![undefined, pid].includes(await pidOf(1)), { what: "a new charon" });
      await untilAvailable();
    });
    report("kill -9 of charon", watched);
    expect(lost(watched.other)).toBe(0);
    expect(await listIdentities(names, 2)).toEqual(other);
    expect(lost(watched.first)).toBeGreaterThan(0);
    for (const name of ["first", "second"] as const) expect(watched[name].longestBreakSeconds).toBeLessThan(5);
  });

  it("carry packets while the server is dead, and are what they were when it is back", async () => {
    const before = await all();
    const watched = await during(async () => {
      await real.restart();
      await untilAvailable();
    });
    for (const { name } of channels) expect(lost(watched[name])).toBe(0);
    expect(await all()).toEqual(before);
  });

  it("are back after kill -9 of the server and of a charon", async () => {
    const other = await listIdentities(names, 2);
    const watched = await during(async () => {
      await real.server.stop("SIGKILL");
      process.kill((await pidOf(1)) ?? 0, "SIGKILL");
      await real.restart();
      await untilAvailable();
    });
    report("kill -9 of the server and of charon", watched);
    expect(lost(watched.other)).toBe(0);
    expect(await listIdentities(names, 2)).toEqual(other);
  });

  it("outlive a link that is down for less than dead peer detection takes", async () => {
    const before = await all();
    await during(async () => {
      await cutOff(1_200);
    });
    expect(await all()).toEqual(before);
  });

  it("are back after the peer was cut off, and nothing crossed in clear", { timeout: 2 * timeoutMs }, async () => {
    const before = await spis();
    const ear = await hearInside();
    const watched = await during(async () => {
      await cutOff(linkDownMs, () => untilNetStatus("first", "unavailable"));
      await untilAvailable();
    });
    report(`link down for ${linkDownMs / 1_000} s`, watched);
    expect(await ear()).toEqual([]);
    expect((await spis()).filter((id) => before.includes(id))).toEqual([]);
  });

  it("are back after the peer was killed and has begun anew", async () => {
    const ear = await hearInside();
    const watched = await during(async () => {
      await killPeer();
      await untilNetStatus("first", "unavailable");
      await startSwan(remotePlace(names));
      await untilAvailable();
    });
    report("kill -9 of the peer", watched);
    expect(await ear()).toEqual([]);
  });

  it("are back after the peer was killed and was there again at once", async () => {
    const watched = await during(async () => {
      await killPeer();
      await startSwan(remotePlace(names));
    });
    report("kill -9 of the peer, back at once", watched);
    await untilAvailable();
  });

  const inGateway =
    (...commands: string[]) =>
    () =>
      ipBatch(names.gatewayNamespace(1), commands);
  it.each([
    ["its public address", inGateway("address flush dev wan0")],
    ["its address in the VPC", inGateway("address flush dev lan0")],
    ["its addresses on lo", inGateway("address flush dev lo scope global")],
    ["its routes", inGateway("route flush table main")],
    ["its routes into the tunnels", inGateway("route flush table 220")],
    ["its public link", inGateway("link set wan0 down")],
    ["the end of its public link", () => ipBatch(names.publicNamespace, ["link del gw1"])],
  ])("carry packets again after a gateway has lost %s", async (lostThing, lose) => {
    const before = await insideGateway();
    const ear = await hearInside();
    const watched = await during(lose);
    report(`a gateway has lost ${lostThing}`, watched);
    expect(lost(watched.other)).toBe(0);
    expect(await ear()).toEqual([]);
    await untilAvailable();
    const isMended = async () => isDeepStrictEqual(await insideGateway(), before);
    await waitFor(isMended, { what: "everything to be as it was", timeoutMs });
  });
});

async function killPeer(): Promise<void> {
  const find = () => findSwan(remotePlace(names));
  process.kill((await find()) ?? 0, "SIGKILL");
  await waitFor(async () => (await find()) === undefined, { what: "the peer's end" });
}

async function cutOff(forMs: number, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
  const begin = performance.now();
  await ipBatch(names.publicNamespace, ["link set lab-remote down"]);
  await meanwhile();
  await waitFor(() => performance.now() - begin >= forMs, { what: "time to pass", timeoutMs: 60_000 });
  await ipBatch(names.publicNamespace, ["link set lab-remote up"]);
}

const algorithms = {
  "IKESet.propoEncryAlgorithm": "aes-cbc-128",
  "IKESet.propoAuthenAlgorithm": "sha",
  "IKESet.dhGroupName": "group2",
  "IPsecSet.encryptAlgorithm": "aes-cbc-128",
  "IPsecSet.integrityAlgorith": "sha",
};
