// strongSwan 5.9: a swanctl.conf that is complete as it stands (https://docs.strongswan.org/docs/5.9/swanctl/swanctlConf.html). The
// text is proved with a real charon in test/dataplane/peer-config.test.ts.
import type { DhGroup, Identity, IkeEncryption, Integrity, IpsecEncryption } from "../../vpn/algorithms.ts";
import type { NetworkPair, PeerView } from "../peer-view.ts";
import { attention, cidr, closing, type KeyRule, keyLines, opening, say } from "../script.ts";
import { swanctlSecret } from "../swanctl-text.ts";
import type { Vendor } from "../vendor.ts";

const sign = "#";

/** https://docs.strongswan.org/docs/5.9/config/proposals.html */
const encryption: Record<IpsecEncryption | IkeEncryption, string> = {
  "3des": "3des",
  aes128: "aes128",
  aes192: "aes192",
  aes256: "aes256",
  des: "des",
  null: "null",
};
const integrity: Record<Integrity, string> = { md5: "md5", sha1: "sha1" };
const groups: Record<DhGroup, string> = {
  1: "modp768",
  2: "modp1024",
  5: "modp1536",
  14: "modp2048",
  24: "modp2048s256",
};

const keyRule: KeyRule = { write: swanctlSecret, takes: "anything" };

export const strongswan: Vendor = {
  vendor: "strongswan",
  platform: "swanctl",
  software: "5.9",
  defaultInterface: "eth0",
  write: (view) => [
    ...opening(sign, view, "strongSwan 5.9"),
    say(sign, "Save it as /etc/swanctl/swanctl.conf, or in /etc/swanctl/conf.d, and run `swanctl --load-all`."),
    ...aggressiveRemark(view),
    ...weakRemark(view),
    "",
    "connections {",
    ...indent([`${view.uid} {`, ...indent(connection(view)), "}"]),
    "}",
    "",
    "secrets {",
    ...indent([`ike-${view.uid} {`, ...indent(secret(view)), "}"]),
    "}",
    "",
    say(
      sign,
      "The firewall has to let forwarded packets through that come out of the tunnel or go into it. A rule that leaves",
    ),
    say(
      sign,
      `tunnelled packets untranslated: iptables -t nat -I POSTROUTING -o ${view.interfaceName} -m policy --dir out --pol ipsec -j ACCEPT`,
    ),
    ...closing(sign, view, {
      mss: (bytes) => `iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss ${bytes}`,
    }),
  ],
};

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** As a responder strongSwan refuses aggressive mode with a pre-shared key unless its operator insists. */
function aggressiveRemark({ exchangeMode }: PeerView): string[] {
  if (exchangeMode === "main") return [];
  return [
    attention(
      sign,
      "strongSwan answers aggressive mode with a pre-shared key only if strongswan.conf has, besides the rest:",
    ),
    ...["charon {", "  i_dont_care_about_security_and_use_aggressive_mode_psk = yes", "}"].map((line) =>
      say(sign, `  ${line}`),
    ),
  ];
}

/** DES is no part of OpenSSL 3's default provider. */
function weakRemark({ ike, ipsec }: PeerView): string[] {
  if (ike.encryption !== "des" && ipsec.encryption !== "des") return [];
  return [attention(sign, "DES needs strongSwan's des plugin, or OpenSSL's legacy provider (legacy.so).")];
}

/** This end renews at 90 % of the lifetimes, the VPN gateway at 70 %: both at once would lose the tunnel (docs/dev/data-plane.md). */
function connection(view: PeerView): string[] {
  const { ike, exchangeMode } = view;
  const renewal = share(ike.lifetimeSeconds, 90);
  return [
    "version = 1",
    `aggressive = ${exchangeMode === "aggressive" ? "yes" : "no"}`,
    say(sign, "Behind a NAT: the host's own address, or %any."),
    `local_addrs = ${view.ownAddress}`,
    `remote_addrs = ${view.gatewayAddress}`,
    `proposals = ${encryption[ike.encryption]}-${integrity[ike.integrity]}-${groups[ike.dhGroup]}`,
    say(sign, `IKE SA lifetime: ${ike.lifetimeSeconds} s. This end renews at 90 %, the VPN gateway at 70 %.`),
    `rekey_time = ${renewal}`,
    `over_time = ${ike.lifetimeSeconds - renewal}`,
    `rand_time = ${share(ike.lifetimeSeconds, 5)}`,
    "dpd_delay = 30",
    "dpd_timeout = 120",
    ...block("local", ["auth = psk", `id = ${identity(view.ownIdentity)}`]),
    ...block("remote", ["auth = psk", `id = ${identity(view.gatewayIdentity)}`]),
    ...block(
      "children",
      view.pairs.flatMap((pair, index) => block(`${view.uid}-${index + 1}`, child(view, pair))),
    ),
  ];
}

/** Nothing starts by itself: the VPN gateway does, and two that begin make two IKE_SAs. */
function child({ ipsec }: PeerView, { own, cloud }: NetworkPair): string[] {
  const pfs = ipsec.pfsGroup === undefined ? "" : `-${groups[ipsec.pfsGroup]}`;
  const bytes = ipsec.lifetimeKilobytes * 1_000;
  return [
    "mode = tunnel",
    `local_ts = ${cidr(own)}`,
    `remote_ts = ${cidr(cloud)}`,
    `esp_proposals = ${encryption[ipsec.encryption]}-${integrity[ipsec.integrity]}${pfs}`,
    `life_time = ${ipsec.lifetimeSeconds}`,
    `rekey_time = ${share(ipsec.lifetimeSeconds, 90)}`,
    `rand_time = ${share(ipsec.lifetimeSeconds, 5)}`,
    `life_bytes = ${bytes}`,
    `rekey_bytes = ${share(bytes, 90)}`,
    `rand_bytes = ${share(bytes, 5)}`,
    "start_action = none",
    "dpd_action = clear",
  ];
}

/**
 * charon looks for a key by identity where it knows it, and by address where it does not yet (main mode). The own identity tells keys
 * for one VPN gateway apart.
 */
function secret(view: PeerView): string[] {
  const owners = [...new Set([view.gatewayAddress, ...[view.gatewayIdentity, view.ownIdentity].map(identity)])];
  return [
    ...owners.map((owner, index) => `id-${index + 1} = ${owner}`),
    ...keyLines(sign, view, keyRule, (word) => [`secret = ${word}`]),
  ];
}

function block(name: string, lines: readonly string[]): string[] {
  return [`${name} {`, ...indent(lines), "}"];
}

/** With `@` in front everything is a name, also what looks like an address. */
function identity({ type, value }: Identity): string {
  return type === "fqdn" ? `@${value}` : value;
}

/** charon takes whole numbers only. */
function share(whole: number, percent: number): number {
  return Math.floor((whole * percent) / 100);
}
