// MikroTik RouterOS 7: profile, proposal, peer, identity and one policy for each pair of networks. Properties as in MikroTik's IPsec
// manual (https://help.mikrotik.com/docs/display/ROS/IPsec).
import type { DhGroup, Identity, IkeEncryption, IpsecEncryption } from "../../vpn/algorithms.ts";
import type { PeerView } from "../peer-view.ts";
import { cidr, closing, isPlain, type KeyRule, keyLines, lacks, opening, say, toHex } from "../script.ts";
import type { Vendor } from "../vendor.ts";

const sign = "#";

const ikeEncryption: Record<IkeEncryption, string> = {
  "3des": "3des",
  aes128: "aes-128",
  aes192: "aes-192",
  aes256: "aes-256",
  des: "des",
};
const espEncryption: Record<IpsecEncryption, string> = {
  "3des": "3des",
  aes128: "aes-128-cbc",
  aes192: "aes-192-cbc",
  aes256: "aes-256-cbc",
  des: "des",
  null: "null",
};
const groups: Record<DhGroup, string | undefined> = {
  1: "modp768",
  2: "modp1024",
  5: "modp1536",
  14: "modp2048",
  24: undefined,
};

/** In quotes `$` is a variable and `\` an escape; what begins with 0x is read as hexadecimal. */
const keyRule: KeyRule = {
  write: (key) => (isPlain(key, '"\\$?') && !/^0x/i.test(key) ? `"${key}"` : `"0x${toHex(key)}"`),
  takes: "anything",
};

export const mikrotikRouteros: Vendor = {
  vendor: "mikrotik",
  platform: "routeros",
  software: "7",
  defaultInterface: "ether1",
  write: (view) => [
    ...opening(sign, view, "MikroTik RouterOS 7"),
    ...phase1(view),
    ...phase2(view),
    say(
      sign,
      `The rule that leaves packets for the cloud untranslated has to stand before any masquerade on ${view.interfaceName}:`,
    ),
    say(sign, "  /ip firewall nat add chain=srcnat ipsec-policy=out,ipsec action=accept place-before=0"),
    ...closing(sign, view, {
      mss: (bytes) =>
        `/ip firewall mangle add chain=forward protocol=tcp tcp-flags=syn ipsec-policy=out,ipsec action=change-mss new-mss=${bytes}`,
    }),
  ],
};

function phase1(view: PeerView): string[] {
  const { ike, uid } = view;
  const group = groups[ike.dhGroup];
  const algorithms = `enc-algorithm=${ikeEncryption[ike.encryption]} hash-algorithm=${ike.integrity}`;
  const dhGroup = group === undefined ? "" : ` dh-group=${group}`;
  return [
    ...(group === undefined ? [lacks(sign, `DH group ${ike.dhGroup}`)] : []),
    `/ip ipsec profile add name=${uid} ${algorithms}${dhGroup} lifetime=${ike.lifetimeSeconds}s proposal-check=obey nat-traversal=yes dpd-interval=30s dpd-maximum-failures=4`,
    `/ip ipsec peer add name=${uid} address=${view.gatewayAddress}/32 exchange-mode=${view.exchangeMode} profile=${uid} passive=yes`,
    ...gatewayRemark(view.gatewayIdentity),
    ...keyLines(sign, view, keyRule, (word) => [
      `/ip ipsec identity add peer=${uid} auth-method=pre-shared-key secret=${word} my-id=${view.ownIdentity.type}:${view.ownIdentity.value} remote-id=auto generate-policy=no`,
    ]),
  ];
}

/** Names of the other end are compared in IKEv2 only. */
function gatewayRemark({ value }: Identity): string[] {
  return [say(sign, `The VPN gateway says it is ${value}. Here it is known by its address and the key.`)];
}

function phase2(view: PeerView): string[] {
  const { ipsec, uid } = view;
  const group = ipsec.pfsGroup === undefined ? "none" : groups[ipsec.pfsGroup];
  const algorithms = `enc-algorithms=${espEncryption[ipsec.encryption]} auth-algorithms=${ipsec.integrity}`;
  return [
    ...(group === undefined ? [lacks(sign, `DH group ${ipsec.pfsGroup} for PFS`)] : []),
    say(
      sign,
      `RouterOS has no lifetime by volume in phase 2; the VPN gateway renews the SA after ${ipsec.lifetimeKilobytes} KB.`,
    ),
    `/ip ipsec proposal add name=${uid} ${algorithms} lifetime=${ipsec.lifetimeSeconds}s pfs-group=${group ?? "none"}`,
    ...view.pairs.map(
      ({ own, cloud }) =>
        `/ip ipsec policy add peer=${uid} tunnel=yes src-address=${cidr(own)} dst-address=${cidr(cloud)} action=encrypt level=unique ipsec-protocols=esp proposal=${uid}`,
    ),
  ];
}
