// Renewal while packets pass, and what the peer is told of lifetimes: channels with the shortest lifetimes of the API, made through it, to
// peers that renew late, and to peers with the same lifetimes and strongSwan's own percentages. All run at the same time, and so does a
// channel that is not renewed: what is lost or late there is the machine's doing, and then nothing can be said of renewals.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, call, clientOf } from "../../src/cli/client.ts";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import { instanceOf, type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { type ServerProcess, startServerProcess } from "../../src/demo/server-process.ts";
import { labDefaults, labDown, labUp } from "../../src/lab/lab.ts";
import { firstReply, type PingOptions, type TimedPingCount, timePing } from "../../src/lab/probe.ts";
import { describeOnMachine } from "../support/machine.ts";
import { rowOf, textAt } from "../support/reply.ts";
import { makeConn, makeUserGw, makeVpc, makeVpnGw } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";
import { logOf, longLives, type Peer, placeOf, preSharedKey, setUpPeers } from "./many-peers.ts";
import { capture } from "./wires.ts";

/** We renew phase 1 after 33-36 s and end the old IKE_SA 10 s later; a peer with strongSwan's percentages renews after 48-54 s. */
const ikeSeconds = 60;
/** We renew phase 2 after 117-126 s; such a peer would after 162 s. */
const ipsecSeconds = 180;
const pastAllRenewalsMs = 132_000;
const kilobytes = 2_560;
const timeoutMs = 15_000;

/** over_time and rand_time are then a tenth of it: 60 s at most. */
const evenIke = ["rekey_time = 54"];
const evenChild = [`life_time = ${ipsecSeconds}`, `life_bytes = ${kilobytes * 1000}`];
const byTime: readonly Peer[] = [
  { name: "time", ...longLives },
  ...[1, 2, 3].map((number) => ({ name: `even-time-${number}`, ikeLifetime: evenIke, childLifetime: evenChild })),
];
const byVolume: readonly Peer[] = [
  { name: "volume", ...longLives },
  { name: "even-volume", ikeLifetime: longLives.ikeLifetime, childLifetime: evenChild },
];
/** Nothing of it is renewed while we look. */
const control: Peer = { name: "control", ...longLives };
const peers = [...byTime, ...byVolume, control];

const algorithms = {
  "IKESet.propoEncryAlgorithm": "aes-cbc-128",
  "IKESet.propoAuthenAlgorithm": "sha",
  "IKESet.dhGroupName": "group2",
  "IPsecSet.encryptAlgorithm": "aes-cbc-128",
  "IPsecSet.integrityAlgorith": "sha",
};
const smallIke = { "IKESet.ikeSaLifetimeSeconds": `${ikeSeconds}` };
const smallIpsec = {
  "IPsecSet.ipsecSaLifetimeSeconds": `${ipsecSeconds}`,
  "IPsecSet.ipsecSaLifetimeTraffic": `${kilobytes}`,
};

/** 25 packets a second until everything has been renewed. */
const steady = { pings: 1, count: pastAllRenewalsMs / 40, intervalMs: 40, timeoutMs: 2_000 };
/**
 * 500 packets a second of 1000 bytes, as they are inside the tunnel: 1.7 MB, where we renew, in less than 4 s. One ping that is as fast
 * would do nothing but wait, and take a whole core for it; each of ten takes 2 ms more than its interval.
 */
const flood = { pings: 10, count: 2_000, intervalMs: 18, timeoutMs: 2_000, payloadBytes: 972 };
/** The control has both: what it loses says something of the others. */
const trafficOf = (peer: Peer) => [
  ...(byVolume.includes(peer) ? [] : [steady]),
  ...(byTime.includes(peer) ? [] : [flood]),
];

/** How long a packet may take to come back on the average, through two userspace tunnels' ends: about 1 ms where nothing else runs. */
const quietMs = 3;

let dataDir: string;
let names: Names;
let server: ServerProcess;
let client: Client;
let packets: readonly string[];
const conns = new Map<string, string>();
const counts = new Map<string, TimedPingCount>();

const hostOf = (peer: Peer) => placeOf(peers.indexOf(peer)).host;
const netStatus = async (peer: Peer) =>
  rowOf(await call(client, "DescribeVpnConn", { vpnConnId: conns.get(peer.name) ?? "" })).netStatus;

