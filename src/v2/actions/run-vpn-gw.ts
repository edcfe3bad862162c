// RunVpnGw, the newer way to buy a VPN gateway: api-v2.md 5.3.
import { refuseField } from "../../errors.ts";
import { createVpnGw } from "../../operations/create-vpn-gw.ts";
import type { Action } from "../action.ts";
import type { SectionReader } from "../parameters.ts";
import { chargeTypes } from "../values.ts";

const periods: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 24, 36];

export const runVpnGw: Action = {
  name: "RunVpnGw",
  isWrite: true,
  parameterOf: { vpc: "vpcId", bandwidthMbps: "bandwidth" },
  async run(context, caller, parameters) {
    const name = parameters.requireText("name");
    const vpc = parameters.requireText("vpcId");
    const bandwidthMbps = parameters.requireInteger("bandwidth");
    parameters.requireText("chargeType");
    const chargeType = parameters.choice("chargeType", chargeTypes) ?? "prepaid";
    const prepaid = parameters.section(["chargePrepaid"]);
    const periodMonths = chargeType === "prepaid" ? readPeriod(prepaid) : undefined;
    const isAutoRenew = prepaid.flag("isAutoRenewals") ?? true;
    const vpnGw = await createVpnGw(context, caller, {
      name,
      vpc,
      bandwidthMbps,
      chargeType,
      periodMonths,
      isAutoRenew,
    });
    return { data: { vpnGwId: vpnGw.uid } };
  },
};

function readPeriod(prepaid: SectionReader): number {
  const period = prepaid.requireInteger("period");
  if (!periods.includes(period)) throw refuseField("chargePrepaid.period", "1 to 12, 24 or 36 months are expected");
  return period;
}
