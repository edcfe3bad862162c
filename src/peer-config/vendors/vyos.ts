// VyOS 1.4: a site-to-site peer with one tunnel for each pair of networks. Nodes as in VyOS's own definition of `vpn ipsec`; VyOS makes
// a swanctl.conf of them, so names and secrets are written as strongSwan reads them.
import type { DhGroup, Identity, IkeEncryption, IpsecEncryption } from "../../vpn/algorithms.ts";
import type { PeerView } from "../peer-view.ts";
import { attention, cidr, closing, fitTo, isPlain, type KeyRule, keyLines, lacks, opening, say } from "../script.ts";
import { base64Secret } from "../swanctl-text.ts";
import type { Vendor } from "../vendor.ts";

const sign = "#";

/** The same words for IKE and ESP. */
const encryption: Record<IpsecEncryption | IkeEncryption, string | undefined> = {
  "3des": "3des",
  aes128: "aes128",
  aes192: "aes192",
  aes256: "aes256",
  des: undefined,
  null: "null",
};
const lifetimeRange = [30, 86_400] as const;

/** VyOS puts the secret between double quotes without escaping anything. */
const keyRule: KeyRule = {
  write: (key) => quote(isPlain(key, "'\"\\?") && !/^0[xs]/i.test(key) ? key : base64Secret(key)),
  takes: "anything",
};

export const vyos: Vendor = {
  vendor: "vyos",
  platform: "vyos",
  software: "1.4",
  defaultInterface: "eth0",
  write: (view) => [
    ...opening(sign, view, "VyOS 1.4"),
    "configure",
    ...groupsOf(view),
    ...peer(view),
    say(sign, "Look at `compare`, then `commit` and `save`."),
    ...closing(sign, view, { mss: (bytes) => `set interfaces ethernet <inside interface> ip adjust-mss ${bytes}` }),
  ],
};

function quote(text: string): string {
  return `'${text}'`;
}

/** The proposals and lifetimes of both phases; every group carries the channel's id. */
function groupsOf(view: PeerView): string[] {
  const { ike, ipsec, uid } = view;
  const [ikeGroup, espGroup] = [`set vpn ipsec ike-group ${uid}`, `set vpn ipsec esp-group ${uid}`];
  const isFirst = isInitiator(view);
  const ikeSeconds = fitTo(sign, "IKE SA lifetime in seconds", ike.lifetimeSeconds, lifetimeRange);
  const espSeconds = fitTo(sign, "IPsec SA lifetime in seconds", ipsec.lifetimeSeconds, lifetimeRange);
  return [
    `${ikeGroup} key-exchange ikev1`,
    `${ikeGroup} mode ${view.exchangeMode}`,
    ...ikeSeconds.remarks,
    `${ikeGroup} lifetime ${ikeSeconds.value}`,
    cipher(`${ikeGroup} proposal 1`, ike.encryption),
    `${ikeGroup} proposal 1 hash ${ike.integrity}`,
    `${ikeGroup} proposal 1 dh-group ${ike.dhGroup}`,
    `${ikeGroup} dead-peer-detection action ${isFirst ? "restart" : "clear"}`,
    `${ikeGroup} dead-peer-detection interval 30`,
    `${ikeGroup} dead-peer-detection timeout 120`,
    `${ikeGroup} close-action ${isFirst ? "start" : "none"}`,
    `${espGroup} mode tunnel`,
    ...espSeconds.remarks,
    `${espGroup} lifetime ${espSeconds.value}`,
    `${espGroup} life-bytes ${ipsec.lifetimeKilobytes * 1_000}`,
    `${espGroup} pfs ${pfs(ipsec.pfsGroup)}`,
    cipher(`${espGroup} proposal 1`, ipsec.encryption),
    `${espGroup} proposal 1 hash ${ipsec.integrity}`,
  ];
}

function cipher(proposal: string, wanted: IpsecEncryption): string {
  const word = encryption[wanted];
  return word === undefined ? lacks(sign, "DES") : `${proposal} encryption ${word}`;
}

function pfs(group: DhGroup | undefined): string {
  return group === undefined ? "disable" : `dh-group${group}`;
}

/** VyOS has no way to let strongSwan answer aggressive mode with a pre-shared key; it may ask for it itself. */
function isInitiator({ exchangeMode }: PeerView): boolean {
  return exchangeMode === "aggressive";
}

const beginning = [
  attention(
    sign,
    "VyOS does not answer aggressive mode with a pre-shared key, so it has to begin itself. Main mode is better.",
  ),
];

function peer(view: PeerView): string[] {
  const { uid } = view;
  const [psk, site] = [`set vpn ipsec authentication psk ${uid}`, `set vpn ipsec site-to-site peer ${uid}`];
  const [own, gateway] = [identity(view.ownIdentity), identity(view.gatewayIdentity)];
  const owners = [...new Set([view.gatewayAddress, gateway, own])];
  return [
    `set vpn ipsec interface ${quote(view.interfaceName)}`,
    ...owners.map((owner) => `${psk} id ${quote(owner)}`),
    ...keyLines(sign, view, keyRule, (word) => [`${psk} secret ${word}`]),
    `${site} authentication mode pre-shared-secret`,
    `${site} authentication local-id ${quote(own)}`,
    `${site} authentication remote-id ${quote(gateway)}`,
    ...(isInitiator(view) ? beginning : []),
    `${site} connection-type ${isInitiator(view) ? "initiate" : "respond"}`,
    `${site} default-esp-group ${uid}`,
    `${site} ike-group ${uid}`,
    say(sign, "Behind a NAT: the router's own address."),
    `${site} local-address ${view.ownAddress}`,
    `${site} remote-address ${view.gatewayAddress}`,
    ...view.pairs.flatMap(({ own: ours, cloud }, index) => [
      `${site} tunnel ${index + 1} local prefix ${cidr(ours)}`,
      `${site} tunnel ${index + 1} remote prefix ${cidr(cloud)}`,
    ]),
  ];
}

/** With `@` in front everything is a name, also what looks like an address. */
function identity({ type, value }: Identity): string {
  return type === "fqdn" ? `@${value}` : value;
}
