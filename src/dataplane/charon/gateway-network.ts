// The network of one gateway on the machine: its namespace, the cables to the public network and to its VPC, and what is inside.
// Makes, repairs, inspects and removes it. Everything may be repeated, and be there by half.
import { rm } from "node:fs/promises";
import type { GatewaySpec } from "../dataplane.ts";
import { lookAt, pullCable, workOut } from "./bridges.ts";
import {
  commandsForNetwork,
  hasLocalAddress,
  type NetworkSeen,
  networkAddressOf,
  type PublicNetwork,
} from "./gateway-network-plan.ts";
import { findRecord, type GatewayRecord, writeRecord } from "./gateway-record.ts";
import { lanLink, wanLink } from "./guards.ts";
import { findNamespace, ipBatch, ipJsonBatch, listNamespaces, run } from "./ip.ts";
import type { Names } from "./names.ts";
import { inTurn } from "./turns.ts";
import {
  type Cable,
  commandsForBridge,
  commandsForCable,
  commandsForNamespace,
  commandsForPulling,
  ipv6Off,
  isCableWhole,
  type SeenNamespace,
} from "./wire-commands.ts";

/**
 * Set before there is any link, for `all` and for the links to come. It forwards; it judges no source address (libipsec's
 * packets come from a TUN) and neither sends nor believes redirects; and it answers ARP for an address only on the link that
 * has it.
 */
const sysctls = [
  "net.ipv4.ip_forward=1",
  ...["all", "default"].flatMap((links) => [
    `net.ipv4.conf.${links}.rp_filter=0`,
    `net.ipv4.conf.${links}.send_redirects=0`,
    `net.ipv4.conf.${links}.accept_redirects=0`,
    `net.ipv4.conf.${links}.arp_ignore=1`,
  ]),
];

const nothingInside: NetworkSeen = { links: [], rules: [], routes: [] };

type Cables = readonly [toPublic: Cable, toVpc: Cable];

/** What there is of a gateway's network. */
export interface SeenNetwork {
  /** All of it is in place. */
  readonly isWhole: boolean;
  /** Networks in the VPC that were asked for and in which the gateway owns an address. */
  readonly localNetworks: readonly string[];
}

/** Makes the gateway's network, or what is missing of it. Local networks it had are kept. @throws CommandError */
export async function makeNetwork(names: Names, network: PublicNetwork, gateway: GatewaySpec): Promise<SeenNetwork> {
  const namespace = names.gatewayNamespace(gateway.id);
  const dir = names.gatewayDir(gateway.id);
  const wish: GatewayRecord = { gateway, localNetworks: (await findRecord(dir))?.localNetworks ?? [] };
  await writeRecord(dir, wish);
  const isNew = await makeOutside(names, gateway);
  const seen = isNew ? nothingInside : await lookInside(namespace);
  const commands = commandsForNetwork({ ...network, ...wish }, seen);
  if (commands.length > 0) await ipBatch(namespace, commands);
  return { isWhole: true, localNetworks: wish.localNetworks };
}

/** Looks at all of a gateway's network. Four processes. @throws CommandError */
export async function inspectNetwork(names: Names, network: PublicNetwork, gatewayId: number): Promise<SeenNetwork> {
  const namespace = names.gatewayNamespace(gatewayId);
  const record = await findRecord(names.gatewayDir(gatewayId));
  const isThere = (await findNamespace(namespace)) === "there";
  if (record === undefined || !isThere) return { isWhole: false, localNetworks: [] };
  const cables = cablesOf(names, record.gateway);
  const [inside, hasSysctls, ...near] = await Promise.all([
    lookInside(namespace),
    areSysctlsSet(namespace),
    ...cables.map((cable) => lookAt(cable.bridgeNamespace)),
  ]);
  const isCabled = cables.every((cable, index) => isCableWhole(cable, near[index]?.links ?? [], inside.links));
  // An address that is recorded and not there was taken away by somebody, or by us, who ended before the record was written.
  const wish = { ...network, ...record };
  return {
    isWhole: hasSysctls && isCabled && commandsForNetwork(wish, inside).length === 0,
    localNetworks: record.localNetworks.filter((local) => hasLocalAddress(inside, local)),
  };
}

/**
 * Gives the gateway an address in a network of its VPC: the network address, /32, on lo. charon refuses to install a tunnel
 * for a network in which its machine has no address. The VPC's own network address is always there.
 * @throws CommandError
 */
export async function addLocalNetwork(names: Names, gateway: GatewaySpec, network: string): Promise<void> {
  const dir = names.gatewayDir(gateway.id);
  const localNetworks = (await findRecord(dir))?.localNetworks ?? [];
  if (!localNetworks.includes(network)) await writeRecord(dir, { gateway, localNetworks: [...localNetworks, network] });
  await ipBatch(names.gatewayNamespace(gateway.id), [`address replace ${networkAddressOf(network)}/32 dev lo`]);
}

