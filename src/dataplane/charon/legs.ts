// The two legs of a gateway, to the public network and to its VPC, from what the settings say about them. Pure: names and what `ip`
// shows in, commands of the machine's own namespace out.
import type { Attachment } from "../../vpn/attachment.ts";
import { contains, networkAt, parseAddress, storedNetwork } from "../../vpn/network.ts";
import { DataplaneError, type GatewaySpec } from "../dataplane.ts";
import { lanLink, wanLink } from "./guards.ts";
import type { Names } from "./names.ts";
import {
  commandsForUplink,
  farNamespaceOf,
  isUplinkWhole,
  linksIn,
  requireLink,
  type Seen,
  type Uplink,
} from "./uplinks.ts";
import {
  type Cable,
  commandsForBridge,
  commandsForCable,
  commandsForPulling,
  isCableWhole,
  type Link,
  machineNamespace,
  within,
} from "./wire-commands.ts";

/** Where a gateway's two legs lead. */
export interface Attachments {
  readonly public: Attachment;
  readonly vpc: Attachment;
}

/** A cable to a bridge, which is a wire of our own or the machine's; or a macvlan on an interface of the machine. */
export type Leg = (Cable & { readonly uplink?: Uplink }) | Macvlan;

export interface Macvlan {
  readonly parent: string;
  readonly namespace: string;
  readonly link: string;
  readonly mtu: number;
}

/** @param publicMtu of the link to the public network @throws DataplaneError when the VPC and its attachment do not fit */
export function legsOf(
  names: Names,
  gateway: GatewaySpec,
  attachments: Attachments,
  publicMtu: number,
): readonly [toPublic: Leg, toVpc: Leg] {
  const namespace = names.gatewayNamespace(gateway.id);
  const own = { bridge: names.bridge, port: names.gatewayPort(gateway.id), namespace };
  const toPublic = { ...own, bridgeNamespace: names.publicNamespace, link: wanLink, mtu: publicMtu };
  const toVpc = { ...own, bridgeNamespace: names.vpcNamespace(gateway.vpcId), link: lanLink, mtu: 1_500 };
  return [
    attach(toPublic, attachments.public, names.machinePort("public", gateway.id), () => undefined),
    attach(toVpc, attachments.vpc, names.machinePort("vpc", gateway.id), (attachment) => ({
      ...attachment,
      link: names.vpcLink(gateway.vpcId),
      address: inVpc(gateway, attachment.address),
      via: gateway.vpcAddress,
    })),
  ];
}

type IntoNamespace = Extract<Attachment, { kind: "namespace" }>;

function attach(
  toOwnWire: Cable & { readonly mtu: number },
  attachment: Attachment,
  machinePort: string,
  uplinkInto: (attachment: IntoNamespace) => Uplink | undefined,
): Leg {
  switch (attachment.kind) {
    case "own":
      return toOwnWire;
    case "bridge":
      return { ...toOwnWire, bridgeNamespace: machineNamespace, bridge: attachment.bridge, port: machinePort };
    case "interface": {
      const { namespace, link, mtu } = toOwnWire;
      return { parent: attachment.parent, namespace, link, mtu };
    }
    case "vlan":
      return { ...toOwnWire, uplink: attachment };
    case "namespace": {
      const uplink = uplinkInto(attachment);
      return uplink === undefined ? toOwnWire : { ...toOwnWire, uplink };
    }
  }
}

/** The address with the VPC's length, if it may stand in the VPC. */
function inVpc({ vpcCidr, vpcAddress }: GatewaySpec, text: string): string {
  const vpc = storedNetwork(vpcCidr);
  const address = networkAt(parseAddress(text) ?? 0, 32);
  const isFit = contains(vpc, address) && address.first > vpc.first && address.last < vpc.last && text !== vpcAddress;
  if (isFit) return `${text}/${vpc.prefixLength}`;
  throw new DataplaneError("gateway", `${text} is no host's address in the VPC ${vpcCidr} (settings, network.vpcs)`);
}

const isMacvlan = (leg: Leg): leg is Macvlan => "parent" in leg;

/** The wire that a leg is on, a namespace or the machine's own; undefined for a leg without one. */
export function wireOf(leg: Leg): string | undefined {
  return isMacvlan(leg) ? undefined : leg.bridgeNamespace;
}

/** Every namespace that has to be looked at to plan a leg, its own among them. */
export function namespacesOf(leg: Leg): string[] {
  if (isMacvlan(leg)) return [leg.namespace, machineNamespace];
  const beyond = leg.uplink === undefined ? [] : [farNamespaceOf(leg.uplink)];
  return [leg.namespace, leg.bridgeNamespace, ...beyond];
}

/** Makes what is missing of a leg; its link in the gateway stays down. @throws DataplaneError when what the operator named is not there */
export function commandsForLeg(leg: Leg, seen: Seen): string[] {
  const far = linksIn(seen, leg.namespace);
  if (isMacvlan(leg)) return commandsForMacvlan(leg, requireLink(seen, leg.parent, "interface"), far);
  const { bridgeNamespace, bridge } = leg;
  const near = linksIn(seen, bridgeNamespace);
  if (bridgeNamespace === machineNamespace) {
    requireLink(seen, bridge, "bridge");
    return commandsForCable(leg, near, far);
  }
  const wire = seen.get(bridgeNamespace) ?? { name: bridgeNamespace, state: "absent", links: [] };
  return [
    ...commandsForBridge(wire, bridge),
    ...commandsForUplink(bridgeNamespace, bridge, leg.uplink, seen),
    ...commandsForCable(leg, near, far),
  ];
}

function commandsForMacvlan({ parent, namespace, link, mtu }: Macvlan, on: Link, far: readonly Link[]): string[] {
  const present = far.find(({ ifname }) => ifname === link);
  if (present !== undefined && isMacvlanOn(present, on, mtu)) return [];
  return [
    ...(present === undefined ? [] : [within(namespace, `ip link del ${link}`)]),
    `link add link ${parent} name ${link} netns ${namespace} mtu ${mtu} type macvlan mode bridge`,
  ];
}

function isMacvlanOn(link: Link, parent: Link, mtu: number): boolean {
  return link.linkinfo?.info_kind === "macvlan" && link.link_index === parent.ifindex && link.mtu === mtu;
}

/** Whether a leg is there from end to end. The gateway's own link may be down. */
export function isLegWhole(leg: Leg, seen: Seen): boolean {
  const far = linksIn(seen, leg.namespace);
  if (isMacvlan(leg)) {
    const parent = linksIn(seen, machineNamespace).find(({ ifname }) => ifname === leg.parent);
    const link = far.find(({ ifname }) => ifname === leg.link);
    return parent !== undefined && link !== undefined && isMacvlanOn(link, parent, leg.mtu);
  }
  const { bridgeNamespace, bridge } = leg;
  const isWireWhole = bridgeNamespace === machineNamespace || isUplinkWhole(bridgeNamespace, bridge, leg.uplink, seen);
  return isWireWhole && isCableWhole(leg, linksIn(seen, bridgeNamespace), far);
}

/** Takes a leg off its wire, and a wire of our own that nobody else is on. A macvlan goes with the gateway's namespace. */
export function commandsForLegEnd(leg: Leg, seen: Seen): string[] {
  const wire = isMacvlan(leg) ? undefined : seen.get(leg.bridgeNamespace);
  return wire === undefined || isMacvlan(leg) ? [] : commandsForPulling(wire, leg.bridge, leg.port);
}
