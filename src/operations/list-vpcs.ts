// Lists VPCs.

import { listVpcs as listVpcRows } from "../store/vpcs.ts";
import { countVpnGwsByVpc } from "../store/vpn-gws.ts";
import type { Vpc } from "../vpn/entities.ts";
import { readRef } from "../vpn/id.ts";
import type { Listing, Page } from "../vpn/listing.ts";
import type { Caller, Context } from "./context.ts";
import { requireVpc } from "./find.ts";

export interface ListVpcs extends Page {
  readonly vpc: string | undefined;
  readonly name: string | undefined;
}

/** @throws ApiError vpc-not-found when the filter names one that does not exist */
export async function listVpcs(
  { store }: Context,
  caller: Caller,
  input: ListVpcs,
): Promise<Listing<{ vpc: Vpc; vpnGwCount: number }>> {
  if (input.vpc !== undefined) await requireVpc(store.db, caller, input.vpc);
  const ref = input.vpc === undefined ? undefined : readRef(input.vpc, "vpc");
  const { rows, total } = await listVpcRows(store.db, caller, { ref, name: input.name }, input);
  const counts = await countVpnGwsByVpc(
    store.db,
    rows.map((vpc) => vpc.id),
  );
  return { rows: rows.map((vpc) => ({ vpc, vpnGwCount: counts.get(vpc.id) ?? 0 })), total };
}
