// Lists VPN channels.

import { listVpnConnViews } from "../store/vpn-conn-views.ts";
import type { VpnConnView } from "../vpn/entities.ts";
import { readRef } from "../vpn/id.ts";
import type { Listing, Page } from "../vpn/listing.ts";
import type { Caller, Context } from "./context.ts";
import { requireVpc, requireVpnConn, requireVpnGw } from "./find.ts";

export interface ListVpnConns extends Page {
  readonly vpc: string | undefined;
  readonly vpnGw: string | undefined;
  readonly vpnConn: string | undefined;
  readonly name: string | undefined;
  readonly taskId: number | undefined;
}

/** @throws ApiError vpc-not-found, vpn-gw-not-found, vpn-conn-not-found when a filter names one that does not exist */
export async function listVpnConns(
  { store: { db } }: Context,
  caller: Caller,
  input: ListVpnConns,
): Promise<Listing<VpnConnView>> {
  const vpc = input.vpc === undefined ? undefined : await requireVpc(db, caller, input.vpc);
  const vpnGw = input.vpnGw === undefined ? undefined : await requireVpnGw(db, caller, input.vpnGw, vpc);
  if (input.vpnConn !== undefined) await requireVpnConn(db, caller, input.vpnConn, vpnGw, vpc);
  const ref = input.vpnConn === undefined ? undefined : readRef(input.vpnConn, "vpn-conn");
  const filter = { vpcId: vpc?.id, vpnGwId: vpnGw?.id, ref, name: input.name, taskId: input.taskId };
  return listVpnConnViews(db, caller, filter, input);
}
