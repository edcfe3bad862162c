// A peer gateway: the record of the far end's public address. Which addresses it may have: api-v2.md 9.5. Pure.
import { refuseField } from "../errors.ts";
import { formatAddress, networkAt, overlap, parseAddress, storedNetwork } from "./network.ts";

const refused = [
  ["0.0.0.0/8", "the unspecified network"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved and broadcast"],
] as const;

const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/**
 * Reads a peer's address and gives it in its one spelling.
 * @throws ApiError parameter-invalid, naming field `address`
 */
export function readPeerAddress(text: string, options: { allowPrivate: boolean }): string {
  const address = parseAddress(text);
  if (address === undefined) throw refuseField("address", "an IPv4 address in dotted decimal is expected");
  const host = networkAt(address, 32);
  const reason = refused.find(([network]) => overlap(storedNetwork(network), host))?.[1];
  if (reason !== undefined) throw refuseField("address", `${text} is a ${reason} address; a peer cannot have it`);
  const { first, last } = networkAt(address, classLength(address));
  if (address === first || address === last) {
    throw refuseField("address", `${text} is a network or broadcast address by its class; a peer cannot have it`);
  }
  const isPrivate = privateNetworks.some((network) => overlap(storedNetwork(network), host));
  if (isPrivate && !options.allowPrivate) {
    throw refuseField("address", `${text} is a private address; this server takes public ones only`);
  }
  return formatAddress(address);
}

/** Prefix length of the network an address belonged to before CIDR: class A 8, B 16, C 24. */
function classLength(address: number): number {
  const firstOctet = address >>> 24;
  if (firstOctet < 128) return 8;
  return firstOctet < 192 ? 16 : 24;
}
