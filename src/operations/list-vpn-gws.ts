// Lists VPN gateways.

import { listVpnGws as listVpnGwRows } from "../store/vpn-gws.ts";
import type { Vpc, VpnGw } from "../vpn/entities.ts";
import { readRef } from "../vpn/id.ts";
import type { Listing, Page } from "../vpn/listing.ts";
import type { Caller, Context } from "./context.ts";
import { requireVpc, requireVpnGw } from "./find.ts";

export interface ListVpnGws extends Page {
  readonly vpc: string | undefined;
  readonly vpnGw: string | undefined;
  readonly name: string | undefined;
  /** A gateway's order number is its numeric id: one order buys one gateway. */
  readonly orderNumber: number | undefined;
  readonly publicAddresses: readonly string[] | undefined;
}

/** @throws ApiError vpc-not-found, vpn-gw-not-found when a filter names one that does not exist */
export async function listVpnGws(
  { store: { db } }: Context,
  caller: Caller,
  input: ListVpnGws,
): Promise<Listing<{ vpnGw: VpnGw; vpc: Vpc }>> {
  const vpc = input.vpc === undefined ? undefined : await requireVpc(db, caller, input.vpc);
  if (input.vpnGw !== undefined) await requireVpnGw(db, caller, input.vpnGw, vpc);
  const ref = input.vpnGw === undefined ? undefined : readRef(input.vpnGw, "vpn-gw");
  const { name, orderNumber, publicAddresses } = input;
  return listVpnGwRows(db, caller, { vpcId: vpc?.id, ref, name, orderNumber, publicAddresses }, input);
}