describeOnMachine("a tunnel with the shortest lifetimes", () => {
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "culvert-test-"));
    names = namesOf(instanceOf(dataDir));
    server = await startServerProcess(dataDir, "charon", {
      CULVERT_DPD_DELAY_SECONDS: "1",
      CULVERT_DPD_TIMEOUT_SECONDS: "4",
    });
    client = clientOf(server.keyFile, server.endpoint, "gz");
    const vpcId = await makeVpc(client);
    const vpnGwId = await makeVpnGw(client, vpcId);
    await labUp({ ...labDefaults, names, vpc: { id: 1, uid: vpcId, cidr: "10.0.0.0/16" } });
    await setUpPeers(names, peers);
    const wire = await capture(names.labNamespace("remote"), "wan0", "udp port 500", ["-v"]);
    for (const peer of peers) await connect(peer, { vpcId, vpnGwId });
    await wire.stop();
    packets = wire.lines.join("\n").split(/^(?=\d\d:\d\d:\d\d\.)/m);
    await Promise.all(peers.map(async (peer) => counts.set(peer.name, await send(peer))));
    for (const [name, { sent, received, meanMs }] of counts) {
      console.info(`${name}: ${received} of ${sent} came back, after ${meanMs?.toFixed(2)} ms`);
    }
  }, 240_000);
  afterAll(async () => {
    await server?.stop();
    await labDown(names);
    await removeInstance(names);
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** What is renewed by volume has a long time, so that it is renewed by nothing else. */
  async function connect(peer: Peer, gateway: { readonly vpcId: string; readonly vpnGwId: string }): Promise<void> {
    const { address, siteNetwork } = placeOf(peers.indexOf(peer));
    const place = { ...gateway, userGwId: await makeUserGw(client, address) };
    const networks = { "userGwCidrBlock.0": siteNetwork };
    const lifetimes = { ...(peer === control ? {} : smallIpsec), ...(byTime.includes(peer) ? smallIke : {}) };
    const conn = await makeConn(client, place, { ...algorithms, ...lifetimes, ...networks, preSharedKey });
    conns.set(peer.name, textAt(conn, "unVpnConnId"));
    await isAvailable(peer);
    await firstReply(names.labNamespace("host1"), hostOf(peer), { timeoutMs });
  }

  async function send(peer: Peer): Promise<TimedPingCount> {
    const one = (options: PingOptions) => timePing(names.labNamespace("host1"), hostOf(peer), options);
    const all = await Promise.all(
      trafficOf(peer).flatMap(({ pings, ...options }) => Array.from({ length: pings }, () => one(options))),
    );
    const sum = (of: (count: TimedPingCount) => number) => all.reduce((total, each) => total + of(each), 0);
    const received = sum((count) => count.received);
    const totalMs = sum((count) => count.received * (count.meanMs ?? 0));
    return { sent: sum((count) => count.sent), received, meanMs: received === 0 ? undefined : totalMs / received };
  }

  /** Why this machine is too busy for lost packets to be counted; undefined when it is quiet. */
  function findBusyness(): string | undefined {
    const { sent, received, meanMs = Number.POSITIVE_INFINITY } = counts.get(control.name) ?? { sent: 1, received: 0 };
    if (received < sent) return `it lost ${sent - received} of ${sent} packets of a tunnel that was not renewed`;
    return meanMs > quietMs ? `it took ${meanMs.toFixed(2)} ms for a packet to come back` : undefined;
  }

  async function isAvailable(peer: Peer): Promise<void> {
    const isUp = async () => (await netStatus(peer)) === "available";
    await waitFor(isUp, { what: `the channel to ${peer.name} to be available`, timeoutMs });
  }

  it("tells the peer of them as they were asked for", async () => {
    const proposed = peers.map((peer) => ikeLifetimeSent(placeOf(peers.indexOf(peer)).address));
    expect(proposed).toEqual([...byTime.map(() => ikeSeconds), ...byVolume.map(() => 86_400), 86_400]);
    const log = (await logOf(names, byTime[0] as Peer)).join("\n");
    expect(log).toContain(`received ${ipsecSeconds}s lifetime, configured 7200s`);
    expect(log).toContain(`received ${kilobytes * 1000} lifebytes, configured 0`);
  });

  it("runs on a machine that is quiet enough to count lost packets", () => {
    expect(findBusyness()).toBeUndefined();
  });

  it.for(byTime)("renews both phases in time and loses no packet: $name", async (peer, { skip }) => {
    const log = await logOf(names, peer);
    const count = (what: RegExp) => log.filter((line) => what.test(line)).length;
    expect(count(/\] established between/)).toBeGreaterThan(2);
    expect(count(/CHILD_SA \S+ established/)).toBeGreaterThan(1);
    expect(await netStatus(peer)).toBe("available");
    await firstReply(names.labNamespace("host1"), hostOf(peer), { timeoutMs: 1_000 });
    const busyness = findBusyness();
    skip(busyness !== undefined, `the machine is busy: ${busyness}`);
    expect(counts.get(peer.name)).toMatchObject({ sent: steady.count, received: steady.count });
  });

  it.for(byVolume)("renews by volume and loses a packet in a thousand at most: $name", async (peer, { skip }) => {
    const log = (await logOf(names, peer)).filter((line) => /CHILD_SA \S+ established/.test(line));
    console.info(`${peer.name}: ${log.length - 1} renewals`);
    expect(log.length).toBeGreaterThan(8);
    const { sent, received } = counts.get(peer.name) ?? { sent: 0, received: 0 };
    expect(sent).toBe(flood.pings * flood.count);
    expect(await netStatus(peer)).toBe("available");
    await firstReply(names.labNamespace("host1"), hostOf(peer), { timeoutMs: 1_000 });
    const busyness = findBusyness();
    skip(busyness !== undefined, `the machine is busy: ${busyness}`);
    expect(sent - received).toBeLessThanOrEqual(sent / 1_000);
  });

  it("is unavailable soon after the peer was cut off, and comes back by itself", async () => {
    const [peer] = byTime as readonly [Peer];
    const remote = names.labNamespace("remote");
    await ipBatch(remote, ["link set wan0 down"]);
    const isDown = async () => (await netStatus(peer)) === "unavailable";
    // The timeout, one delay more, and the loop's turn.
    await waitFor(isDown, { what: "the channel to be unavailable", timeoutMs: 8_000 });
    await ipBatch(remote, ["link set wan0 up", "route replace default dev wan0"]);
    await isAvailable(peer);
    await firstReply(names.labNamespace("host1"), hostOf(peer), { timeoutMs });
  });
});

/** The lifetime in seconds of the first message of main mode to this address, which is in clear (RFC 2409, appendix A). */
function ikeLifetimeSent(address: string): number | undefined {
  const first = packets.find((packet) => packet.includes(`> ${address}.500: `) && packet.includes("lifeduration"));
  const value = /lifetype value=sec\)\(type=lifeduration (?:len=\d+ )?value=([0-9a-f]+)\)/.exec(first ?? "")?.[1];
  return value === undefined ? undefined : Number.parseInt(value, 16);
}
