// DeleteVpnGw, an extension: the vendor had the action but published no page for it (api-v2.md 5.7).
import { deleteVpnGw as operate } from "../../operations/delete-vpn-gw.ts";
import type { Action } from "../action.ts";

export const deleteVpnGw: Action = {
  name: "DeleteVpnGw",
  isWrite: true,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId" },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const { taskId } = await operate(context, caller, { vpc, vpnGw: parameters.requireText("vpnGwId") });
    return { data: { taskId } };
  },
};
