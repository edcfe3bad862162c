// H3C Comware 7: an IPsec policy with an IKE profile and a keychain of its own. Commands as in H3C's Security Command Reference (IPsec
// commands, IKE commands). The published sample's `sa Lifetime` is `sa duration` on a device.
import type { Integrity, IpsecEncryption } from "../../vpn/algorithms.ts";
import type { PeerView } from "../peer-view.ts";
import {
  closing,
  doubtNames,
  isPlain,
  type KeyRule,
  keyLines,
  numberIn,
  opening,
  plainWord,
  say,
  withWildcard,
} from "../script.ts";
import type { Vendor } from "../vendor.ts";

const sign = "#";
const policy = "culvert";

/** The same words in `ike proposal` and `ipsec transform-set`; null in the latter only. */
const encryption: Record<IpsecEncryption, string> = {
  "3des": "3des-cbc",
  aes128: "aes-cbc-128",
  aes192: "aes-cbc-192",
  aes256: "aes-cbc-256",
  des: "des-cbc",
  null: "null",
};
const ikeHash: Record<Integrity, string> = { md5: "md5", sha1: "sha" };

/** A blank ends the key, and `?` asks for help. */
const keyRule: KeyRule = {
  write: (key) => (isPlain(key, ' ?"\\') ? key : undefined),
  takes: plainWord,
};

export const h3cComware: Vendor = {
  vendor: "h3c",
  platform: "comware",
  software: "V1.0",
  defaultInterface: "GigabitEthernet0/0",
  write: (view) => [
    ...opening(sign, view, "H3C Comware 7"),
    "system-view",
    sign,
    ...keychain(view),
    ...ikeProposal(view),
    ...ikeProfile(view),
    "ike invalid-spi-recovery enable",
    sign,
    ...ipsecPolicy(view),
    sign,
    ...closing(sign, view, { mss: (bytes) => `tcp mss ${bytes} on ${view.interfaceName}.` }),
  ],
};

/** Comware looks for the key by address, and by name where aggressive mode tells one. */
function keychain(view: PeerView): string[] {
  const { gatewayIdentity } = view;
  const hosts = [`address ${view.gatewayAddress} 255.255.255.255`];
  if (gatewayIdentity.type === "fqdn") hosts.push(`hostname ${gatewayIdentity.value}`);
  const key = keyLines(sign, view, keyRule, (word) =>
    hosts.map((host) => ` pre-shared-key ${host} key simple ${word}`),
  );
  return [`ike keychain ${view.uid}`, ...key, " quit", sign];
}

/** Ranges and words of the contract are Comware's own (api-v2.md 4.2): everything fits. */
function ikeProposal(view: PeerView): string[] {
  const { ike } = view;
  return [
    `ike proposal ${numberIn(view, 100, 9_000)}`,
    " authentication-method pre-share",
    ` encryption-algorithm ${encryption[ike.encryption]}`,
    ` authentication-algorithm ${ikeHash[ike.integrity]}`,
    ` dh group${ike.dhGroup}`,
    ` sa duration ${ike.lifetimeSeconds}`,
    " quit",
    sign,
  ];
}

function ikeProfile(view: PeerView): string[] {
  const { ownIdentity, gatewayIdentity } = view;
  const mask = gatewayIdentity.type === "address" ? " 255.255.255.255" : "";
  return [
    `ike profile ${view.uid}`,
    ` keychain ${view.uid}`,
    ` proposal ${numberIn(view, 100, 9_000)}`,
    ...doubtNames(sign, view),
    ` exchange-mode ${view.exchangeMode}`,
    ` local-identity ${ownIdentity.type} ${ownIdentity.value}`,
    ` match remote identity ${gatewayIdentity.type} ${gatewayIdentity.value}${mask}`,
    " dpd interval 30 retry 5 periodic",
    " quit",
    sign,
  ];
}

function ipsecPolicy(view: PeerView): string[] {
  const { ipsec, uid } = view;
  return [
    `ipsec transform-set ${uid}`,
    " protocol esp",
    " encapsulation-mode tunnel",
    ` esp encryption-algorithm ${encryption[ipsec.encryption]}`,
    ` esp authentication-algorithm ${ipsec.integrity}`,
    ...(ipsec.pfsGroup === undefined ? [] : [` pfs dh-group${ipsec.pfsGroup}`]),
    " quit",
    sign,
    `acl advanced name ${uid}`,
    ...view.pairs.map(
      ({ own, cloud }) => ` rule permit ip source ${withWildcard(own)} destination ${withWildcard(cloud)}`,
    ),
    " quit",
    sign,
    say(sign, "An interface has one IPsec policy. If yours has one, add this entry to it under a free number."),
    `ipsec policy ${policy} ${numberIn(view, 1, 65_535)} isakmp`,
    ` transform-set ${uid}`,
    ` security acl name ${uid}`,
    ` remote-address ${view.gatewayAddress}`,
    ` ike-profile ${uid}`,
    ` sa duration time-based ${ipsec.lifetimeSeconds}`,
    ` sa duration traffic-based ${ipsec.lifetimeKilobytes}`,
    " quit",
    sign,
    `interface ${view.interfaceName}`,
    ` ipsec apply policy ${policy}`,
    " quit",
  ];
}
