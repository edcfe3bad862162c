// The inside of a gateway's namespace: what should be there and what `ip -json` shows, in; `ip` commands for the difference,
// out. Pure. No command means that all is in place.
import { formatNetwork, storedNetwork } from "../../vpn/network.ts";
import type { GatewaySpec } from "../dataplane.ts";
import type { Esp } from "./esp.ts";
import { commandsForGuards, lanLink, type Rule, wanLink } from "./guards.ts";
import { tunnelMtu } from "./mtu.ts";
import type { Link } from "./wire-commands.ts";

/** The public network as the operator configured it. */
export interface PublicNetwork {
  /** 8-31. */
  readonly publicPrefixLength: number;
  /** The next hop to everywhere; undefined: everything is on the link itself. */
  readonly publicGateway: string | undefined;
  /** In bytes. */
  readonly publicMtu: number;
}

/** What should be there. */
export interface NetworkWish extends PublicNetwork {
  readonly esp: Esp;
  readonly gateway: GatewaySpec;
  readonly localNetworks: readonly string[];
}

/** `ip -json address`, `rule` and `route` (table main). */
export interface NetworkSeen {
  readonly links: readonly Link[];
  readonly rules: readonly Rule[];
  readonly routes: readonly Route[];
}

/** charon's TUN, which is there as long as a charon runs that does ESP itself. */
export const tunLink = "ipsec0";

interface Route {
  readonly dst: string;
  readonly dev: string;
  readonly gateway?: string;
}

/** The network address of `10.1.0.0/16`. */
export function networkAddressOf(network: string): string {
  return network.split("/", 1)[0] ?? network;
}

/** Whether the gateway owns an address in this network: its network address, on lo, which no host has. */
export function hasLocalAddress(seen: NetworkSeen, network: string): boolean {
  return addressesOf(seen, "lo").includes(`${networkAddressOf(network)}/32`);
}

/** The commands that make what is missing, guards first, links up only then. Routes come last: the kernel wants their link up. */
export function commandsForNetwork(wish: NetworkWish, seen: NetworkSeen): string[] {
  const guards = commandsForGuards(wish.gateway.vpcCidr, wish.esp, seen.rules);
  const links = [
    ...(isUp(seen, "lo") ? [] : ["link set lo up"]),
    ...[wish.gateway.vpcCidr, ...wish.localNetworks]
      .filter((network) => !hasLocalAddress(seen, network))
      .map((network) => `address replace ${networkAddressOf(network)}/32 dev lo`),
    ...commandsForLink(seen, lanLink, `${wish.gateway.vpcAddress}/${wish.gateway.vpcCidr.split("/")[1]}`),
    ...commandsForLink(seen, wanLink, `${wish.gateway.publicAddress}/${wish.publicPrefixLength}`),
  ];
  const mtu = tunnelMtu(wish.publicMtu);
  const tun = seen.links.find(({ ifname }) => ifname === tunLink);
  const tunnels = tun === undefined || tun.mtu === mtu ? [] : [`link set ${tunLink} mtu ${mtu}`];
  // A link that goes down or loses an address takes routes with it, and a replaced route is the same route: all of them then.
  const routes = routesOf(wish).filter((route) => links.length > 0 || !route.isSeenIn(seen.routes));
  return [...guards, ...links, ...tunnels, ...routes.map((route) => route.command)];
}

/**
 * Addresses first, then up. A foreign address in the same subnet may be the primary one and take ours with it: ours is set
 * again.
 */
function commandsForLink(seen: NetworkSeen, name: string, address: string): string[] {
  const present = addressesOf(seen, name);
  const strangers = present.filter((each) => each !== address);
  return [
    ...strangers.map((stranger) => `address del ${stranger} dev ${name}`),
    ...(strangers.length > 0 || !present.includes(address) ? [`address replace ${address} dev ${name}`] : []),
    ...(isUp(seen, name) ? [] : [`link set ${name} up`]),
  ];
}

function routesOf(wish: NetworkWish): { command: string; isSeenIn(routes: readonly Route[]): boolean }[] {
  const { gateway, publicGateway, publicPrefixLength } = wish;
  const publicCidr = formatNetwork(storedNetwork(`${gateway.publicAddress}/${publicPrefixLength}`));
  const connected = [
    { dst: gateway.vpcCidr, dev: lanLink, source: gateway.vpcAddress },
    { dst: publicCidr, dev: wanLink, source: gateway.publicAddress },
  ].map(({ dst, dev, source }) => ({
    command: `route replace ${dst} dev ${dev} proto kernel scope link src ${source}`,
    isSeenIn: (routes: readonly Route[]) => routes.some((route) => route.dst === dst && route.dev === dev),
  }));
  const via = publicGateway === undefined ? "" : `via ${publicGateway} `;
  const outward = {
    command: `route replace default ${via}dev ${wanLink}${publicGateway === undefined ? "" : " onlink"}`,
    isSeenIn: (routes: readonly Route[]) =>
      routes.some((route) => route.dst === "default" && route.dev === wanLink && route.gateway === publicGateway),
  };
  return [...connected, outward];
}

function isUp(seen: NetworkSeen, name: string): boolean {
  return seen.links.some((link) => link.ifname === name && link.flags.includes("UP"));
}

function addressesOf(seen: NetworkSeen, name: string): string[] {
  const link = seen.links.find((each) => each.ifname === name);
  return (link?.addr_info ?? [])
    .filter((address) => address.family === "inet")
    .map((address) => `${address.local}/${address.prefixlen}`);
}
