// Pays for a VPN gateway for some more months. Bookkeeping: nothing is destroyed when they are over.
import { ApiError, refuseField } from "../errors.ts";
import { setVpnGwTerms } from "../store/vpn-gws.ts";
import { requireUsableGw } from "../vpn/status.ts";
import { addMonths } from "../vpn/vpn-gw.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireVpc, requireVpnGw } from "./find.ts";

/** Replies have four digits for a year. */
const latestMs = Date.UTC(9999, 0);

export interface RenewVpnGw {
  readonly vpc: string;
  readonly vpnGw: string;
  readonly periodMonths: number;
}

/** @throws ApiError parameter-invalid, vpc-not-found, vpn-gw-not-found; vpn-gw-state-invalid when it is paid by the hour or being deleted */
export async function renewVpnGw(context: Context, caller: Caller, input: RenewVpnGw): Promise<void> {
  await write(context, caller, async (db) => {
    const vpc = await requireVpc(db, caller, input.vpc);
    const vpnGw = await requireVpnGw(db, caller, input.vpnGw, vpc);
    requireUsableGw(vpnGw.uid, vpnGw.status);
    if (vpnGw.expiresAtMs === undefined) {
      throw new ApiError("vpn-gw-state-invalid", `VPN gateway ${vpnGw.uid} is paid by the hour and has no end`);
    }
    const expiresAtMs = addMonths(vpnGw.expiresAtMs, input.periodMonths, context.config.utcOffsetMinutes);
    if (expiresAtMs > latestMs) throw refuseField("periodMonths", "a VPN gateway can be paid for until the year 9999");
    await setVpnGwTerms(db, { ...vpnGw, expiresAtMs });
  });
}
