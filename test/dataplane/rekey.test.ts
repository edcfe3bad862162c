// Renewal while packets pass, and what the peer is told of lifetimes: channels with the shortest lifetimes of the API, made through it, to
// peers that renew late, and to peers with the same lifetimes and strongSwan's own percentages. All run at the same time.
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
import { firstReply, type PingCount, ping } from "../../src/lab/probe.ts";
import { describeOnMachine } from "../support/machine.ts";
import { rowOf, textAt } from "../support/reply.ts";
import { makeConn, makeUserGw, makeVpc, makeVpnGw } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";
import { logOf, longLives, type Peer, placeOf, preSharedKey, setUpPeers } from "./many-peers.ts";
import { capture } from "./wires.ts";

/** We renew phase 1 after 33-36 s and end the old IKE_SA 10 s later; a peer with strongSwan's percentages renews after 48-54 s. */
const ikeSeconds = 60;
const pastAllRenewalsMs = 57_000;
const kilobytes = 2_560;
const timeoutMs = 15_000;

/** over_time and rand_time are then a tenth of it: 60 s at most. */
const evenIke = ["rekey_time = 54"];
const evenChild = ["life_time = 180", `life_bytes = ${kilobytes * 1000}`];
const byTime: readonly Peer[] = [
  { name: "time", ...longLives },
  ...[1, 2, 3].map((number) => ({ name: `even-time-${number}`, ikeLifetime: evenIke, childLifetime: evenChild })),
];
const byVolume: readonly Peer[] = [
  { name: "volume", ...longLives },
  { name: "even-volume", ikeLifetime: longLives.ikeLifetime, childLifetime: evenChild },
];
const peers = [...byTime, ...byVolume];

const algorithms = {
  "IKESet.propoEncryAlgorithm": "aes-cbc-128",
  "IKESet.propoAuthenAlgorithm": "sha",
  "IKESet.dhGroupName": "group2",
  "IPsecSet.encryptAlgorithm": "aes-cbc-128",
  "IPsecSet.integrityAlgorith": "sha",
};
const smallIke = { "IKESet.ikeSaLifetimeSeconds": `${ikeSeconds}` };
const smallIpsec = { "IPsecSet.ipsecSaLifetimeSeconds": "180", "IPsecSet.ipsecSaLifetimeTraffic": `${kilobytes}` };

/** 25 packets a second until everything has been renewed. */
const steady = { pings: 1, count: pastAllRenewalsMs / 40, intervalMs: 40, timeoutMs: 2_000 };
/**
 * 500 packets a second of 1000 bytes, as they are inside the tunnel: 1.7 MB, where we renew, in less than 4 s. One ping that is as fast
 * would do nothing but wait, and take a whole core for it; each of ten takes 2 ms more than its interval.
 */
const flood = { pings: 10, count: 2_000, intervalMs: 18, timeoutMs: 2_000, payloadBytes: 972 };
const trafficOf = (peer: Peer) => (byTime.includes(peer) ? steady : flood);

let dataDir: string;
let names: Names;
let server: ServerProcess;
let client: Client;
let packets: readonly string[];
const conns = new Map<string, string>();
const counts = new Map<string, PingCount>();

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
    for (const [name, { sent, received }] of counts) console.info(`${name}: ${received} of ${sent} came back`);
  }, 120_000);
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
    const lifetimes = { ...smallIpsec, ...(byTime.includes(peer) ? smallIke : {}) };
    const conn = await makeConn(client, place, { ...algorithms, ...lifetimes, ...networks, preSharedKey });
    conns.set(peer.name, textAt(conn, "unVpnConnId"));
    await isAvailable(peer);
    await firstReply(names.labNamespace("host1"), hostOf(peer), { timeoutMs });
  }

  async function send(peer: Peer): Promise<PingCount> {
    const { pings, ...options } = trafficOf(peer);
    const one = () => ping(names.labNamespace("host1"), hostOf(peer), options);
    const all = await Promise.all(Array.from({ length: pings }, one));
    const sum = (of: keyof PingCount) => all.reduce((total, each) => total + each[of], 0);
    return { sent: sum("sent"), received: sum("received") };
  }

  async function isAvailable(peer: Peer): Promise<void> {
    const isUp = async () => (await netStatus(peer)) === "available";
    await waitFor(isUp, { what: `the channel to ${peer.name} to be available`, timeoutMs });
  }

  it("tells the peer of them as they were asked for", async () => {
    const proposed = peers.map((peer) => ikeLifetimeSent(placeOf(peers.indexOf(peer)).address));
    expect(proposed).toEqual([...byTime.map(() => ikeSeconds), ...byVolume.map(() => 86_400)]);
    const log = (await logOf(names, byTime[0] as Peer)).join("\n");
    expect(log).toContain("received 180s lifetime, configured 7200s");
    expect(log).toContain(`received ${kilobytes * 1000} lifebytes, configured 0`);
  });

  it.each(byTime)("renews phase 1 in time and loses no packet: $name", async (peer) => {
    const log = (await logOf(names, peer)).filter((line) => /\] established between/.test(line));
    expect(log.length).toBeGreaterThan(1);
    expect(counts.get(peer.name)).toEqual({ sent: steady.count, received: steady.count });
    expect(await netStatus(peer)).toBe("available");
    await firstReply(names.labNamespace("host1"), hostOf(peer), { timeoutMs: 1_000 });
  });

  it.each(byVolume)("renews by volume and loses a packet in a thousand at most: $name", async (peer) => {
    const log = (await logOf(names, peer)).filter((line) => /CHILD_SA \S+ established/.test(line));
    console.info(`${peer.name}: ${log.length - 1} renewals`);
    expect(log.length).toBeGreaterThan(8);
    const { sent, received } = counts.get(peer.name) ?? { sent: 0, received: 0 };
    expect(sent).toBe(flood.pings * flood.count);
    expect(sent - received).toBeLessThanOrEqual(sent / 1_000);
    expect(await netStatus(peer)).toBe("available");
    await firstReply(names.labNamespace("host1"), hostOf(peer), { timeoutMs: 1_000 });
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
