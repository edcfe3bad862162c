// What the texts for all devices have in common: remarks, the opening and the hints at the end, ranges, and how a pre-shared key comes
// into a line. Pure.
import { formatAddress, netmasks } from "../vpn/network.ts";
import type { NetworkPair, PeerView } from "./peer-view.ts";

/** What begins a line that the device does not read. */
export type Sign = "!" | "#";

/** Stands before everything that the device cannot do as the channel asks, and that a person has to look at. */
const attentionWord = "ATTENTION:";

export function say(sign: Sign, text: string): string {
  return `${sign} ${text}`;
}

export function attention(sign: Sign, text: string): string {
  return say(sign, `${attentionWord} ${text}`);
}

/** The first lines: which channel, which device, who is where, and what has to be let in. */
export function opening(sign: Sign, view: PeerView, device: string): string[] {
  return [
    say(sign, `VPN channel ${view.uid}, for ${device}.`),
    say(
      sign,
      `This device is ${view.ownAddress}; the VPN gateway is ${view.gatewayAddress}, and it begins the negotiation.`,
    ),
    say(
      sign,
      `Let UDP 500 and 4500 of ${view.gatewayAddress} in. ESP comes inside UDP 4500: NAT traversal has to stay on.`,
    ),
  ];
}

/** Bytes of the largest packet that the VPN gateway's tunnel interface takes, and the TCP payload in it. */
const tunnelMtu = 1_400;
const tunnelMss = tunnelMtu - 40;

/** The last lines: what a tunnel that is up may still fail of. `mss` is the device's command for the segment size. */
export function closing(sign: Sign, view: PeerView, { mss }: { readonly mss: (bytes: number) => string }): string[] {
  return [
    say(sign, "If this device translates addresses (NAT), leave out what is for the cloud:"),
    ...view.pairs.map(({ own, cloud }) => say(sign, `  from ${cidr(own)} to ${cidr(cloud)}`)),
    say(sign, `Packets of more than ${tunnelMtu} bytes do not fit the tunnel. For TCP: ${mss(tunnelMss)}`),
  ];
}

export function cidr({ first, prefixLength }: NetworkPair["own"]): string {
  return `${formatAddress(first)}/${prefixLength}`;
}

/** `10.0.0.0 255.255.0.0` */
export function withNetmask({ first, prefixLength }: NetworkPair["own"]): string {
  return `${formatAddress(first)} ${formatAddress(netmasks[prefixLength] ?? 0)}`;
}

/** `10.0.0.0 0.0.255.255`: the mask of an access list, 1 where any bit will do. */
export function withWildcard({ first, last }: NetworkPair["own"]): string {
  return `${formatAddress(first)} ${formatAddress(last - first)}`;
}

/** A number for this channel in a range of the device's. Two channels share one only if their ids are `count` apart. */
export function numberIn(view: PeerView, first: number, count: number): number {
  return first + ((view.number - 1) % count);
}

/** What a device takes for a value, and the line that says so when it is not the channel's. */
export interface Fitted {
  readonly value: number;
  readonly remarks: readonly string[];
}

/**
 * The nearest value that the device takes. The shorter lifetime of both ends renews the SA; but a device may refuse one that is longer
 * than its own.
 */
export function fitTo(sign: Sign, what: string, wanted: number, [low, high]: readonly [number, number]): Fitted {
  const value = Math.min(Math.max(wanted, low), high);
  if (value === wanted) return { value, remarks: [] };
  const reason = `the channel has ${wanted}, this device takes ${low} to ${high}. Best give the channel one in that range.`;
  return { value, remarks: [attention(sign, `${what}: ${reason}`)] };
}

/** Says that the device has not what the channel asks for. */
export function lacks(sign: Sign, what: string): string {
  return attention(sign, `this device has no ${what}. The tunnel cannot come up until the channel has another.`);
}

/** In main mode a pre-shared key belongs to an address (RFC 2409 5.4), so some devices refuse names there. */
export function doubtNames(sign: Sign, { exchangeMode, ownIdentity, gatewayIdentity }: PeerView): string[] {
  const hasName = ownIdentity.type === "fqdn" || gatewayIdentity.type === "fqdn";
  if (!hasName || exchangeMode === "aggressive") return [];
  return [attention(sign, "some releases take names in aggressive mode only. If so, change the mode at both ends.")];
}

const keyPlaceholder = "PRE-SHARED-KEY";

export interface KeyRule {
  /** The key as it stands in the device's command, quoted where need be; undefined when the command cannot carry it. */
  readonly write: (key: string) => string | undefined;
  /** What the command can carry: "1 to 128 …". */
  readonly takes: string;
}

/**
 * The commands that hold the pre-shared key. Without a key that can be written they become remarks, so that nobody pastes a
 * placeholder that the whole world knows.
 */
export function keyLines(
  sign: Sign,
  view: PeerView,
  rule: KeyRule,
  lines: (word: string) => readonly string[],
): string[] {
  const key = view.preSharedKey?.reveal();
  const word = key === undefined ? undefined : rule.write(key);
  if (word !== undefined) return [...lines(word)];
  const reason =
    key === undefined
      ? `the pre-shared key is not shown to a read-only API key. Put it in place of ${keyPlaceholder}, and take the ${sign} away.`
      : `this command takes ${rule.takes}, and the channel's pre-shared key is not so. Give the channel another key.`;
  return [attention(sign, reason), ...lines(keyPlaceholder).map((line) => say(sign, line))];
}

/** What a command can carry that knows no quotes. In words: some devices answer a question mark, even in a remark. */
export const plainWord = "printable ASCII without blanks, question marks, quotation marks and backslashes";

/** Whether a text is of printable ASCII only, without any of `forbidden`. */
export function isPlain(text: string, forbidden: string): boolean {
  return /^[\x20-\x7e]+$/.test(text) && ![...forbidden].some((sign) => text.includes(sign));
}

/** The bytes of a text in UTF-8, as charon has them, in hexadecimal. */
export function toHex(text: string): string {
  return Buffer.from(text, "utf8").toString("hex");
}
