// IPv4 addresses and networks as numbers: parsing, normalising, containment, overlap. Pure.
import ipaddr from "ipaddr.js";

/** An IPv4 network. `first` and `last` are unsigned 32-bit numbers; host bits are gone. */
export interface Network {
  readonly first: number;
  readonly last: number;
  /** 0-32. */
  readonly prefixLength: number;
}

/** Dotted decimal with four parts only: no octal, no hex, no shorthand. undefined when it is anything else. */
export function parseAddress(text: string): number | undefined {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(text).octets;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

const cidrPattern = /^([0-9.]{7,15})\/(0|[1-9]|[12][0-9]|3[0-2])$/;

/** Reads `a.b.c.d/n`, with or without host bits (api-v2.md 3.3). undefined when it is anything else. */
export function parseNetwork(text: string): Network | undefined {
  const match = cidrPattern.exec(text);
  const address = match?.[1] === undefined ? undefined : parseAddress(match[1]);
  if (address === undefined) return undefined;
  return networkAt(address, Number(match?.[2]));
}

/** The network of a given length that an address lies in. */
export function networkAt(address: number, prefixLength: number): Network {
  const size = 2 ** (32 - prefixLength);
  const first = address - (address % size);
  return { first, last: first + size - 1, prefixLength };
}

export function formatNetwork(network: Network): string {
  return `${formatAddress(network.first)}/${network.prefixLength}`;
}

export function contains(outer: Network, inner: Network): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

export function overlap(a: Network, b: Network): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Two of the networks that overlap. They either nest or are apart, so in the order of their first address only neighbours can. */
export function findOverlap(networks: readonly Network[]): [Network, Network] | undefined {
  const sorted = networks.toSorted((a, b) => a.first - b.first || b.last - a.last);
  for (const [index, network] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && overlap(network, next)) return [network, next];
  }
  return undefined;
}

/** Reads a network that the program itself wrote: anything else is a fault of ours. */
export function storedNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (network === undefined) throw new TypeError(`not a network: ${text}`);
  return network;
}

/** The netmasks of all lengths from 0 to 32, as 32-bit numbers. An address under each of them is where a network around it begins. */
export const netmasks: readonly number[] = Array.from({ length: 33 }, (_, length) => 2 ** 32 - 2 ** (32 - length));

const reserved = [
  ["0.0.0.0/8", "the unspecified network"],
  ["127.0.0.0/8", "loopback"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved and broadcast"],
] as const;

/** What makes a network unfit as either end of an SPD (api-v2.md 9.4), in words; undefined when it is fit. */
export function reservedReason(network: Network): string | undefined {
  if (network.prefixLength === 0) return "it is every address there is";
  return reserved.find(([text]) => overlap(storedNetwork(text), network))?.[1];
}
