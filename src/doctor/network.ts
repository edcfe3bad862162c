// Whether the operator's networks are there as the settings say, and fit for gateways. Pure.
import type { AddressPool, Config } from "../config.ts";
import type { Link } from "../dataplane/charon/wire-commands.ts";
import { type Attachment, parsePublicAttachment, parseVpcAttachment, parseVpcAttachments } from "../vpn/attachment.ts";
import { formatAddress, formatNetwork, networkAt, parseAddress } from "../vpn/network.ts";
import { type Check, fail, ok, warn } from "./check.ts";
import { type LinkKind, linkKinds, type SeenMachine } from "./network-probe.ts";

export type NetworkConfig = Pick<
  Config,
  | "network.public"
  | "network.vpcs"
  | "network.publicMtu"
  | "network.publicPool"
  | "network.publicPrefixLength"
  | "network.publicGateway"
>;

/** What the settings attach, with the setting's words for it; VPCs that stand for others are not known before they are there. */
function attachmentsOf(config: NetworkConfig): { readonly text: string; readonly attachment: Attachment }[] {
  const text = config["network.public"];
  const vpcs = [...parseVpcAttachments(config["network.vpcs"])].filter(([vpc]) => vpc !== "*");
  return [
    { text: `network.public, ${text}`, attachment: parsePublicAttachment(text) },
    ...vpcs.map(([vpc, of]) => ({ text: `network.vpcs, ${vpc}=${of}`, attachment: parseVpcAttachment(of) })),
  ];
}

/** The namespaces that the settings name. */
export function namespacesIn(config: NetworkConfig): string[] {
  return attachmentsOf(config).flatMap(({ attachment }) =>
    attachment.kind === "namespace" ? [attachment.namespace] : [],
  );
}

/** @param lacking kinds of links that the kernel does not make */
export function judgeLinkKinds(config: NetworkConfig, lacking: readonly LinkKind[]): Check {
  const texts = [config["network.public"], ...parseVpcAttachments(config["network.vpcs"]).values()];
  const needed = (kind: LinkKind) =>
    kind === "veth" ||
    kind === "bridge" ||
    texts.some((text) => text.startsWith(kind === "vlan" ? "vlan:" : "interface:"));
  const missing = lacking.filter(needed);
  if (missing.length > 0) {
    const modules = missing.map((kind) => (kind === "vlan" ? "8021q" : kind)).join(" ");
    const found = `This kernel cannot make links of kind ${missing.join(" or ")}, which the settings ask for.`;
    return fail("link kinds", found, `Run \`modprobe -a ${modules}\`, or use another attachment.`);
  }
  const can = linkKinds.filter((kind) => !lacking.includes(kind));
  const rest = lacking.length === 0 ? "" : `; it has no ${lacking.join(" and no ")}, which no setting asks for`;
  return ok("link kinds", `This kernel makes ${can.join(", ")}${rest}.`);
}

export function judgeFilter(refusal: string | undefined): Check {
  if (refusal === undefined) return ok("packet filter", "nft puts a gateway's rules in place.");
  const fix = "Run `modprobe nf_tables`; the kernel needs nf_tables with its inet family.";
  return fail("packet filter", `nft does not put a gateway's rules in place: ${refusal}.`, fix);
}

/** Who has one host only needs no leases, so it is nothing worse than a warning. */
export function judgeLeaseGuard(refusal: string | undefined): Check {
  if (refusal === undefined) return ok("lease guard", "nft can silence a gateway when its lease ends.");
  const found = `nft cannot silence a gateway when its lease ends, which a host among several has to: ${refusal}.`;
  const fix = "Among several hosts this one needs Linux 5.16 or newer with NETFILTER_INGRESS and NETFILTER_EGRESS.";
  return warn("lease guard", found, fix);
}

/** One check for each thing that is wrong, or one that says that nothing is. */
export function judgeAttachments(config: NetworkConfig, machine: SeenMachine): Check[] {
  const all = attachmentsOf(config);
  const wrong = all.flatMap(({ text, attachment }, index) => {
    const mtu = index === 0 ? config["network.publicMtu"] : 1_500;
    return judgeAttachment(text, attachment, machine, mtu);
  });
  if (wrong.length > 0) return wrong;
  if (all[0]?.attachment.kind === "own") {
    const found = "The public network is a bridge of our own: the lab can be reached through it, and nothing else.";
    return [ok("networks", `${found} (network.public)`)];
  }
  return [ok("networks", `There and up: ${all.map(({ text }) => text).join("; ")}.`)];
}

function judgeAttachment(text: string, attachment: Attachment, machine: SeenMachine, mtu: number): Check[] {
  switch (attachment.kind) {
    case "own":
      return [];
    case "namespace":
      return judgeFarNamespace(text, attachment.namespace, machine);
    case "bridge":
      return judgeBridge(text, attachment.bridge, machine, mtu);
    case "interface":
    case "vlan":
      return judgeInterface(text, attachment, machine.links, mtu);
  }
}

