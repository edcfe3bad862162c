// Gateways on an operator's networks: a bridge with the machine's network card on it, the card itself, a bridge for a VPC, a namespace
// for another. Packets go where they should, none goes in clear, and what is the operator's is there when Culvert has gone.
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ipBatch, run } from "../../src/dataplane/charon/ip.ts";
import { describeOnMachine, machineReason } from "../support/machine.ts";
import { dataOf, rowOf, textAt } from "../support/reply.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  makeOperatorHost,
  type OperatorHost,
  peerAddress,
  routerAddress,
  siteHost,
  siteNetwork,
} from "./operator-host.ts";
import { capture, type Host, ping } from "./wires.ts";

const timeoutMs = 60_000;

/** Whether a VLAN can be made here, in a namespace that goes with the attempt. */
function hasVlan(): boolean {
  if (machineReason !== undefined) return false;
  const script =
    "ip link add cv-try type veth peer name cv-try2 && ip link add link cv-try name cv-try3 type vlan id 1";
  return spawnSync("unshare", ["--net", "sh", "-c", script]).status === 0;
}

/** What is inside of tunnels. On the public side it is in clear. */
const inner = "net 10.0.0.0/8";
const network = {
  publicPool: "198.51.100.10-198.51.100.20",
  publicGateway: routerAddress,
  public: "bridge:br-public",
} as const;

let operator: OperatorHost;
/** A host on the bridge of the first VPC, and the namespace that the second VPC is. */
let [bridged, office]: [Host?, Host?] = [];

