// Juniper SRX (Junos 21.4): a route-based VPN with traffic selectors, which make one pair of SAs each and install the routes. Statements
// as in Juniper's hierarchy of [edit security ike] and [edit security ipsec].
import type { Identity, IkeEncryption, Integrity } from "../../vpn/algorithms.ts";
import type { PeerView } from "../peer-view.ts";
import {
  cidr,
  closing,
  doubtNames,
  fitTo,
  isPlain,
  type KeyRule,
  keyLines,
  lacks,
  numberIn,
  opening,
  say,
  toHex,
} from "../script.ts";
import type { Vendor } from "../vendor.ts";

const sign = "#";

const encryption: Record<IkeEncryption, string> = {
  "3des": "3des-cbc",
  aes128: "aes-128-cbc",
  aes192: "aes-192-cbc",
  aes256: "aes-256-cbc",
  des: "des-cbc",
};
const espHash: Record<Integrity, string> = { md5: "hmac-md5-96", sha1: "hmac-sha1-96" };

/** Hexadecimal digits that a key may have. */
const longestHex = 255;

/** What begins with $9$ counts as a key that has been scrambled already. */
const keyRule: KeyRule = {
  write: (key) => {
    if (isPlain(key, '"\\?') && !key.startsWith("$")) return `ascii-text "${key}"`;
    const hex = toHex(key);
    return hex.length <= longestHex ? `hexadecimal ${hex}` : undefined;
  },
  takes: `printable ASCII, or anything of at most ${Math.floor(longestHex / 2)} bytes`,
};

export const juniperSrx: Vendor = {
  vendor: "juniper",
  platform: "srx",
  software: "21.4",
  defaultInterface: "ge-0/0/0.0",
  write: (view) => [
    ...opening(sign, view, "Juniper SRX, Junos 21.4"),
    say(sign, "In configuration mode: `load set terminal`, paste, Ctrl-D, `commit`."),
    ...ikeStatements(view),
    ...ipsecStatements(view),
    say(
      sign,
      "Still to do, with the names of your zones: IKE has to be let in, and policies have to let packets pass both ways.",
    ),
    say(
      sign,
      `  set security zones security-zone untrust interfaces ${view.interfaceName} host-inbound-traffic system-services ike`,
    ),
    say(
      sign,
      "  set security policies from-zone trust to-zone cloud policy out match source-address any destination-address any application any",
    ),
    say(sign, "  set security policies from-zone trust to-zone cloud policy out then permit"),
    say(
      sign,
      "  set security policies from-zone cloud to-zone trust policy in match source-address any destination-address any application any",
    ),
    say(sign, "  set security policies from-zone cloud to-zone trust policy in then permit"),
    ...closing(sign, view, { mss: (bytes) => `set security flow tcp-mss ipsec-vpn mss ${bytes}` }),
  ],
};

function ikeStatements(view: PeerView): string[] {
  const { ike, uid } = view;
  const [proposal, policy, gateway] = ["proposal", "policy", "gateway"].map(
    (what) => `set security ike ${what} ${uid}`,
  );
  const lifetime = fitTo(sign, "IKE SA lifetime in seconds", ike.lifetimeSeconds, [180, 86_400]);
  return [
    `${proposal} authentication-method pre-shared-keys`,
    `${proposal} encryption-algorithm ${encryption[ike.encryption]}`,
    `${proposal} authentication-algorithm ${ike.integrity}`,
    `${proposal} dh-group group${ike.dhGroup}`,
    ...lifetime.remarks,
    `${proposal} lifetime-seconds ${lifetime.value}`,
    ...doubtNames(sign, view),
    `${policy} mode ${view.exchangeMode}`,
    `${policy} proposals ${uid}`,
    ...keyLines(sign, view, keyRule, (word) => [`${policy} pre-shared-key ${word}`]),
    `${gateway} ike-policy ${uid}`,
    `${gateway} address ${view.gatewayAddress}`,
    `${gateway} version v1-only`,
    `${gateway} external-interface "${view.interfaceName}"`,
    `${gateway} local-identity ${identity(view.ownIdentity)}`,
    `${gateway} remote-identity ${identity(view.gatewayIdentity)}`,
    `${gateway} dead-peer-detection always-send`,
    `${gateway} dead-peer-detection interval 30`,
    `${gateway} dead-peer-detection threshold 4`,
  ];
}

function identity({ type, value }: Identity): string {
  return type === "fqdn" ? `hostname ${value}` : `inet ${value}`;
}

function ipsecStatements(view: PeerView): string[] {
  const { ipsec, uid } = view;
  const [proposal, policy, vpn] = ["proposal", "policy", "vpn"].map((what) => `set security ipsec ${what} ${uid}`);
  const tunnel = `st0.${numberIn(view, 100, 9_000)}`;
  const seconds = fitTo(sign, "IPsec SA lifetime in seconds", ipsec.lifetimeSeconds, [180, 86_400]);
  const kilobytes = fitTo(sign, "IPsec SA lifetime in kilobytes", ipsec.lifetimeKilobytes, [64, 4_294_967_294]);
  return [
    `${proposal} protocol esp`,
    ipsec.encryption === "null"
      ? lacks(sign, "ESP without encryption (null)")
      : `${proposal} encryption-algorithm ${encryption[ipsec.encryption]}`,
    `${proposal} authentication-algorithm ${espHash[ipsec.integrity]}`,
    ...seconds.remarks,
    `${proposal} lifetime-seconds ${seconds.value}`,
    ...kilobytes.remarks,
    `${proposal} lifetime-kilobytes ${kilobytes.value}`,
    ...(ipsec.pfsGroup === undefined ? [] : [`${policy} perfect-forward-secrecy keys group${ipsec.pfsGroup}`]),
    `${policy} proposals ${uid}`,
    `${vpn} bind-interface ${tunnel}`,
    `${vpn} ike gateway ${uid}`,
    `${vpn} ike ipsec-policy ${uid}`,
    ...view.pairs.map(
      ({ own, cloud }, index) =>
        `${vpn} traffic-selector ts${index + 1} local-ip ${cidr(own)} remote-ip ${cidr(cloud)}`,
    ),
    `${vpn} establish-tunnels on-traffic`,
    `set interfaces st0 unit ${tunnel.slice("st0.".length)} family inet`,
    `set security zones security-zone cloud interfaces ${tunnel}`,
  ];
}
