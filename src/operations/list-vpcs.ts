// Lists VPCs.

import { countByVpc, listVpcs as listVpcRows } from "../store/vpcs.ts";
import type { Vpc } from "../vpn/entities.ts";
import { readRef } from "../vpn/id.ts";
import type { Listing, Page } from "../vpn/listing.ts";
import type { Caller, Context } from "./context.ts";
import { requireVpc } from "./find.ts";

export interface ListVpcs extends Page {
  readonly vpc: string | undefined;
  readonly name: string | undefined;
}

/** A VPC, and how much is in it. */
export interface VpcListing {
  readonly vpc: Vpc;
  readonly vpnGwCount: number;
  readonly subnetCount: number;
}

/** @throws ApiError vpc-not-found when the filter names one that does not exist */
export async function listVpcs({ store }: Context, caller: Caller, input: ListVpcs): Promise<Listing<VpcListing>> {
  if (input.vpc !== undefined) await requireVpc(store.db, caller, input.vpc);
  const ref = input.vpc === undefined ? undefined : readRef(input.vpc, "vpc");
  const { rows, total } = await listVpcRows(store.db, caller, { ref, name: input.name }, input);
  const ids = rows.map((vpc) => vpc.id);
  const vpnGws = await countByVpc(store.db, "vpn_gws", ids);
  const subnets = await countByVpc(store.db, "subnets", ids);
  const listed = rows.map((vpc) => ({
    vpc,
    vpnGwCount: vpnGws.get(vpc.id) ?? 0,
    subnetCount: subnets.get(vpc.id) ?? 0,
  }));
  return { rows: listed, total };
}