function judgeFarNamespace(text: string, name: string, { namespaces }: SeenMachine): Check[] {
  const seen = namespaces.get(name);
  if (seen?.isThere !== true)
    return [fail("networks", `${text}: there is no namespace ${name}.`, `Run \`ip netns add ${name}\`.`)];
  if (!seen.hasOwnDefault) return [];
  const found = `${text}: ${name} has a default route of its own, so the peers' networks are not behind the gateway by themselves.`;
  return [warn("networks", found, "Add routes there for the peers' networks, by the gateway's address in the VPC.")];
}

function judgeBridge(text: string, name: string, machine: SeenMachine, mtu: number): Check[] {
  const link = machine.links.find(({ ifname }) => ifname === name);
  if (link?.linkinfo?.info_kind !== "bridge") {
    return [fail("networks", `${text}: there is no bridge ${name}.`, `Run \`ip link add ${name} up type bridge\`.`)];
  }
  const filtered = `${text}: packets on bridges pass the machine's packet filter, which may drop what gateways send.`;
  return [
    ...judgeUp(text, link),
    ...judgeMtu(text, link, mtu),
    ...(machine.isBridgeFiltered
      ? [
          warn(
            "networks",
            filtered,
            "Run `sysctl -w net.bridge.bridge-nf-call-iptables=0`, or let its FORWARD chain accept them.",
          ),
        ]
      : []),
  ];
}

function judgeInterface(
  text: string,
  { kind, parent }: Extract<Attachment, { kind: "interface" | "vlan" }>,
  links: readonly Link[],
  mtu: number,
): Check[] {
  const link = links.find(({ ifname }) => ifname === parent);
  if (link === undefined)
    return [fail("networks", `${text}: there is no interface ${parent}.`, "Run `ip link` for those that are.")];
  if (kind === "interface" && link.master !== undefined) {
    const found = `${text}: ${parent} belongs to ${link.master}, so nothing else can be put on it.`;
    return [fail("networks", found, `Set it to bridge:${link.master}.`)];
  }
  return [...judgeUp(text, link), ...judgeMtu(text, link, mtu)];
}

function judgeUp(text: string, { ifname, flags }: Link): Check[] {
  if (!flags.includes("UP"))
    return [fail("networks", `${text}: ${ifname} is down.`, `Run \`ip link set ${ifname} up\`.`)];
  if (flags.includes("NO-CARRIER"))
    return [warn("networks", `${text}: ${ifname} is up, and nothing is connected to it.`)];
  return [];
}

function judgeMtu(text: string, { ifname, mtu }: Link, wanted: number): Check[] {
  if (mtu === undefined || mtu >= wanted) return [];
  const found = `${text}: ${ifname} has an MTU of ${mtu}, less than the ${wanted} of the gateways' links.`;
  return [fail("networks", found, `Set network.publicMtu to ${mtu}, or the MTU of ${ifname} to ${wanted}.`)];
}

/** The pool and the next hop. */
export function judgePublicAddresses(config: NetworkConfig, links: readonly Link[]): Check {
  const pool = config["network.publicPool"];
  const network = networkAt(pool.first, config["network.publicPrefixLength"]);
  const range = `${formatAddress(pool.first)}-${formatAddress(pool.last)}`;
  const taken = findTaken(pool, links);
  if (taken !== undefined) {
    const found = `The machine itself has ${taken.address} (${taken.ifname}), which is in network.publicPool, ${range}.`;
    return fail(
      "public addresses",
      found,
      "Take it out of the pool: nobody may have an address that a gateway is given.",
    );
  }
  const nextHop = parseAddress(config["network.publicGateway"]);
  if (nextHop !== undefined && (nextHop < network.first || nextHop > network.last)) {
    const found = `network.publicGateway, ${formatAddress(nextHop)}, is outside of ${formatNetwork(network)}.`;
    return warn("public addresses", found, "Look at network.publicPrefixLength; the router must be on the same link.");
  }
  if (nextHop === undefined && config["network.public"] !== "own") {
    const found = "There is no network.publicGateway: only peers on the public link itself are reached.";
    return warn("public addresses", found, "Set network.publicGateway to the router's address.");
  }
  return ok("public addresses", `${range} of ${formatNetwork(network)}; none of them is the machine's own.`);
}

function findTaken({ first, last }: AddressPool, links: readonly Link[]) {
  return links
    .flatMap(({ ifname, addr_info = [] }) => addr_info.map(({ local }) => ({ ifname, address: local })))
    .find(({ address }) => {
      const number = parseAddress(address);
      return number !== undefined && number >= first && number <= last;
    });
}
