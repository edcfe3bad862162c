// ResetVpnConnSA: api-v2.md 4.6.
import { resetVpnConnSa } from "../../operations/reset-vpn-conn-sa.ts";
import type { Action } from "../action.ts";

export const resetVpnConnSA: Action = {
  name: "ResetVpnConnSA",
  isWrite: true,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId", vpnConn: "vpnConnId" },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const vpnGw = parameters.requireText("vpnGwId");
    await resetVpnConnSa(context, caller, { vpc, vpnGw, vpnConn: parameters.requireText("vpnConnId") });
    return {};
  },
};
