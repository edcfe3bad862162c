// DeleteVpnConn: api-v2.md 4.5.
import { deleteVpnConn as operate } from "../../operations/delete-vpn-conn.ts";
import type { Action } from "../action.ts";
import { vpnConnStatusNumbers } from "../status.ts";

export const deleteVpnConn: Action = {
  name: "DeleteVpnConn",
  isWrite: true,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId", vpnConn: "vpnConnId" },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const vpnGw = parameters.requireText("vpnGwId");
    const vpnConn = parameters.requireText("vpnConnId");
    const { taskId } = await operate(context, caller, { vpc, vpnGw, vpnConn });
    return { data: { vpnGwId: vpnGw, vpcConnId: vpnConn, taskId, state: vpnConnStatusNumbers.deleting } };
  },
};
