// What leads out of a wire: a VLAN of one of the machine's interfaces, or a link into a namespace of the operator's. It is made and
// goes with the wire. Pure.
import { DataplaneError } from "../dataplane.ts";
import { areOnePair, type Link, machineNamespace, type SeenNamespace, uplinkName, within } from "./wire-commands.ts";

export type Uplink =
  | { readonly kind: "vlan"; readonly parent: string; readonly vlan: number }
  | {
      readonly kind: "namespace";
      readonly namespace: string;
      /** The link's name there. */
      readonly link: string;
      /** With length: `10.0.0.9/16`. */
      readonly address: string;
      /** The gateway: the next hop there of whatever has no other. */
      readonly via: string;
    };

/** Namespaces as they were found, by name. */
export type Seen = ReadonlyMap<string, SeenNamespace>;

export function linksIn(seen: Seen, namespace: string): readonly Link[] {
  return seen.get(namespace)?.links ?? [];
}

/** The namespace outside of the wire that an uplink leads to. */
export function farNamespaceOf(uplink: Uplink): string {
  return uplink.kind === "vlan" ? machineNamespace : uplink.namespace;
}

/** A link of the machine that the settings name. @throws DataplaneError when there is none */
export function requireLink(seen: Seen, name: string, what: "interface" | "bridge"): Link {
  const link = linksIn(seen, machineNamespace).find(({ ifname }) => ifname === name);
  const isFit = link !== undefined && (what === "interface" || link.linkinfo?.info_kind === "bridge");
  if (!isFit) throw new DataplaneError("gateway", `there is no ${what} ${name} on this machine (settings, network)`);
  return link;
}

/** Behind everything that the operator's namespace has for itself. */
const lastMetric = 4_096;

/** Makes what is missing of a wire's uplink, and takes away one that is not wanted. @throws DataplaneError */
export function commandsForUplink(wire: string, bridge: string, uplink: Uplink | undefined, seen: Seen): string[] {
  if (isUplinkWhole(wire, bridge, uplink, seen)) return [];
  const present = linksIn(seen, wire).find(({ ifname }) => ifname === uplinkName);
  const removal = present === undefined ? [] : [within(wire, `ip link del ${uplinkName}`)];
  switch (uplink?.kind) {
    case undefined:
      return removal;
    case "vlan": {
      const { parent, vlan } = uplink;
      requireLink(seen, parent, "interface");
      return [
        ...removal,
        `link add link ${parent} name ${uplinkName} netns ${wire} type vlan id ${vlan}`,
        within(wire, `ip link set ${uplinkName} master ${bridge} up`),
      ];
    }
    case "namespace": {
      const { namespace, link, address, via } = uplink;
      if (seen.get(namespace)?.state !== "there") {
        throw new DataplaneError("gateway", `there is no namespace ${namespace} on this machine (settings, network)`);
      }
      const far = linksIn(seen, namespace).find(({ ifname }) => ifname === link);
      // A veth takes its other end with it.
      const isInTheWay = far !== undefined && !(present !== undefined && areOnePair(present, far));
      return [
        ...removal,
        ...(isInTheWay ? [within(namespace, `ip link del ${link}`)] : []),
        within(wire, `ip link add ${uplinkName} master ${bridge} up type veth peer name ${link} netns ${namespace}`),
        within(namespace, `ip address replace ${address} dev ${link}`),
        within(namespace, `ip link set ${link} up`),
        within(namespace, `ip route replace default via ${via} dev ${link} metric ${lastMetric}`),
      ];
    }
  }
}

/** Whether a wire's uplink is there from end to end. */
export function isUplinkWhole(wire: string, bridge: string, uplink: Uplink | undefined, seen: Seen): boolean {
  const present = linksIn(seen, wire).find(({ ifname }) => ifname === uplinkName);
  if (uplink === undefined) return present === undefined;
  if (present === undefined || present.master !== bridge || !present.flags.includes("UP")) return false;
  const links = linksIn(seen, farNamespaceOf(uplink));
  if (uplink.kind === "vlan") {
    const parent = links.find(({ ifname }) => ifname === uplink.parent);
    const { info_kind, info_data } = present.linkinfo ?? {};
    return info_kind === "vlan" && Number(info_data?.id) === uplink.vlan && present.link_index === parent?.ifindex;
  }
  const far = links.find(({ ifname }) => ifname === uplink.link);
  if (far === undefined || !areOnePair(present, far) || !far.flags.includes("UP")) return false;
  return (far.addr_info ?? []).some(({ local, prefixlen }) => `${local}/${prefixlen}` === uplink.address);
}