describeOnMachine("gateways on an operator's networks", () => {
  beforeAll(async () => {
    operator = await makeOperatorHost();
    const { host } = operator;
    const lan = await operator.makeNamespace("lan");
    await ipBatch(host, [
      "link add br-public type bridge",
      "link set br-public up",
      "link set nic0 master br-public",
      "link add br-vpc1 type bridge",
      "link set br-vpc1 up",
      `link add lan type veth peer name eth0 netns ${lan}`,
      "link set lan master br-vpc1 up",
    ]);
    await ipBatch(lan, ["address add 10.1.0.10/16 dev eth0", "link set eth0 up", "route add default via 10.1.0.1"]);
    bridged = { namespace: lan, address: "10.1.0.10" };
    office = { namespace: await operator.makeNamespace("office"), address: "10.2.0.9" };
  });
  afterAll(() => operator.remove());

  function hosts(): [Host, Host] {
    if (bridged === undefined || office === undefined) throw new Error("no hosts");
    return [bridged, office];
  }

  /** A VPC; `before` is told its unified id before there is a gateway. */
  async function makeChannel(cidr: string, before: (vpcId: string) => Promise<void>): Promise<void> {
    const vpcName = `vpc ${cidr}`;
    const vpcId = textAt(await operator.call("CreateVpc", { vpcName, cidrBlock: cidr }), "unVpcId");
    await before(vpcId);
    const gateway = { name: "gateway", vpcId, bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" };
    const vpnGwId = textAt(dataOf(await operator.call("RunVpnGw", gateway)), "vpnGwId");
    const state = async () => rowOf(await operator.call("DescribeVpnGw", { vpnGwId })).vpnGwStatus;
    await waitFor(async () => (await state()) === 6, { what: "the gateway", timeoutMs });
    const found = (await operator.call("DescribeUserGw", {})).data as { unUserGwId: string }[];
    const peer = { userGwName: "peer", userGwAddr: peerAddress };
    const userGwId = found[0]?.unUserGwId ?? textAt(await operator.call("AddUserGw", peer), "userGwId");
    const settings = {
      "IKESet.propoEncryAlgorithm": "aes-cbc-128",
      "IKESet.propoAuthenAlgorithm": "sha",
      "IKESet.dhGroupName": "group2",
      "IPSECSet.encryptAlgorithm": "aes-cbc-128",
      "IPSECSet.integrityAlgorith": "sha",
    };
    await operator.call("AddVpnConnEx", {
      ...{ vpcId, vpnGwId, userGwId, vpnConnName: vpcName, preSharedKey: `@${operator.keyFile}` },
      ...{ ...settings, "userGwCidrBlock.0": siteNetwork },
    });
  }

  async function waitForAnswer(host: Host): Promise<void> {
    await waitFor(async () => (await ping(host, siteHost, 1)) === 1, {
      what: "an answer through the tunnel",
      timeoutMs,
    });
  }

  /** Pings into a tunnel that is not up, and proves that the ear on the operator's router would have heard it in clear. */
  async function expectSilence(host: Host): Promise<void> {
    const ear = await capture(operator.router, "wan", "ip and not igmp");
    expect(await ping(host, siteHost, 2)).toBe(0);
    await ping({ namespace: operator.router, address: routerAddress }, "198.51.100.10", 1);
    await waitFor(() => ear.lines.some((line) => line.includes("ICMP echo reply")), { what: "a clear answer" });
    await ear.stop();
    expect(ear.lines.filter((line) => / 10\.\d+\.\d+\.\d+/.test(line))).toEqual([]);
  }

  /** Pings through a tunnel and finds nothing of it in clear on the router. */
  async function expectTunnel(host: Host): Promise<void> {
    const ear = await capture(operator.router, "wan", `udp port 4500 or esp or ${inner}`);
    expect(await ping(host, siteHost, 3)).toBe(3);
    await waitFor(() => ear.lines.filter((line) => line.includes("ESP(spi=")).length >= 6, { what: "ESP" });
    await ear.stop();
    expect(ear.lines.filter((line) => / 10\.\d+\.\d+\.\d+/.test(line))).toEqual([]);
  }

  it("carry a VPC on a bridge to a peer behind the operator's router", { timeout: timeoutMs }, async () => {
    const [host] = hosts();
    await operator.serve({ ...network, vpcs: { "*": "bridge:br-vpc{number}" } });
    await operator.startPeer("10.1.0.0/16");
    await makeChannel("10.1.0.0/16", async () => {});
    await waitForAnswer(host);
    await expectTunnel(host);
  });

  it("keep TCP's segments small enough, pass 1400 bytes, and tell who sends more", async () => {
    const [{ namespace }] = hosts();
    const ear = await capture(operator.peer, "ipsec0", "tcp[tcpflags] & tcp-syn != 0");
    const connect = `exec 3<>/dev/tcp/${siteHost}/9`;
    await run("ip", ["netns", "exec", namespace, "timeout", "5", "bash", "-c", connect]).catch(() => "");
    const syn = await waitFor(() => ear.lines.find((line) => line.includes("Flags [S]")), { what: "the SYN" });
    await ear.stop();
    // A host with a link of 1500 says 1460.
    expect(syn).toContain("mss 1360");
    const sized = (bytes: number) => ["-M", "do", "-s", `${bytes - 28}`];
    expect(await ping(hosts()[0], siteHost, 1, sized(1_400))).toBe(1);
    const large = ["netns", "exec", namespace, "ping", "-n", "-c1", "-W1", ...sized(1_401), siteHost];
    const told = await run("sh", ["-c", 'ip "$@" || true', "sh", ...large]);
    expect(told).toContain("Frag needed and DF set (mtu = 1400)");
  });

  it("let nothing out in clear when the tunnel has gone down", { timeout: timeoutMs }, async () => {
    const [host] = hosts();
    await operator.stopPeer();
    const channels = async () => (await operator.call("DescribeVpnConn", {})).data as { netStatus: string }[];
    await waitFor(async () => (await channels())[0]?.netStatus === "unavailable", { what: "the end", timeoutMs });
    await expectSilence(host);
  });

  let officeId: string;
  /** The settings by which the second VPC is a namespace. */
  const vpcs = ({ namespace, address }: Host) => ({
    "*": "bridge:br-vpc{number}",
    [officeId]: `namespace:${namespace}@${address}`,
  });

  it("carry a VPC into a namespace of the operator's, named in the settings", { timeout: timeoutMs }, async () => {
    const [, host] = hosts();
    await makeChannel("10.2.0.0/16", async (vpcId) => {
      officeId = vpcId;
      await operator.serve({ ...network, vpcs: vpcs(host) });
    });
    await expectSilence(host);
    await operator.startPeer("10.2.0.0/16");
    await waitForAnswer(host);
    await expectTunnel(host);
  });

  it("move to the network card itself when the settings say so", { timeout: timeoutMs }, async () => {
    const [first, second] = hosts();
    await operator.stop();
    await ipBatch(operator.host, ["link set nic0 nomaster"]);
    await operator.serve({
      ...network,
      public: "interface:nic0",
      vpcs: vpcs(second),
    });
    await waitForAnswer(second);
    await expectTunnel(second);
    await expectSilence(first);
    const ports = (await operator.links(operator.host)).filter(({ master }) => master === "br-public");
    expect(ports).toEqual([]);
  });

  const vlanReason = hasVlan() ? "" : " (skipped: this kernel has no VLAN)";
  it.skipIf(vlanReason !== "")(`move to a VLAN of the card${vlanReason}`, { timeout: timeoutMs }, async () => {
    const [, host] = hosts();
    await ipBatch(operator.router, [
      "link add link wan name wan7 type vlan id 7",
      `address del ${routerAddress}/24 dev wan`,
      `address add ${routerAddress}/24 dev wan7`,
      "link set wan7 up",
    ]);
    await operator.serve({ ...network, public: "vlan:nic0.7", vpcs: vpcs(host) });
    await waitForAnswer(host);
    await expectTunnel(host);
  });

  it("leave the operator's networks as they were", { timeout: timeoutMs }, async () => {
    const [, { namespace }] = hosts();
    await operator.stop();
    expect(await operator.culvert("teardown")).toMatchObject({ code: 0, stderr: "" });
    const own = ["lo", "nic0", "br-public", "br-vpc1", "lan"];
    const there = async () => (await operator.links(namespace)).map(({ ifname }) => ifname);
    // The kernel takes links away some time after their namespace, and their far ends with them.
    const isClean = async () =>
      (await operator.links(operator.host)).length === own.length && (await there()).length === 1;
    await waitFor(isClean, { what: "the end of our ports" });
    const links = await operator.links(operator.host);
    expect(links.map(({ ifname }) => ifname).toSorted()).toEqual(own.toSorted());
    expect(links.filter(({ flags }) => !flags.includes("UP"))).toEqual([]);
    expect(await there()).toEqual(["lo"]);
  });
});
