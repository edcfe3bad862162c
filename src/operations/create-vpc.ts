// Makes a VPC.
import { ApiError } from "../errors.ts";
import { insertVpc, listVpcs } from "../store/vpcs.ts";
import type { Vpc } from "../vpn/entities.ts";
import { formatNetwork } from "../vpn/network.ts";
import { requireName } from "../vpn/text.ts";
import { readVpcCidr } from "../vpn/vpc.ts";
import { type Caller, type Context, write } from "./context.ts";
import { generateUid } from "./generate.ts";
import { refuseTakenVpcName } from "./modify-vpc.ts";

export interface CreateVpc {
  readonly name: string;
  readonly cidr: string;
}

/** @throws ApiError vpc-name-invalid, vpc-cidr-invalid, vpc-name-in-use, vpc-limit-exceeded */
export async function createVpc(context: Context, caller: Caller, input: CreateVpc): Promise<Vpc> {
  requireName("vpc-name-invalid", input.name);
  const cidr = readVpcCidr(input.cidr);
  const isNameUnique = context.config["unique.vpcNames"];
  return write(context, caller, async (db) => {
    if (isNameUnique) await refuseTakenVpcName(db, caller, input.name);
    const quota = context.config["quota.vpcs"];
    const { total } = await listVpcs(db, caller, {}, { offset: 0, limit: 0, orderBy: "createdAt", direction: "asc" });
    if (quota > 0 && total >= quota) {
      throw new ApiError("vpc-limit-exceeded", `the region has ${total} VPCs; ${quota} are allowed`);
    }
    const vpc = {
      uid: generateUid("vpc"),
      accountId: caller.accountId,
      region: caller.region,
      name: input.name,
      createdAtMs: context.clock(),
      cidr: formatNetwork(cidr),
    };
    return insertVpc(db, vpc, isNameUnique);
  });
}
