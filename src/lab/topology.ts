// The lab's namespaces, links and addresses. The shared wires belong to nobody: here only ports are put on them and pulled out.
import { layCable, listLinks, makeNamespace, pullCable, removeNamespace } from "../dataplane/charon/bridges.ts";
import { ipBatch, ipJson, listNamespaces } from "../dataplane/charon/ip.ts";
import type { Names } from "../dataplane/charon/names.ts";
import { formatAddress, type Network, parseNetwork } from "../vpn/network.ts";

/** Ports of the lab on a wire; the server's are called `gw…`. */
const ports = { remote: "lab-remote", host: "lab-host" };
/** As a router has it. Reverse path filters would drop what comes out of the tunnel's TUN. */
const routerSysctls = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"];

/** The remote site as it is cabled. */
export interface RemoteLinks {
  readonly remoteAddress: string;
  readonly publicPrefixLength: number;
  readonly siteNetwork: string;
}

/** Addresses the lab takes in a network: its first for the gateway, and one for the host. */
export function siteAddresses(siteNetwork: string): { gateway: string; host: string; prefixLength: number } {
  const network = readNetwork(siteNetwork);
  const host = Math.min(network.first + 10, network.last - 1);
  return { ...withGateway(network), host: formatAddress(host) };
}

/** In a VPC the gateway has the first address and the lab's host the second. */
export function vpcAddresses(vpcCidr: string): { gateway: string; host: string; prefixLength: number } {
  const network = readNetwork(vpcCidr);
  return { ...withGateway(network), host: formatAddress(network.first + 2) };
}

const withGateway = ({ first, prefixLength }: Network) => ({ gateway: formatAddress(first + 1), prefixLength });

function readNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (network === undefined || network.prefixLength > 29) {
    throw new Error(`The lab needs an IPv4 network of eight addresses at least, such as 10.56.20.0/24, not ${text}.`);
  }
  return network;
}

/** The remote gateway and the host behind it. */
export async function makeRemoteSite(names: Names, links: RemoteLinks): Promise<void> {
  const [remote, site] = [names.labNamespace("remote"), names.labNamespace("site")];
  const { gateway, host, prefixLength } = siteAddresses(links.siteNetwork);
  await makeNamespace(remote, routerSysctls);
  await makeNamespace(site);
  await makeFirewall(remote, links.siteNetwork);
  await layCable({
    bridgeNamespace: names.publicNamespace,
    bridge: names.bridge,
    port: ports.remote,
    namespace: remote,
    link: "wan0",
  });
  await laySiteCable(remote, site);
  await ipBatch(remote, [
    `address replace ${gateway}/${prefixLength} dev lan0`,
    `address replace ${links.remoteAddress}/${links.publicPrefixLength} dev wan0`,
    "link set lan0 up",
    "link set wan0 up",
    "route replace default dev wan0",
  ]);
  await plugIn(site, `${host}/${prefixLength}`, gateway);
}

/** From the remote gateway's `lan0` straight to the host's `eth0`. */
async function laySiteCable(remote: string, site: string): Promise<void> {
  const [near, far] = await Promise.all([listLinks(remote), listLinks(site)]);
  const hasNear = near.some(({ ifname }) => ifname === "lan0");
  const hasFar = far.some(({ ifname }) => ifname === "eth0");
  if (hasNear && hasFar) return;
  // One end without the other: somebody has deleted a namespace.
  if (hasNear) await ipBatch(remote, ["link del lan0"]);
  if (hasFar) await ipBatch(site, ["link del eth0"]);
  await ipBatch(undefined, [`link add lan0 netns ${remote} type veth peer name eth0 netns ${site}`]);
}

/**
 * The remote gateway's firewall, before any of its links is up: nothing is forwarded from the public side, and what comes from the
 * site goes into the tunnel - charon's own rule, 220 - or nowhere. Rule 215 keeps the site reachable when a tunnel's other end
 * covers it, as 10.0.0.0/8 would.
 */
async function makeFirewall(remote: string, siteNetwork: string): Promise<void> {
  const rules = new Map([
    [210, "iif wan0 blackhole"],
    [215, `to ${siteNetwork} lookup main`],
    [230, "iif lan0 blackhole"],
    [231, `from ${siteNetwork} blackhole`],
  ]);
  const present = await ipJson<{ priority: number }[]>(remote, ["rule", "show"]);
  for (const { priority } of present) rules.delete(priority);
  await ipBatch(
    remote,
    [...rules].map(([priority, rule]) => `rule add pref ${priority} ${rule}`),
  );
}

/** A host on a VPC's wire. */
export async function makeVpcHost(names: Names, vpcId: number, vpcCidr: string): Promise<void> {
  const [namespace, bridgeNamespace] = [names.labNamespace(`host${vpcId}`), names.vpcNamespace(vpcId)];
  const { gateway, host, prefixLength } = vpcAddresses(vpcCidr);
  await makeNamespace(namespace);
  await layCable({ bridgeNamespace, bridge: names.bridge, port: ports.host, namespace, link: "eth0" });
  await plugIn(namespace, `${host}/${prefixLength}`, gateway);
}

/** Gives a host its address and its way out. */
async function plugIn(namespace: string, address: string, gateway: string): Promise<void> {
  await ipBatch(namespace, [
    `address replace ${address} dev eth0`,
    "link set eth0 up",
    `route replace default via ${gateway}`,
  ]);
}

/** Takes the remote site away, and the public wire with it if nobody else is on it. */
export async function removeRemoteSite(names: Names): Promise<void> {
  await pullCable(names.publicNamespace, names.bridge, ports.remote);
  await removeNamespace(names.labNamespace("remote"));
  await removeNamespace(names.labNamespace("site"));
}

/** Takes a VPC's host away, and the VPC's wire with it if nobody else is on it. */
export async function removeVpcHost(names: Names, vpcId: number): Promise<void> {
  await pullCable(names.vpcNamespace(vpcId), names.bridge, ports.host);
  await removeNamespace(names.labNamespace(`host${vpcId}`));
}

/** The lab's namespaces, and the VPCs it has a host in. */
export async function listLabNamespaces(names: Names): Promise<{ namespaces: string[]; vpcIds: number[] }> {
  const namespaces = await listNamespaces(`${names.prefix}lab-`);
  const hosts = namespaces.map((namespace) => /-host(\d+)$/.exec(namespace)?.[1]);
  return { namespaces, vpcIds: hosts.filter((id) => id !== undefined).map(Number) };
}