/** Takes the address away again, unless another local network or the VPC itself has the same one. @throws CommandError */
export async function removeLocalNetwork(names: Names, gateway: GatewaySpec, network: string): Promise<void> {
  const namespace = names.gatewayNamespace(gateway.id);
  const dir = names.gatewayDir(gateway.id);
  const rest = ((await findRecord(dir))?.localNetworks ?? []).filter((each) => each !== network);
  const isShared = [gateway.vpcCidr, ...rest].some((each) => networkAddressOf(each) === networkAddressOf(network));
  if (!isShared && hasLocalAddress(await lookInside(namespace), network)) {
    await ipBatch(namespace, [`address del ${networkAddressOf(network)}/32 dev lo`]);
  }
  await writeRecord(dir, { gateway, localNetworks: rest });
}

/**
 * Removes the gateway's network and its run directory, and the wires that were only its own. Its charon has ended before: the
 * directory holds its pid. @throws CommandError
 */
export async function removeNetwork(names: Names, gateway: GatewaySpec): Promise<void> {
  const dir = names.gatewayDir(gateway.id);
  const record = await findRecord(dir);
  // Without its record it may be cabled to any VPC: who removes an orphan does not know either.
  const vpcs = record === undefined ? await listNamespaces(`${names.prefix}vpc`) : [];
  await Promise.all(vpcs.map((vpc) => pullCable(vpc, names.bridge, names.gatewayPort(gateway.id))));
  const cables = cablesOf(names, record?.gateway ?? gateway);
  await convergeOutside(cables, ({ inside, publicWire, vpcWire }) => [
    ...commandsForPulling(publicWire, names.bridge, cables[0].port),
    ...commandsForPulling(vpcWire, names.bridge, cables[1].port),
    ...(inside.state === "absent" ? [] : [`netns del ${inside.name}`]),
  ]);
  await rm(dir, { recursive: true, force: true });
}

/** The namespace and its cables, with their wires. Tells whether the namespace is new, so that nothing can be in it. */
async function makeOutside(names: Names, gateway: GatewaySpec): Promise<boolean> {
  const cables = cablesOf(names, gateway);
  let isNew = false;
  await convergeOutside(cables, ({ inside, publicWire, vpcWire }) => {
    isNew = inside.state !== "there";
    return [
      ...commandsForNamespace(inside, sysctls),
      ...commandsForBridge(publicWire, names.bridge),
      ...commandsForBridge(vpcWire, names.bridge),
      ...commandsForCable(cables[0], publicWire.links, inside.links),
      ...commandsForCable(cables[1], vpcWire.links, inside.links),
    ];
  });
  return isNew;
}

interface Outside {
  readonly inside: SeenNamespace;
  readonly publicWire: SeenNamespace;
  readonly vpcWire: SeenNamespace;
}

/** Looks at the namespaces of a gateway's cables and runs what is planned from that, with both wires to itself. */
async function convergeOutside([toPublic, toVpc]: Cables, plan: (seen: Outside) => readonly string[]): Promise<void> {
  const work = () =>
    workOut(async () => {
      const [inside, publicWire, vpcWire] = await Promise.all([
        lookAt(toPublic.namespace),
        lookAt(toPublic.bridgeNamespace),
        lookAt(toVpc.bridgeNamespace),
      ]);
      return plan({ inside, publicWire, vpcWire });
    });
  // Always in this order, so that no two wait for each other.
  await inTurn(toPublic.bridgeNamespace, () => inTurn(toVpc.bridgeNamespace, work));
}

function cablesOf(names: Names, gateway: GatewaySpec): Cables {
  const [bridge, port] = [names.bridge, names.gatewayPort(gateway.id)];
  const namespace = names.gatewayNamespace(gateway.id);
  return [
    { bridgeNamespace: names.publicNamespace, bridge, port, namespace, link: wanLink },
    { bridgeNamespace: names.vpcNamespace(gateway.vpcId), bridge, port, namespace, link: lanLink },
  ];
}

async function lookInside(namespace: string): Promise<NetworkSeen> {
  const [links, rules, routes] = await ipJsonBatch(namespace, ["address show", "rule show", "route show table main"]);
  return { links, rules, routes } as NetworkSeen;
}

/** A kernel without IPv6 has no such settings, and need not. */
async function areSysctlsSet(namespace: string): Promise<boolean> {
  const wanted = [...sysctls, ...ipv6Off].map((setting) => setting.split("=", 2) as [string, string]);
  const text = await run("ip", ["netns", "exec", namespace, "sysctl", "-e", ...wanted.map(([name]) => name)]);
  const found = new Map(text.split("\n").map((line) => line.split(" = ", 2) as [string, string]));
  return wanted.every(([name, value]) => (found.get(name) ?? (name.startsWith("net.ipv6.") ? value : "")) === value);
}
