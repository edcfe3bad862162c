// The network of one gateway on the machine: its namespace, the cables to the public network and to its VPC, and what is inside.
// Makes, repairs, inspects and removes it. Everything may be repeated, and be there by half.
import { rm } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { type Attachment, attachmentOf, type VpcAttachments } from "../../vpn/attachment.ts";
import { DataplaneError, type GatewaySpec } from "../dataplane.ts";
import { lookAt, pullCable, workOut } from "./bridges.ts";
import type { Esp } from "./esp.ts";
import { filterStatements, type SeenFilter } from "./filter.ts";
import {
  commandsForNetwork,
  hasLocalAddress,
  type NetworkSeen,
  networkAddressOf,
  type PublicNetwork,
} from "./gateway-network-plan.ts";
import { findRecord, type GatewayRecord, writeRecord } from "./gateway-record.ts";
import { findNamespace, ipBatch, ipJsonBatch, listNamespaces, run } from "./ip.ts";
import { type GuardWish, guardStatements } from "./lease-guard.ts";
import {
  type Attachments,
  commandsForLeg,
  commandsForLegEnd,
  isLegWhole,
  type Leg,
  legsOf,
  namespacesOf,
  wireOf,
} from "./legs.ts";
import { tunnelMss } from "./mtu.ts";
import type { Names } from "./names.ts";
import { inTurn } from "./turns.ts";
import type { Seen } from "./uplinks.ts";
import { commandsForNamespace, ipv6Off, machineNamespace, type SeenNamespace, within } from "./wire-commands.ts";

/** The operator's networks, and what of them goes through a gateway. */
export interface NetworkSettings extends PublicNetwork {
  readonly publicAttachment: Attachment;
  readonly vpcAttachments: VpcAttachments;
  /** The largest MSS of TCP through a gateway, in bytes; undefined: as the ends like. */
  readonly mss: number | undefined;
}

/** Wires of our own only, which need nothing of the operator. */
export const ownWires = {
  publicAttachment: { kind: "own" },
  vpcAttachments: new Map<string, string>(),
  publicMtu: 1_500,
  mss: tunnelMss(1_500),
} as const;

/** The same, with what was found out about the machine. */
export interface MachineNetwork extends NetworkSettings {
  readonly esp: Esp;
  /** Of a gateway, whether it falls silent when its lease is over; `as it is` unless told. */
  readonly leaseGuard?: GuardWish;
}

/**
 * Set before there is any link, for `all` and for the links to come. It forwards; it judges no source address (libipsec's
 * packets come from a TUN) and neither sends nor believes redirects; it answers ARP for an address only on the link that has
 * it; and it tells its neighbours when a link comes up, whose hardware address is another one whenever it is made anew.
 */
const sysctls = [
  "net.ipv4.ip_forward=1",
  ...["all", "default"].flatMap((links) => [
    `net.ipv4.conf.${links}.rp_filter=0`,
    `net.ipv4.conf.${links}.send_redirects=0`,
    `net.ipv4.conf.${links}.accept_redirects=0`,
    `net.ipv4.conf.${links}.arp_ignore=1`,
    `net.ipv4.conf.${links}.arp_notify=1`,
  ]),
];

const nothingInside: Inside = { seen: { links: [], rules: [], routes: [] }, filter: { nftables: [] } };

interface Inside {
  readonly seen: NetworkSeen;
  readonly filter: SeenFilter;
}

/** What there is of a gateway's network. */
export interface SeenNetwork {
  /** All of it is in place. */
  readonly isWhole: boolean;
  /** Networks in the VPC that were asked for and in which the gateway owns an address. */
  readonly localNetworks: readonly string[];
}

/**
 * Makes the gateway's network, or what is missing of it. Local networks it had are kept. A charon that does ESP in another way than
 * `network.esp` must have ended before. A lease's guard that is made is closed. @throws CommandError, DataplaneError when its attachments do not fit the machine
 */
export async function makeNetwork(names: Names, network: MachineNetwork, gateway: GatewaySpec): Promise<SeenNetwork> {
  const dir = names.gatewayDir(gateway.id);
  const record = await findRecord(dir);
  const attachments = attachmentsOf(network, gateway);
  const legs = legsOf(names, gateway, attachments, network.publicMtu);
  await leaveFormerWires(names, network, record, legs);
  const { esp } = network;
  const wish: GatewayRecord = { gateway, localNetworks: record?.localNetworks ?? [], attachments, esp };
  await writeRecord(dir, wish);
  const isNew = await makeOutside(names.gatewayNamespace(gateway.id), legs);
  const inside = isNew ? nothingInside : await lookInside(names.gatewayNamespace(gateway.id));
  const commands = commandsForInside(names, network, wish, inside);
  if (commands.length > 0) await ipBatch(names.gatewayNamespace(gateway.id), commands);
  return { isWhole: true, localNetworks: wish.localNetworks };
}

