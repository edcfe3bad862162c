// As many pairs of networks as a channel can have: 10 rules of 50 peer networks, a CHILD_SA for each of the 500 pairs, on one IKE_SA.
// Every peer network stands in one rule alone, so that of 5,000 combinations of listed networks 4,500 must not pass.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { readIkeSas } from "../../src/dataplane/charon/sas.ts";
import { labDefaults, labStatus } from "../../src/lab/lab.ts";
import { captureWire, type WireCount } from "../../src/lab/probe.ts";
import { remotePlace, startSwan } from "../../src/lab/strongswan.ts";
import { endSwans, findSwan } from "../../src/lab/swan-process.ts";
import { ViciSession } from "../../src/vici/session.ts";
import { acceptAnything } from "../matrix/site.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { dataOf, rowOf, textAt } from "../support/reply.ts";
import { addVpnConn, findConn, type Place, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";
import { ping } from "./wires.ts";

const [ruleCount, peersPerRule] = [10, 50];
const preSharedKey = "five hundred";
const siteNetwork = "10.56.0.0/16";
const timeoutMs = 60_000;

const rules = Array.from({ length: ruleCount }, (_, rule) => ({
  local: `10.0.${rule}.0/24`,
  vpcHost: `10.0.${rule}.2`,
  peers: Array.from({ length: peersPerRule }, (_, peer) => half(rule * peersPerRule + peer)),
}));

/** A half of a 10.56.x.0/24, with the addresses of a gateway and of a host in it. */
function half(number: number) {
  const [third, first] = [number >> 1, (number & 1) * 128];
  const at = (host: number) => `10.56.${third}.${first + host}`;
  return { network: `${at(0)}/25`, siteGateway: at(1), siteHost: at(10) };
}

/** The first pair, the last, and some between. */
const tried = [
  [0, 0],
  [0, 49],
  [4, 25],
  [9, 0],
  [9, 49],
] as const;
/** Either network is in a rule, but not both in the same one; and one whose local network is in no rule. */
const unlisted = [
  { from: hostOf(0), to: siteHostOf(9, 49) },
  { from: hostOf(9), to: siteHostOf(0, 0) },
  { from: "10.0.200.2", to: siteHostOf(0, 0) },
];

function hostOf(rule: number): string {
  return rules[rule]?.vpcHost ?? "";
}

function siteHostOf(rule: number, peer: number): string {
  return rules[rule]?.peers[peer]?.siteHost ?? "";
}

let names: Names;
let real: RealSite;
let client: Client;
let place: Place;

describeOnMachine("a channel with 500 pairs of networks", () => {
  beforeAll(async () => {
    real = await makeRealSite(siteNetwork);
    ({ names, client, place } = real);
    const site = { ...labDefaults, siteNetwork };
    await placeHosts();
    // Of so many addresses that come at once the kernel tells a charon that runs only some; one that starts asks for all.
    await endSwans(remotePlace(names));
    await startSwan(remotePlace(names));
    await acceptAnything(names, site, preSharedKey);
  });
  afterAll(async () => {
    await real?.remove();
  });

  /** ESP in userspace wants an address of the far gateway's own in every network; the hosts have those that are tried. */
  async function placeHosts(): Promise<void> {
    const gateways = rules.flatMap(({ peers }) => peers.map(({ siteGateway }) => siteGateway));
    await ipBatch(
      names.labNamespace("remote"),
      gateways.map((address) => `address replace ${address}/32 dev lo`),
    );
    const siteHosts = tried.map(([rule, peer]) => siteHostOf(rule, peer));
    await ipBatch(
      names.labNamespace("site"),
      siteHosts.map((address) => `address replace ${address}/16 dev eth0`),
    );
    const vpcHosts = [...rules.map(({ vpcHost }) => vpcHost), ...unlisted.map(({ from }) => from)];
    await ipBatch(
      names.labNamespace("host1"),
      [...new Set(vpcHosts)].map((address) => `address replace ${address}/16 dev eth0`),
    );
  }

  /** Names of the children that are up at our end. */
  async function childrenHere(): Promise<string[]> {
    const session = await ViciSession.connect(names.viciSocket(1));
    try {
      const ikeSas = readIkeSas(await session.stream("list-sas", "list-sa"));
      return ikeSas.flatMap(({ children }) => children).map(({ name }) => name);
    } finally {
      session.close();
    }
  }

  /** The pairs that the far end has. */
  async function pairsThere(): Promise<string[]> {
    const { remote } = await labStatus(names);
    const children = remote?.ikeSas.flatMap(({ childSas }) => childSas) ?? [];
    return children.map(({ localNetworks, remoteNetworks }) => `${remoteNetworks} ${localNetworks}`);
  }

  /** Pings from one address to another, and what the public wire carried meanwhile. */
  async function pingAndHear(from: string, to: string): Promise<{ replies: number; wire: WireCount }> {
    const wire = await captureWire(names);
    const host = { namespace: names.labNamespace("host1"), address: from };
    const replies = await ping(host, to, 3, ["-I", from]);
    return { replies, wire: await wire.stop() };
  }

  /** The peer reads nothing in half of the time; what comes then waits in its socket, and what has no room there is lost. */
  async function makePeerBusy(): Promise<{ end(): Promise<void> }> {
    const pid = await findSwan(remotePlace(names));
    if (pid === undefined) throw new Error("the peer does not run");
    let isEnded = false;
    const turns = (async () => {
      for (let turn = 0; !isEnded && turn < 1000; turn += 1) {
        process.kill(pid, turn % 2 === 0 ? "SIGSTOP" : "SIGCONT");
        await pause(100);
      }
      process.kill(pid, "SIGCONT");
    })();
    const end = () => {
      isEnded = true;
      return turns;
    };
    return { end };
  }

  it("comes up, at both ends", { timeout: 2 * timeoutMs }, async () => {
    const spdAcl = Object.fromEntries(rules.map(({ local, peers }) => [local, peers.map(({ network }) => network)]));
    const begin = performance.now();
    const made = await addVpnConn(client, place, { spdAcl: JSON.stringify(spdAcl), preSharedKey });
    const isUp = async () => (await findConn(client, made)).netStatus === "available";
    await waitFor(isUp, { what: "the channel to be available", timeoutMs });
    const seconds = (performance.now() - begin) / 1000;
    process.stdout.write(`\n${JSON.stringify({ pairs: ruleCount * peersPerRule, untilAvailableSeconds: seconds })}\n`);
    const wanted = rules.flatMap(({ local, peers }) => peers.map(({ network }) => `${local} ${network}`));
    const here = await childrenHere();
    expect({ children: here.length, distinct: new Set(here).size }).toEqual({ children: 500, distinct: 500 });
    expect((await pairsThere()).sort()).toEqual(wanted.sort());
  });

  it.each(tried)("carries the pair of rule %i and peer %i", async (rule, peer) => {
    const { replies, wire } = await pingAndHear(hostOf(rule), siteHostOf(rule, peer));
    expect({ replies, clear: wire.clear, lost: wire.lost }).toEqual({ replies: 3, clear: 0, lost: 0 });
    expect(wire.esp).toBeGreaterThanOrEqual(6);
  });

  it.each(unlisted)("drops what goes from $from to $to, a pair that nobody listed", async ({ from, to }) => {
    const { replies, wire } = await pingAndHear(from, to);
    expect({ replies, esp: wire.esp, clear: wire.clear, lost: wire.lost }).toEqual({
      replies: 0,
      esp: 0,
      clear: 0,
      lost: 0,
    });
  });

  it("goes at both ends when it is deleted, though the peer is busy", { timeout: 2 * timeoutMs }, async () => {
    const vpnConnId = textAt(rowOf(await call(client, "DescribeVpnConn", { vpnGwId: place.vpnGwId })), "unVpnConnId");
    const busy = await makePeerBusy();
    const { taskId } = dataOf(await call(client, "DeleteVpnConn", { ...place, vpnConnId }));
    expect(await waitForTask(client, String(taskId))).toMatchObject({ status: 0 });
    await busy.end();
    await waitFor(async () => (await childrenHere()).length === 0, { what: "no child here", timeoutMs });
    await waitFor(async () => (await labStatus(names)).remote?.ikeSas.length === 0, { what: "no SA there", timeoutMs });
  });
});
