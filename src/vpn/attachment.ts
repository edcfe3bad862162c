// How a gateway's links are attached to the operator's networks, as it is written in the settings. Pure.

/**
 * Where a link of a gateway leads:
 *
 * - `own`: a bridge of our own in a namespace of its own, which leads nowhere by itself.
 * - `bridge`: a bridge of the machine; a veth is put on it.
 * - `interface`: an interface of the machine; a macvlan is put on it.
 * - `vlan`: a VLAN (IEEE 802.1Q, 1-4094) on an interface of the machine; `own`, with that VLAN on its bridge.
 * - `namespace`: a namespace of the operator's; `own`, with a link into it that has `address` in the VPC.
 */
export type Attachment =
  | { readonly kind: "own" }
  | { readonly kind: "bridge"; readonly bridge: string }
  | { readonly kind: "interface"; readonly parent: string }
  | { readonly kind: "vlan"; readonly parent: string; readonly vlan: number }
  | { readonly kind: "namespace"; readonly namespace: string; readonly address: string };

/** The attachments of VPCs by their unified id (`vpc-1a2b3c4d`); `*` stands for every other VPC, and has {number} in its text. */
export type VpcAttachments = ReadonlyMap<string, string>;

const own: Attachment = { kind: "own" };
const forms = "own, bridge:NAME, interface:NAME or vlan:NAME.ID";
/** Interfaces have at most 15 characters (IFNAMSIZ); no name of ours needs quotes in a command. */
const interfaceName = "[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}";
const octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const address = `${octet}(?:\\.${octet}){3}`;

/** @throws Error with what is expected. A namespace is none for the public network. */
export function parsePublicAttachment(text: string): Attachment {
  const found = findAttachment(text);
  if (found === undefined || found.kind === "namespace") throw new Error(`${forms} is expected`);
  return found;
}

/** @throws Error with what is expected */
export function parseVpcAttachment(text: string): Attachment {
  const found = findAttachment(text);
  if (found === undefined) throw new Error(`${forms}, or namespace:NAME@ADDRESS, is expected for a VPC`);
  return found;
}

function findAttachment(text: string): Attachment | undefined {
  const name = new RegExp(`^(bridge|interface):(${interfaceName})$`).exec(text);
  if (text === "own") return own;
  if (name?.[2] !== undefined) {
    return name[1] === "bridge" ? { kind: "bridge", bridge: name[2] } : { kind: "interface", parent: name[2] };
  }
  const vlan = new RegExp(`^vlan:(${interfaceName})\\.([1-9][0-9]{0,3})$`).exec(text);
  if (vlan?.[1] !== undefined && Number(vlan[2]) <= 4_094) {
    return { kind: "vlan", parent: vlan[1], vlan: Number(vlan[2]) };
  }
  const namespace = new RegExp(`^namespace:([A-Za-z0-9][A-Za-z0-9_.-]{0,63})@(${address})$`).exec(text);
  if (namespace?.[1] === undefined || namespace[2] === undefined) return undefined;
  return { kind: "namespace", namespace: namespace[1], address: namespace[2] };
}

/**
 * Reads `VPC=ATTACHMENT,…`. No two VPCs may come to one network by this text, or their traffic would meet: nothing may be named
 * twice, and what stands for every other VPC carries its number. @throws Error with what is wrong
 */
export function parseVpcAttachments(text: string): VpcAttachments {
  const found = new Map<string, string>();
  for (const entry of text.split(",").filter((part) => part.trim() !== "")) {
    const [vpc = "", attachment = "", ...rest] = entry.split("=").map((part) => part.trim());
    if (!/^(\*|vpc-[a-z0-9]{8})$/.test(vpc) || rest.length > 0) {
      throw new Error(`VPC=ATTACHMENT is expected, VPC being * or a unified id such as vpc-1a2b3c4d, not ${entry}`);
    }
    if (found.has(vpc)) throw new Error(`${vpc} is named twice`);
    const { kind } = parseVpcAttachment(vpc === "*" ? attachment.replaceAll("{number}", "1") : attachment);
    if (vpc === "*" && kind !== "own" && !attachment.includes("{number}")) {
      throw new Error(
        "* stands for many VPCs, which have to stay apart: {number}, the VPC's number, is expected in it",
      );
    }
    const twin = [...found].find(([, other]) => kind !== "own" && other === attachment)?.[0];
    if (twin !== undefined) throw new Error(`${twin} and ${vpc} cannot both have ${attachment}`);
    found.set(vpc, attachment);
  }
  return found;
}

/**
 * Where a VPC is attached. @throws Error when its number makes no attachment (a VLAN above 4094, a name that is too long), or one
 * that another VPC has by name
 */
export function attachmentOf(vpcs: VpcAttachments, vpc: { readonly uid: string; readonly id: number }): Attachment {
  const named = vpcs.get(vpc.uid);
  if (named !== undefined) return parseVpcAttachment(named);
  const text = vpcs.get("*")?.replaceAll("{number}", String(vpc.id));
  if (text === undefined) return own;
  const twin = text === "own" ? undefined : [...vpcs].find(([, other]) => other === text)?.[0];
  if (twin !== undefined) throw new Error(`${text} is ${twin}'s, and ${vpc.uid} would have it too`);
  return parseVpcAttachment(text);
}
