// Namespaces, wires and cables as `ip` commands: what is there in, what is missing out. Pure. The commands run in the
// machine's own namespace, all in one `ip -batch`: a process for each would take most of a gateway's time.

/** Off before any link is up: the contract is IPv4, and so are the guards. */
export const ipv6Off = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"] as const;

/** The machine's own namespace, which has no name. What is in it is the operator's, all but our ports. */
export const machineNamespace = "";

/** A link as `ip -json -details address` shows it. */
export interface Link {
  readonly ifname: string;
  readonly ifindex: number;
  readonly master?: string;
  readonly mtu?: number;
  readonly flags: readonly string[];
  /** A veth's other end, or what a macvlan or VLAN is on: its index there. */
  readonly link_index?: number;
  /** What kind of link it is (`veth`), and of a VLAN its number. */
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: { readonly id?: number | string } };
  readonly addr_info?: readonly Address[];
}

export interface Address {
  readonly family: string;
  readonly local: string;
  readonly prefixlen: number;
}

/** A namespace as it was found. `stray`: a crash left its file, and no namespace in it. */
export interface SeenNamespace {
  readonly name: string;
  readonly state: "absent" | "stray" | "there";
  readonly links: readonly Link[];
}

/** Where a cable runs: from `port` on the wire's bridge to `link` in the namespace at the other end. */
export interface Cable {
  readonly bridgeNamespace: string;
  readonly bridge: string;
  readonly port: string;
  readonly namespace: string;
  readonly link: string;
  /** Of both ends, in bytes; undefined: the kernel's 1500. */
  readonly mtu?: number;
}

/**
 * Makes a namespace if need be, and sets its sysctls either way; its lo stays down. `-e`: a kernel without IPv6 has nothing
 * to switch off.
 */
export function commandsForNamespace(seen: SeenNamespace, sysctls: readonly string[]): string[] {
  const { name, state } = seen;
  return [
    ...(state === "stray" ? [`netns del ${name}`] : []),
    ...(state === "there" ? [] : [`netns add ${name}`]),
    within(name, `sysctl -eqw ${[...ipv6Off, ...sysctls].join(" ")}`),
  ];
}

/** Makes a wire if it is not there. */
export function commandsForBridge(seen: SeenNamespace, bridge: string): string[] {
  if (hasBridge(seen.links, bridge)) return [];
  const isThere = seen.links.some((link) => link.ifname === bridge);
  // A bridge that snoops on multicast sends packets of its own.
  const command = isThere
    ? within(seen.name, `ip link set ${bridge} up`)
    : `link add ${bridge} netns ${seen.name} up type bridge mcast_snooping 0`;
  return [...commandsForNamespace(seen, []), command];
}

/** Lays a cable if it is not whole; whatever else has the name of one of its ends is taken away. The far link stays down. */
export function commandsForCable(cable: Cable, nearLinks: readonly Link[], far: readonly Link[]): string[] {
  if (isCableWhole(cable, nearLinks, far)) return [];
  const port = nearLinks.find((link) => link.ifname === cable.port);
  const link = far.find((each) => each.ifname === cable.link);
  // A veth takes its other end with it.
  const isLinkInTheWay = link !== undefined && !(port !== undefined && areOnePair(port, link));
  const mtu = cable.mtu === undefined ? "" : ` mtu ${cable.mtu}`;
  const near = `ip link add ${cable.port}${mtu} master ${cable.bridge} up type veth`;
  const add = `${near} peer name ${cable.link}${mtu} netns ${cable.namespace}`;
  return [
    ...(port === undefined ? [] : [within(cable.bridgeNamespace, `ip link del ${cable.port}`)]),
    ...(isLinkInTheWay ? [within(cable.namespace, `ip link del ${cable.link}`)] : []),
    within(cable.bridgeNamespace, add),
  ];
}

/**
 * Pulls a cable out of a wire, or takes the wire away when that was its last port. A namespace's links go only some time
 * after it, and their far ends with them; so a port that leaves others behind goes by itself, or it would still look like a
 * user of the wire. What leads out of the wire goes before it too: nothing of it stays in an operator's namespace. A bridge of the
 * machine is not ours to take away.
 */
export function commandsForPulling(seen: SeenNamespace, bridge: string, port: string): string[] {
  if (seen.state === "absent") return [];
  const isLast = seen.name !== machineNamespace && !portsOf(seen.links, bridge).some((name) => name !== port);
  const remove = (link: string) =>
    seen.links.some(({ ifname }) => ifname === link) ? [within(seen.name, `ip link del ${link}`)] : [];
  return isLast ? [...remove(uplinkName), `netns del ${seen.name}`] : remove(port);
}

/** Whether a cable is there from end to end, its near end on the bridge and up. The far link may be down. */
export function isCableWhole(cable: Cable, near: readonly Link[], far: readonly Link[]): boolean {
  const port = near.find((link) => link.ifname === cable.port);
  const link = far.find((each) => each.ifname === cable.link);
  if (port === undefined || link === undefined || !areOnePair(port, link)) return false;
  const isOfSize = cable.mtu === undefined || (port.mtu === cable.mtu && link.mtu === cable.mtu);
  const isBridgeWell = cable.bridgeNamespace === machineNamespace || hasBridge(near, cable.bridge);
  return isOfSize && port.master === cable.bridge && port.flags.includes("UP") && isBridgeWell;
}

/** The link of a wire that leads out of it (uplinks.ts). It is on the bridge, and no user of the wire. */
export const uplinkName = "uplink";

/** Names of the ports on a wire's bridge. */
export function portsOf(links: readonly Link[], bridge: string): string[] {
  return links.filter((link) => link.master === bridge && link.ifname !== uplinkName).map((link) => link.ifname);
}

export function areOnePair(port: Link, link: Link): boolean {
  return port.link_index === link.ifindex && link.link_index === port.ifindex;
}

function hasBridge(links: readonly Link[], bridge: string): boolean {
  return links.some((link) => link.ifname === bridge && link.flags.includes("UP"));
}

/** `netns exec` takes a process of its own: not for what can be said from outside. */
export function within(namespace: string, command: string): string {
  if (namespace === machineNamespace) return command.replace(/^ip /, "");
  return `netns exec ${namespace} ${command}`;
}
