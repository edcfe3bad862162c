// CreateVpn, the older way to buy a VPN gateway: api-v2.md 5.2.
import { createVpnGw } from "../../operations/create-vpn-gw.ts";
import type { Action } from "../action.ts";
import { readPeriod } from "../values.ts";

export const createVpn: Action = {
  name: "CreateVpn",
  isWrite: true,
  parameterOf: { vpc: "vpcId", bandwidthMbps: "bandwidth" },
  async run(context, caller, parameters) {
    const vpnGw = await createVpnGw(context, caller, {
      name: parameters.requireText("name"),
      vpc: parameters.requireText("vpcId"),
      periodMonths: readPeriod(parameters),
      bandwidthMbps: parameters.requireInteger("bandwidth"),
      chargeType: "prepaid",
      isAutoRenew: parameters.flag("isAutoRenewals") ?? true,
    });
    // The table has the order number at top level, the sample in data. One order buys one gateway, so it has its number.
    const dealIds = [vpnGw.id];
    return { dealIds, data: { dealIds } };
  },
};
