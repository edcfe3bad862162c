// Fortinet FortiOS 7.4: a route-based tunnel, one phase 2 for each pair of networks, and the routes. Entries as in Fortinet's CLI
// Reference, `config vpn ipsec phase1-interface` and `phase2-interface`.
import type { DhGroup, IpsecEncryption } from "../../vpn/algorithms.ts";
import { distinctNetworks } from "../../vpn/spd.ts";
import type { NetworkPair, PeerView } from "../peer-view.ts";
import {
  attention,
  closing,
  doubtNames,
  fitTo,
  isPlain,
  type KeyRule,
  keyLines,
  lacks,
  opening,
  say,
  toHex,
  withNetmask,
} from "../script.ts";
import type { Vendor } from "../vendor.ts";

const sign = "#";

/** Together with the hash: `aes256-sha1`. */
const encryption: Record<IpsecEncryption, string> = {
  "3des": "3des",
  aes128: "aes128",
  aes192: "aes192",
  aes256: "aes256",
  des: "des",
  null: "null",
};
const knownGroups: readonly DhGroup[] = [1, 2, 5, 14];
const lifetimeRange = [120, 172_800] as const;
const longestLocalId = 63;

/** What begins with 0x is read as hexadecimal, and what begins with ENC as encrypted. */
const keyRule: KeyRule = {
  write: (key) => {
    if (Buffer.byteLength(key) < 6) return undefined;
    return isPlain(key, '"\\?') && !/^(?:0x|ENC)/i.test(key) ? `"${key}"` : `0x${toHex(key)}`;
  },
  takes: "at least 6 characters",
};

export const fortinetFortios: Vendor = {
  vendor: "fortinet",
  platform: "fortios",
  software: "7.4",
  defaultInterface: "wan1",
  write: (view) => [
    ...opening(sign, view, "FortiOS 7.4"),
    "config vpn ipsec phase1-interface",
    ...entry(view.uid, phase1(view)),
    "end",
    ...phase2Entries(view),
    "config router static",
    ...distinctNetworks(view.pairs.map(({ cloud }) => withNetmask(cloud))).flatMap((network) => [
      "    edit 0",
      ...indent([`set dst ${network}`, `set device "${view.uid}"`]),
      "    next",
    ]),
    "end",
    say(
      sign,
      `Still to do: two firewall policies, from the inside interface to "${view.uid}" and back, action accept, nat disable.`,
    ),
    ...closing(sign, view, {
      mss: (bytes) => `set tcp-mss-sender ${bytes} and set tcp-mss-receiver ${bytes} in both policies.`,
    }),
  ],
};

function phase2Entries(view: PeerView): string[] {
  const { remarks, lines } = phase2(view);
  return [
    ...remarks,
    "config vpn ipsec phase2-interface",
    ...view.pairs.flatMap((pair, index) => entry(`${view.uid}-${index + 1}`, [...lines, ...networks(pair)])),
    "end",
  ];
}

function entry(name: string, lines: readonly string[]): string[] {
  return [`    edit "${name}"`, ...indent(lines), "    next"];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `        ${line}`);
}

function phase1(view: PeerView): string[] {
  const { ike } = view;
  const lifetime = fitTo(sign, "IKE SA lifetime in seconds", ike.lifetimeSeconds, lifetimeRange);
  return [
    `set interface "${view.interfaceName}"`,
    "set ike-version 1",
    `set mode ${view.exchangeMode}`,
    `set remote-gw ${view.gatewayAddress}`,
    ...doubtNames(sign, view),
    ...ownIdentity(view),
    ...gatewayIdentity(view),
    `set proposal ${encryption[ike.encryption]}-${ike.integrity}`,
    knownGroups.includes(ike.dhGroup) ? `set dhgrp ${ike.dhGroup}` : lacks(sign, `DH group ${ike.dhGroup}`),
    ...lifetime.remarks,
    `set keylife ${lifetime.value}`,
    "set nattraversal enable",
    "set dpd on-idle",
    "set dpd-retrycount 4",
    "set dpd-retryinterval 30",
    ...keyLines(sign, view, keyRule, (word) => [`set psksecret ${word}`]),
  ];
}

function ownIdentity({ ownIdentity: { type, value } }: PeerView): string[] {
  if (value.length > longestLocalId) {
    return [
      attention(
        sign,
        `a local name has ${longestLocalId} characters at most here; ${value} has more: give the channel another.`,
      ),
    ];
  }
  return [`set localid-type ${type}`, `set localid "${value}"`];
}

/** A peer's name is asked for in aggressive mode only. */
function gatewayIdentity({ gatewayIdentity: { type, value }, exchangeMode }: PeerView): string[] {
  if (type === "fqdn" && exchangeMode === "aggressive") return ["set peertype one", `set peerid "${value}"`];
  return [
    say(sign, `The VPN gateway says it is ${value}. Here it is known by its address and the key.`),
    "set peertype any",
  ];
}

/** Phase 2 without its networks, and what has to be said of it once. */
function phase2({ ipsec, uid }: PeerView): { remarks: readonly string[]; lines: readonly string[] } {
  const { encryption: cipher, integrity, pfsGroup } = ipsec;
  const seconds = fitTo(sign, "IPsec SA lifetime in seconds", ipsec.lifetimeSeconds, lifetimeRange);
  const kilobytes = fitTo(sign, "IPsec SA lifetime in kilobytes", ipsec.lifetimeKilobytes, [5_120, 4_294_967_295]);
  const isKnown = pfsGroup === undefined || knownGroups.includes(pfsGroup);
  const pfs = pfsGroup === undefined ? ["set pfs disable"] : ["set pfs enable"];
  return {
    remarks: [
      ...(isKnown ? [] : [lacks(sign, `DH group ${pfsGroup} for PFS`)]),
      ...seconds.remarks,
      ...kilobytes.remarks,
    ],
    lines: [
      `set phase1name "${uid}"`,
      `set proposal ${encryption[cipher]}-${integrity}`,
      ...pfs,
      ...(isKnown && pfsGroup !== undefined ? [`set dhgrp ${pfsGroup}`] : []),
      "set keylife-type both",
      `set keylifeseconds ${seconds.value}`,
      `set keylifekbs ${kilobytes.value}`,
    ],
  };
}

function networks({ own, cloud }: NetworkPair): string[] {
  return [`set src-subnet ${withNetmask(own)}`, `set dst-subnet ${withNetmask(cloud)}`];
}
