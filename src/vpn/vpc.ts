// A private network: which address blocks it may have (api-v2.md 7.1), and which of its addresses gateways take. Pure.
import { ApiError } from "../errors.ts";
import { contains, formatAddress, type Network, parseNetwork, storedNetwork } from "./network.ts";

const allowed = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(storedNetwork);

/**
 * Reads a VPC's block: /16 to /28 inside 10/8, 172.16/12 or 192.168/16; host bits are cut off.
 * @throws ApiError vpc-cidr-invalid
 */
export function readVpcCidr(text: string): Network {
  const network = parseNetwork(text);
  const refuse = (why: string) => new ApiError("vpc-cidr-invalid", why, { field: "cidr" });
  if (network === undefined) throw refuse("a network such as 10.0.0.0/16 is expected");
  if (!isBlockLength(network.prefixLength)) throw refuse(`the mask of ${text} must be /16 to /28`);
  if (!allowed.some((block) => contains(block, network))) {
    throw refuse(`${text} must lie inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16`);
  }
  return network;
}

/** Whether a VPC, or a subnet of one, may have a block of this length: /16 to /28. */
export function isBlockLength(prefixLength: number): boolean {
  return prefixLength >= 16 && prefixLength <= 28;
}

/** How many VPN gateways a VPC can hold at most, whatever the quota: the addresses that gatewayAddress can give. */
export const maxGatewaySlots = 12;

/**
 * The address of a VPC's n-th gateway (from 0) inside the VPC. The first gateway has the first address, as hosts expect of their
 * router; the second address belongs to the laboratory's host; further gateways take addresses from the end, downwards.
 */
export function gatewayAddress(vpcCidr: string, slot: number): string {
  const { first, last } = storedNetwork(vpcCidr);
  return formatAddress(slot === 0 ? first + 1 : last - slot);
}
