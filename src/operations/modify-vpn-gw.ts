// Changes how a VPN gateway is called and paid for. The machine has no part in it, so no loop is woken.
import { refuseField } from "../errors.ts";
import { setVpnGwTerms } from "../store/vpn-gws.ts";
import type { ChargeType } from "../vpn/entities.ts";
import { requireUsableGw } from "../vpn/status.ts";
import { requireName } from "../vpn/text.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireVpc, requireVpnGw } from "./find.ts";

/** What is undefined stays as it is. */
export interface ModifyVpnGw {
  readonly vpc: string;
  readonly vpnGw: string;
  readonly name: string | undefined;
  readonly isAutoRenew: boolean | undefined;
  readonly chargeType: ChargeType | undefined;
}

/** @throws ApiError vpn-gw-name-invalid, vpc-not-found, vpn-gw-not-found, vpn-gw-state-invalid, parameter-invalid */
export async function modifyVpnGw(context: Context, caller: Caller, input: ModifyVpnGw): Promise<void> {
  if (input.name !== undefined) requireName("vpn-gw-name-invalid", input.name);
  await write(context, caller, async (db) => {
    const vpc = await requireVpc(db, caller, input.vpc);
    const vpnGw = await requireVpnGw(db, caller, input.vpnGw, vpc);
    requireUsableGw(vpnGw.uid, vpnGw.status);
    const { name = vpnGw.name, isAutoRenew = vpnGw.isAutoRenew, chargeType = vpnGw.chargeType } = input;
    if (chargeType === "prepaid" && vpnGw.chargeType === "postpaid") {
      throw refuseField("chargeType", `VPN gateway ${vpnGw.uid} is paid by the hour and stays so: no period is given`);
    }
    const expiresAtMs = chargeType === "prepaid" ? vpnGw.expiresAtMs : undefined;
    await setVpnGwTerms(db, { id: vpnGw.id, name, isAutoRenew, chargeType, expiresAtMs });
  });
}