/** Looks at all of a gateway's network. A handful of processes. @throws CommandError, DataplaneError */
export async function inspectNetwork(names: Names, network: MachineNetwork, gatewayId: number): Promise<SeenNetwork> {
  const namespace = names.gatewayNamespace(gatewayId);
  const record = await findRecord(names.gatewayDir(gatewayId));
  const isThere = (await findNamespace(namespace)) === "there";
  if (record === undefined || !isThere) return { isWhole: false, localNetworks: [] };
  const attachments = attachmentsOf(network, record.gateway);
  const legs = legsOf(names, record.gateway, attachments, network.publicMtu);
  const [inside, hasSysctls, seen] = await Promise.all([
    lookInside(namespace),
    areSysctlsSet(namespace),
    lookAtAll(legs.flatMap(namespacesOf)),
  ]);
  const { esp } = network;
  const isAsRecorded = record.esp === esp && isDeepStrictEqual(record.attachments, attachments);
  const isCabled = legs.every((leg) => isLegWhole(leg, seen));
  // An address that is recorded and not there was taken away by somebody, or by us, who ended before the record was written.
  const missing = commandsForInside(names, network, record, inside);
  return {
    isWhole: isAsRecorded && hasSysctls && isCabled && missing.length === 0,
    localNetworks: record.localNetworks.filter((local) => hasLocalAddress(inside.seen, local)),
  };
}

/** Who does the ESP of a gateway that is there; undefined when nothing is known of it. */
export async function findEsp(names: Names, gatewayId: number): Promise<Esp | undefined> {
  const record = await findRecord(names.gatewayDir(gatewayId));
  return record === undefined ? undefined : (record.esp ?? "userspace");
}

/** @throws DataplaneError */
function attachmentsOf(
  network: Pick<NetworkSettings, "publicAttachment" | "vpcAttachments">,
  { vpcUid, vpcId }: GatewaySpec,
): Attachments {
  try {
    const vpc = attachmentOf(network.vpcAttachments, { uid: vpcUid, id: vpcId });
    const isPublic = vpc.kind !== "own" && isDeepStrictEqual(vpc, network.publicAttachment);
    if (isPublic) throw new Error(`${vpcUid} cannot be on the public network`);
    return { public: network.publicAttachment, vpc };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataplaneError("gateway", `network.vpcs: ${reason}`, { cause });
  }
}

/** The commands of the gateway's own namespace: packet filter, the lease's guard and guards before any link is up. */
function commandsForInside(names: Names, network: MachineNetwork, wish: GatewayRecord, inside: Inside): string[] {
  const statements = [
    ...filterStatements(network, inside.filter),
    ...guardStatements(network.leaseGuard ?? "as it is", inside.filter),
  ];
  const filter = statements.length === 0 ? [] : [`nft "${statements.join("; ")}"`];
  const namespace = names.gatewayNamespace(wish.gateway.id);
  return [
    ...filter.map((command) => within(namespace, command)),
    ...commandsForNetwork({ ...wish, ...network }, inside.seen),
  ];
}

function isSameWire(a: Leg, b: Leg): boolean {
  return "bridge" in a && "bridge" in b && a.bridgeNamespace === b.bridgeNamespace && a.bridge === b.bridge;
}

/** Pulls the cables that the gateway had on other wires than it is to be on now. */
async function leaveFormerWires(
  names: Names,
  network: NetworkSettings,
  record: GatewayRecord | undefined,
  legs: readonly Leg[],
): Promise<void> {
  if (record?.attachments === undefined) return;
  const former = legsOf(names, record.gateway, record.attachments, network.publicMtu);
  for (const [index, leg] of former.entries()) {
    const next = legs[index];
    const isSame = next !== undefined && isSameWire(leg, next);
    if (!isSame) await convergeLegs([leg], (seen) => commandsForLegEnd(leg, seen));
  }
}

/**
 * Gives the gateway an address in a network of its VPC: the network address, /32, on lo. charon refuses to install a tunnel
 * for a network in which its machine has no address. The VPC's own network address is always there.
 * @throws CommandError
 */
export async function addLocalNetwork(names: Names, gateway: GatewaySpec, network: string): Promise<void> {
  const dir = names.gatewayDir(gateway.id);
  const record = (await findRecord(dir)) ?? { gateway, localNetworks: [] };
  const { localNetworks } = record;
  if (!localNetworks.includes(network)) {
    await writeRecord(dir, { ...record, gateway, localNetworks: [...localNetworks, network] });
  }
  await ipBatch(names.gatewayNamespace(gateway.id), [`address replace ${networkAddressOf(network)}/32 dev lo`]);
}

