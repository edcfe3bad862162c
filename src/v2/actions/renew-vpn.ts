// RenewVpn: api-v2.md 5.6.
import { renewVpnGw } from "../../operations/renew-vpn-gw.ts";
import type { Action } from "../action.ts";
import { readPeriod } from "../values.ts";

export const renewVpn: Action = {
  name: "RenewVpn",
  isWrite: true,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId", periodMonths: "period" },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const vpnGw = parameters.requireText("vpnGwId");
    await renewVpnGw(context, caller, { vpc, vpnGw, periodMonths: readPeriod(parameters) });
    return {};
  },
};
