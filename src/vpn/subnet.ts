// A subnet of a VPC: which block, name and zone it may have. api-v2.md 7.1, 7.6. Pure.
import { ApiError } from "../errors.ts";
import { contains, findOverlap, formatNetwork, type Network, parseNetwork } from "./network.ts";
import { requireName } from "./text.ts";
import { isBlockLength } from "./vpc.ts";

/** A subnet as a caller asks for it. */
export interface SubnetRequest {
  readonly name: string;
  readonly cidr: string;
  /** The zone that it is to be in: a number or a name. This service has no zones and keeps what it is told. */
  readonly zone: string;
}

const zonePattern = /^(?:[1-9][0-9]{0,8}|[a-z][a-z0-9-]{0,62})$/;

/**
 * Reads the subnets of one VPC; host bits of their blocks are cut off. A block may be the VPC's own.
 * @throws ApiError subnet-name-invalid, subnet-cidr-invalid, zone-not-found, subnet-conflict
 */
export function readSubnets(requests: readonly SubnetRequest[], vpc: Network): SubnetRequest[] {
  const blocks = requests.map((request) => readSubnet(request, vpc));
  const names = requests.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new ApiError("subnet-name-invalid", `two subnets of one VPC cannot have the same name: ${twice}`);
  }
  const overlap = findOverlap(blocks);
  if (overlap !== undefined) {
    throw new ApiError("subnet-conflict", `subnets ${overlap.map(formatNetwork).join(" and ")} overlap`);
  }
  return requests.map((request, index) => ({ ...request, cidr: formatNetwork(blocks[index] ?? vpc) }));
}

function readSubnet({ name, cidr, zone }: SubnetRequest, vpc: Network): Network {
  requireName("subnet-name-invalid", name);
  const block = parseNetwork(cidr);
  const refuse = (why: string) => new ApiError("subnet-cidr-invalid", `subnet ${name}: ${why}`);
  if (block === undefined) throw refuse("a network such as 10.0.1.0/24 is expected");
  if (!isBlockLength(block.prefixLength)) throw refuse(`the mask of ${cidr} must be /16 to /28`);
  if (!contains(vpc, block)) throw refuse(`${cidr} must lie inside the VPC's ${formatNetwork(vpc)}`);
  if (!zonePattern.test(zone)) {
    throw new ApiError("zone-not-found", `subnet ${name}: a zone such as 100001 or ap-guangzhou-1 is expected`);
  }
  return block;
}
