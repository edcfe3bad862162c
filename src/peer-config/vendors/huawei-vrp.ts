// Huawei AR routers (VRP, V200R010): an IPsec policy with an IKE peer of its own. Commands as in Huawei's AR Command Reference (IPSec
// configuration commands).
import type { DhGroup, Integrity, IpsecEncryption } from "../../vpn/algorithms.ts";
import type { PeerView } from "../peer-view.ts";
import {
  attention,
  closing,
  doubtNames,
  fitTo,
  isPlain,
  type KeyRule,
  keyLines,
  lacks,
  numberIn,
  opening,
  plainWord,
  say,
  withWildcard,
} from "../script.ts";
import type { Vendor } from "../vendor.ts";

const sign = "#";
const policy = "culvert";

/** The same words in `ike proposal` and `ipsec proposal`. */
const encryption: Record<Exclude<IpsecEncryption, "null">, string> = {
  "3des": "3des",
  aes128: "aes-128",
  aes192: "aes-192",
  aes256: "aes-256",
  des: "des",
};
const hash: Record<Integrity, string> = { md5: "md5", sha1: "sha1" };
const knownGroups: readonly DhGroup[] = [1, 2, 5, 14];

/** A blank ends the key, `?` asks for help, and what stands between %^%#, %$%$ or %@%@ counts as encrypted. */
const keyRule: KeyRule = {
  write: (key) => (isPlain(key, ' ?"\\') && !key.startsWith("%") && key.length < 128 ? key : undefined),
  takes: `${plainWord}, at most 127 characters, not beginning with a percent sign`,
};

export const huaweiVrp: Vendor = {
  vendor: "huawei",
  platform: "vrp",
  software: "V200R010",
  defaultInterface: "GigabitEthernet0/0/1",
  write: (view) => [
    ...opening(sign, view, "Huawei AR, VRP V200R010"),
    "system-view",
    sign,
    ...accessList(view),
    ...ikeProposal(view),
    ...ikePeer(view),
    ...ipsecPolicy(view),
    sign,
    ...closing(sign, view, { mss: (bytes) => `tcp adjust-mss ${bytes} on the inside interface.` }),
  ],
};

const accessListNumber = (view: PeerView) => numberIn(view, 3_000, 1_000);
const proposalNumber = (view: PeerView) => numberIn(view, 1, 99);

function accessList(view: PeerView): string[] {
  return [
    say(
      sign,
      `If ACL ${accessListNumber(view)} is in use, take another from 3000 to 3999, here and in the IPsec policy.`,
    ),
    `acl number ${accessListNumber(view)}`,
    ...view.pairs.map(
      ({ own, cloud }) => ` rule permit ip source ${withWildcard(own)} destination ${withWildcard(cloud)}`,
    ),
    " quit",
    sign,
  ];
}

function ikeProposal(view: PeerView): string[] {
  const { ike } = view;
  return [
    say(sign, `If IKE proposal ${proposalNumber(view)} is in use, take another number, here and in the IKE peer.`),
    `ike proposal ${proposalNumber(view)}`,
    " authentication-method pre-share",
    ` encryption-algorithm ${encryption[ike.encryption]}`,
    ` authentication-algorithm ${hash[ike.integrity]}`,
    knownGroups.includes(ike.dhGroup) ? ` dh group${ike.dhGroup}` : lacks(sign, `DH group ${ike.dhGroup}`),
    ` sa duration ${ike.lifetimeSeconds}`,
    " quit",
    sign,
  ];
}

function ikePeer(view: PeerView): string[] {
  const { ownIdentity, gatewayIdentity } = view;
  const isNamed = ownIdentity.type === "fqdn";
  const localName = [
    attention(sign, "the next line sets the router's one name for all of its peers that know it by name."),
    `ike local-name ${ownIdentity.value}`,
    sign,
  ];
  return [
    ...(isNamed ? localName : []),
    `ike peer ${view.uid}`,
    " version 1",
    " undo version 2",
    ...doubtNames(sign, view),
    ` exchange-mode ${view.exchangeMode}`,
    ...keyLines(sign, view, keyRule, (word) => [` pre-shared-key cipher ${word}`]),
    ` ike-proposal ${proposalNumber(view)}`,
    ...(isNamed ? [" local-id-type fqdn"] : ownAddress(view)),
    ...(gatewayIdentity.value === view.gatewayAddress ? [] : [` remote-id ${gatewayIdentity.value}`]),
    ` remote-address ${view.gatewayAddress}`,
    " nat traversal",
    " dpd type periodic",
    " dpd idle-time 30",
    " dpd retransmit-interval 15",
    " quit",
    sign,
  ];
}

/** VRP says the address of the interface; it cannot be told another. */
function ownAddress({ ownIdentity: { value }, ownAddress, interfaceName }: PeerView): string[] {
  const doubt = `VRP says the address of ${interfaceName} in phase 1, and the VPN gateway expects ${value}.`;
  return [...(value === ownAddress ? [] : [attention(sign, doubt)]), " local-id-type ip"];
}

function ipsecPolicy(view: PeerView): string[] {
  const { ipsec, uid } = view;
  const kilobytes = fitTo(sign, "IPsec SA lifetime in kilobytes", ipsec.lifetimeKilobytes, [256, 200_000_000]);
  const isKnown = ipsec.pfsGroup === undefined || knownGroups.includes(ipsec.pfsGroup);
  const pfs = isKnown ? ` pfs dh-group${ipsec.pfsGroup}` : lacks(sign, `DH group ${ipsec.pfsGroup} for PFS`);
  return [
    `ipsec proposal ${uid}`,
    " transform esp",
    " encapsulation-mode tunnel",
    ` esp authentication-algorithm ${hash[ipsec.integrity]}`,
    ...(ipsec.encryption === "null"
      ? withoutEncryption
      : [` esp encryption-algorithm ${encryption[ipsec.encryption]}`]),
    " quit",
    sign,
    say(sign, "An interface has one IPsec policy. If yours has one, add this entry to it under a free number."),
    `ipsec policy ${policy} ${numberIn(view, 1, 10_000)} isakmp`,
    ` security acl ${accessListNumber(view)}`,
    ` ike-peer ${uid}`,
    ` proposal ${uid}`,
    ...(ipsec.pfsGroup === undefined ? [] : [pfs]),
    ` sa duration time-based ${ipsec.lifetimeSeconds}`,
    ...kilobytes.remarks,
    ` sa duration traffic-based ${kilobytes.value}`,
    " quit",
    sign,
    `interface ${view.interfaceName}`,
    ` ipsec policy ${policy}`,
    " quit",
  ];
}

const withoutEncryption = [
  attention(sign, "the next line means ESP without encryption (null); see `display ipsec proposal`."),
  " undo esp encryption-algorithm",
];
