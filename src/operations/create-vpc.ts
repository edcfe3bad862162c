// Makes a VPC, with subnets if it is told of any: all of it or nothing.
import { ApiError } from "../errors.ts";
import type { Db } from "../store/store.ts";
import { insertSubnet } from "../store/subnets.ts";
import { insertVpc, listVpcs } from "../store/vpcs.ts";
import type { Subnet, Vpc } from "../vpn/entities.ts";
import { formatNetwork } from "../vpn/network.ts";
import { readSubnets, type SubnetRequest } from "../vpn/subnet.ts";
import { requireName } from "../vpn/text.ts";
import { readVpcCidr } from "../vpn/vpc.ts";
import { type Caller, type Context, write } from "./context.ts";
import { generateUid } from "./generate.ts";
import { refuseTakenVpcName } from "./modify-vpc.ts";

export interface CreateVpc {
  readonly name: string;
  readonly cidr: string;
  readonly subnets?: readonly SubnetRequest[];
}

export interface CreatedVpc extends Vpc {
  /** In the order in which they were asked for. */
  readonly subnets: readonly Subnet[];
}

/**
 * @throws ApiError vpc-name-invalid, vpc-cidr-invalid, vpc-name-in-use, vpc-limit-exceeded, subnet-limit-exceeded; as readSubnets
 */
export async function createVpc(context: Context, caller: Caller, input: CreateVpc): Promise<CreatedVpc> {
  requireName("vpc-name-invalid", input.name);
  const cidr = readVpcCidr(input.cidr);
  const requests = readSubnets(input.subnets ?? [], cidr);
  const isNameUnique = context.config["unique.vpcNames"];
  return write(context, caller, async (db) => {
    if (isNameUnique) await refuseTakenVpcName(db, caller, input.name);
    await requireRoom(context, caller, db, requests.length);
    const row = {
      uid: generateUid("vpc"),
      accountId: caller.accountId,
      region: caller.region,
      name: input.name,
      createdAtMs: context.clock(),
      cidr: formatNetwork(cidr),
    };
    const vpc = await insertVpc(db, row, isNameUnique);
    return { ...vpc, subnets: await insertSubnets(db, vpc, requests) };
  });
}

async function requireRoom({ config }: Context, caller: Caller, db: Db, subnets: number): Promise<void> {
  const quota = config["quota.vpcs"];
  const { total } = await listVpcs(db, caller, {}, { offset: 0, limit: 0, orderBy: "createdAt", direction: "asc" });
  if (quota > 0 && total >= quota) {
    throw new ApiError("vpc-limit-exceeded", `the region has ${total} VPCs; ${quota} are allowed`);
  }
  const subnetQuota = config["quota.subnetsPerVpc"];
  if (subnetQuota > 0 && subnets > subnetQuota) {
    throw new ApiError("subnet-limit-exceeded", `a VPC may have ${subnetQuota} subnets, not ${subnets}`);
  }
}

async function insertSubnets(db: Db, vpc: Vpc, requests: readonly SubnetRequest[]): Promise<Subnet[]> {
  const { accountId, region, createdAtMs, id: vpcId } = vpc;
  const subnets: Subnet[] = [];
  for (const request of requests) {
    subnets.push(
      await insertSubnet(db, { ...request, uid: generateUid("subnet"), accountId, region, createdAtMs, vpcId }),
    );
  }
  return subnets;
}