/** Takes the address away again, unless another local network or the VPC itself has the same one. @throws CommandError */
export async function removeLocalNetwork(names: Names, gateway: GatewaySpec, network: string): Promise<void> {
  const namespace = names.gatewayNamespace(gateway.id);
  const dir = names.gatewayDir(gateway.id);
  const record = (await findRecord(dir)) ?? { gateway, localNetworks: [] };
  const rest = record.localNetworks.filter((each) => each !== network);
  const isShared = [gateway.vpcCidr, ...rest].some((each) => networkAddressOf(each) === networkAddressOf(network));
  if (!isShared && hasLocalAddress((await lookInside(namespace)).seen, network)) {
    await ipBatch(namespace, [`address del ${networkAddressOf(network)}/32 dev lo`]);
  }
  await writeRecord(dir, { ...record, gateway, localNetworks: rest });
}

/**
 * Removes the gateway's network and its run directory, and the wires that were only its own. Its charon has ended before: the
 * directory holds its pid. What is the operator's stays. @throws CommandError
 */
export async function removeNetwork(names: Names, gateway: GatewaySpec): Promise<void> {
  const dir = names.gatewayDir(gateway.id);
  const namespace = names.gatewayNamespace(gateway.id);
  const record = await findRecord(dir);
  const known = record?.gateway ?? gateway;
  await pullStrayCables(names, gateway.id, record !== undefined);
  const legs = legsOf(names, known, record?.attachments ?? attachmentsOf(ownWires, known), ownWires.publicMtu);
  await convergeLegs(legs, (seen) => [
    ...legs.flatMap((leg) => commandsForLegEnd(leg, seen)),
    ...(seen.get(namespace)?.state === "absent" ? [] : [`netns del ${namespace}`]),
  ]);
  await rm(dir, { recursive: true, force: true });
}

/** Without its record a gateway may be cabled to anything: who removes an orphan does not know either. */
async function pullStrayCables(names: Names, gatewayId: number, isRecorded: boolean): Promise<void> {
  if (isRecorded) return;
  const vpcs = await listNamespaces(`${names.prefix}vpc`);
  const ports = [names.machinePort("public", gatewayId), names.machinePort("vpc", gatewayId)];
  await Promise.all([
    ...vpcs.map((vpc) => pullCable(vpc, names.bridge, names.gatewayPort(gatewayId))),
    ...ports.map((port) => pullCable(machineNamespace, "", port)),
  ]);
}

/** The namespace and its legs, with their wires. Tells whether the namespace is new, so that nothing can be in it. */
async function makeOutside(namespace: string, legs: readonly Leg[]): Promise<boolean> {
  let isNew = false;
  await convergeLegs(legs, (seen) => {
    const inside = seen.get(namespace) ?? { name: namespace, state: "absent", links: [] };
    isNew = inside.state !== "there";
    return [...commandsForNamespace(inside, sysctls), ...legs.flatMap((leg) => commandsForLeg(leg, seen))];
  });
  return isNew;
}

/** Looks at the namespaces of a gateway's legs and runs what is planned from that, with their wires to itself. */
async function convergeLegs(legs: readonly Leg[], plan: (seen: Seen) => readonly string[]): Promise<void> {
  const work = () => workOut(async () => plan(await lookAtAll(legs.flatMap(namespacesOf))));
  const wires = new Set(legs.map(wireOf).filter((wire) => wire !== undefined));
  // The public wire is always the first, so that no two wait for each other.
  const inTurns = [...wires].reduceRight<() => Promise<void>>((next, wire) => () => inTurn(wire, next), work);
  await inTurns();
}

async function lookAtAll(namespaces: readonly string[]): Promise<Seen> {
  const names = [...new Set(namespaces)];
  const seen = await Promise.all(names.map(lookAt));
  return new Map<string, SeenNamespace>(seen.map((each) => [each.name, each]));
}

async function lookInside(namespace: string): Promise<Inside> {
  const questions = ["address show", "rule show", "route show table main", within(namespace, "nft -json list ruleset")];
  const [links, rules, routes, filter] = await ipJsonBatch(namespace, questions);
  return { seen: { links, rules, routes } as NetworkSeen, filter: filter as SeenFilter };
}

/** A kernel without IPv6 has no such settings, and need not. */
async function areSysctlsSet(namespace: string): Promise<boolean> {
  const wanted = [...sysctls, ...ipv6Off].map((setting) => setting.split("=", 2) as [string, string]);
  const text = await run("ip", ["netns", "exec", namespace, "sysctl", "-e", ...wanted.map(([name]) => name)]);
  const found = new Map(text.split("\n").map((line) => line.split(" = ", 2) as [string, string]));
  return wanted.every(([name, value]) => (found.get(name) ?? (name.startsWith("net.ipv6.") ? value : "")) === value);
}
