// A gateway whose lease ends falls silent by itself, and goes on as it was when it is permitted again. Nobody of ours has to live for it:
// here nobody does anything but wait.
// host1 - VPC 1 - gateway 1 - public network (with a stranger on it) - gateway 2 - VPC 2 - host2
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { ipBatch, ipJson, run } from "../../src/dataplane/charon/ip.ts";
import type { ConnectionSpec } from "../../src/dataplane/dataplane.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, makeNames, makeSteps } from "./instance.ts";
import { connectionBetween, gatewayNumber, publicNetwork } from "./specs.ts";
import { type Capture, capture, type Host, makeHost, ping } from "./wires.ts";

const names = makeNames();
const [left, right] = [gatewayNumber(1), gatewayNumber(2)];
const leftNamespace = names.gatewayNamespace(left.id);
const everything = "ip or arp or ip6";
const longMs = 600_000;
const termMs = 2_000;
/** A second without a sign of the peer, and charon asks for one. */
const dpd = { delaySeconds: 1, timeoutSeconds: 120 };
const log = { info: () => {}, warn: () => {} };

const makeDataplane = () => new CharonDataplane({ names, network: publicNetwork, esp: "auto", dpd, log });

describeOnMachine("a gateway on a host with leases", () => {
  let dataplane: CharonDataplane;
  let [host1, host2, stranger]: Host[] = [];
  const captures: Capture[] = [];

  beforeAll(async () => {
    dataplane = makeDataplane();
    await dataplane.start();
    await dataplane.permit([right.id], longMs);
    await applyAll(dataplane, right, makeSteps);
    host2 = await makeHost(names, "host2", names.vpcNamespace(2), "10.2.0.10/16", ["route add default via 10.2.0.1"]);
    stranger = await makeHost(names, "stranger", names.publicNamespace, "198.51.100.200/24");
  });
  afterEach(async () => {
    await Promise.all(captures.splice(0).map((each) => each.stop()));
  });
  afterAll(async () => {
    await dataplane.close();
    await cleanUp(names);
  });

  function hosts(): readonly [Host, Host, Host] {
    if (host1 === undefined || host2 === undefined || stranger === undefined) throw new Error("no hosts");
    return [host1, host2, stranger];
  }

  async function hear(namespace: string, link: string, options: readonly string[]): Promise<Capture> {
    const ear = await capture(namespace, link, everything, options);
    captures.push(ear);
    return ear;
  }

  /** Whatever the first gateway sends to one of its wires. */
  const hearGateway = (wire: string) => hear(wire, names.gatewayPort(left.id), ["-tt", "-Q", "in"]);

  /** ICMP messages that have come as far as the gateway itself. */
  async function countPingsTaken(): Promise<number> {
    const text = await run("ip", ["netns", "exec", leftNamespace, "cat", "/proc/net/snmp"]);
    const [header, values] = text.split("\n").filter((line) => line.startsWith("Icmp:"));
    return Number(values?.split(" ")[header?.split(" ").indexOf("InMsgs") ?? -1]);
  }

  const listTables = () => run("ip", ["netns", "exec", leftNamespace, "nft", "list", "tables"]);
  const sasOfLeft = async () => (await dataplane.observe(left.id, false)).ikeSas;

  /** What charon says that it sent. */
  async function sentTo({ address }: Host): Promise<string[]> {
    const text = await readFile(join(names.gatewayDir(left.id), "charon.log"), "utf8");
    return text.split("\n").filter((line) => line.includes("sending packet") && line.includes(`to ${address}[`));
  }

  async function load(connection: ConnectionSpec): Promise<void> {
    await applyAll(dataplane, connection.localAddress === left.publicAddress ? left : right, [
      { kind: "load-secret", connection, fingerprint: "s" },
      { kind: "load-connection", connection, fingerprint: "c" },
    ]);
  }

  it("is silent from the first packet on while nobody has permitted it", async () => {
    const wire = await hear(names.publicNamespace, names.bridge, []);
    await applyAll(dataplane, left, makeSteps);
    host1 = await makeHost(names, "host1", names.vpcNamespace(1), "10.1.0.10/16", ["route add default via 10.1.0.1"]);
    const [inVpc, , outside] = hosts();
    expect(await Promise.all([ping(outside, left.publicAddress, 1), ping(inVpc, left.vpcAddress, 1)])).toEqual([0, 0]);
    const asked = (line: string) => line.includes(`who-has ${left.publicAddress} tell ${outside.address}`);
    expect(wire.lines.filter((line) => line.includes(left.publicAddress) && !asked(line))).toEqual([]);
    expect(wire.lines.some(asked)).toBe(true);
    expect((await dataplane.observe(left.id, true)).hasNetwork).toBe(true);
  });

  it("tells its neighbours where its address is when it is permitted", async () => {
    const [inVpc, , outside] = hosts();
    // Where the addresses were until now. Left to themselves, neighbours find out after eight seconds.
    const elsewhere = "lladdr 02:00:00:00:00:01 dev eth0 nud reachable";
    await ipBatch(outside.namespace, [`neigh replace ${left.publicAddress} ${elsewhere}`]);
    await ipBatch(inVpc.namespace, [`neigh replace ${left.vpcAddress} ${elsewhere}`]);
    const wire = await hear(names.publicNamespace, names.bridge, ["-e"]);
    await dataplane.permit([left.id], longMs);
    const gratuitous = `who-has ${left.publicAddress} tell ${left.publicAddress}`;
    const announced = await waitFor(() => wire.lines.find((line) => line.includes(gratuitous)), { what: "ARP" });
    const [wan] = await ipJson<{ address: string }[]>(leftNamespace, ["link", "show", "wan0"]);
    expect(announced).toContain(`${wan?.address} > ff:ff:ff:ff:ff:ff`);
    expect(await Promise.all([ping(outside, left.publicAddress, 1), ping(inVpc, left.vpcAddress, 1)])).toEqual([1, 1]);
    // Once more with the next renewal, as one may have been lost.
    const count = () => wire.lines.filter((line) => line.includes(gratuitous)).length;
    const before = count();
    await dataplane.permit([left.id], longMs);
    await waitFor(() => count() > before, { what: "ARP again" });
    const after = count();
    await dataplane.permit([left.id], longMs);
    expect(await ping(outside, left.publicAddress, 1)).toBe(1);
    expect(count()).toBe(after);
  });

  it("falls silent when the time is over, ARP and IKE too, and goes on with the same SAs", async () => {
    const [near, far, outside] = hosts();
    const toRight = connectionBetween(left, right);
    await load(connectionBetween(right, left));
    await load(toRight);
    await dataplane.apply(left, { kind: "initiate-child", connection: toRight.name, child: `${toRight.name}-0` });
    const isUp = async () => (await sasOfLeft()).some(({ children }) => children[0]?.state === "INSTALLED");
    await waitFor(isUp, { what: "the tunnel" });
    expect(await ping(near, far.address)).toBe(3);
    const sas = (await sasOfLeft()).map(({ uniqueId }) => uniqueId);

    const [publicly, inVpc] = [await hearGateway(names.publicNamespace), await hearGateway(names.vpcNamespace(1))];
    const begin = Date.now();
    await dataplane.permit([left.id], termMs);
    const pings = ping(near, far.address, 60);
    const toSilent = connectionBetween(left, right, { name: "vpnx-bbbbbbbb", remoteAddress: outside.address });
    await load(toSilent);
    await pause(begin + termMs - Date.now());
    const taken = await countPingsTaken();
    await dataplane.apply(left, { kind: "initiate-child", connection: toSilent.name, child: `${toSilent.name}-0` });
    // By the address it knows, and by asking for it.
    expect(await ping(outside, left.publicAddress, 3)).toBe(0);
    await ipBatch(outside.namespace, ["neigh flush dev eth0"]);
    expect(await ping(outside, left.publicAddress, 1)).toBe(0);
    expect(await pings).toBeLessThan(45);
    expect(await countPingsTaken()).toBe(taken);
    await pause(begin + termMs + 2_500 - Date.now());
    // charon tried, again and again.
    expect((await sentTo(outside)).length).toBeGreaterThan(1);
    for (const { lines } of [publicly, inVpc]) {
      const lastMs = Math.max(...lines.map((line) => 1_000 * Number.parseFloat(line))) - begin;
      expect(lastMs).toBeLessThanOrEqual(termMs);
      expect(lastMs).toBeGreaterThan(termMs / 2);
    }
    expect(publicly.lines.some((line) => line.includes(outside.address))).toBe(false);
    expect((await dataplane.observe(left.id, true)).hasNetwork).toBe(true);

    await dataplane.permit([left.id], longMs);
    expect(await ping(near, far.address)).toBe(3);
    const still = (await sasOfLeft()).map(({ uniqueId }) => uniqueId);
    expect(still).toEqual(expect.arrayContaining(sas));
  });

  it("falls silent at once when it is told to", async () => {
    const [, , outside] = hosts();
    expect(await ping(outside, left.publicAddress, 1)).toBe(1);
    await dataplane.permit([left.id], 0);
    const taken = await countPingsTaken();
    expect(await ping(outside, left.publicAddress, 1)).toBe(0);
    expect(await countPingsTaken()).toBe(taken);
    await dataplane.permit([left.id], longMs);
    expect(await ping(outside, left.publicAddress, 1)).toBe(1);
  });

  it("gets its guard again when somebody has taken it away", async () => {
    const heard: number[] = [];
    dataplane.onChange((gatewayId) => heard.push(gatewayId));
    await run("ip", ["netns", "exec", leftNamespace, "nft", "delete table netdev culvert-lease"]);
    await dataplane.permit([left.id], longMs / 2);
    expect(heard).toContain(left.id);
    expect((await dataplane.observe(left.id, true)).hasNetwork).toBe(false);
    await applyAll(dataplane, left, makeSteps);
    expect((await dataplane.observe(left.id, true)).hasNetwork).toBe(true);
    const [near, far] = hosts();
    expect(await ping(near, far.address)).toBe(3);
    await run("ip", ["netns", "exec", leftNamespace, "nft", "delete chain netdev culvert-lease out-wan0"]);
    expect((await dataplane.observe(left.id, true)).hasNetwork).toBe(false);
    await applyAll(dataplane, left, makeSteps);
    expect((await dataplane.observe(left.id, true)).hasNetwork).toBe(true);
  });

  it("keeps its guard under a server that has not heard of leases yet, and loses it where there are none", async () => {
    const next = makeDataplane();
    try {
      expect((await next.observe(left.id, true)).hasNetwork).toBe(true);
      await applyAll(next, left, makeSteps);
      expect(await listTables()).toContain("culvert-lease");
      await next.permit([left.id], Number.POSITIVE_INFINITY);
      expect((await next.observe(left.id, true)).hasNetwork).toBe(false);
      await applyAll(next, left, makeSteps);
      expect(await listTables()).not.toContain("culvert-lease");
      expect((await next.observe(left.id, true)).hasNetwork).toBe(true);
    } finally {
      await next.close();
    }
    const [near, far] = hosts();
    expect(await ping(near, far.address)).toBe(3);
  });
});
