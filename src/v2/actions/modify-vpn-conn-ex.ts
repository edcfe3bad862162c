// ModifyVpnConnEx: api-v2.md 4.3.
import { modifyVpnConn } from "../../operations/modify-vpn-conn.ts";
import type { Action } from "../action.ts";
import { listPeerNetworks, readNetworks, readPreSharedKey } from "../conn-parameters.ts";
import { readSettings, settingNames } from "../ike-ipsec.ts";
import { vpnConnStatusNumbers } from "../status.ts";

export const modifyVpnConnEx: Action = {
  name: "ModifyVpnConnEx",
  isWrite: true,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId", vpnConn: "vpnConnId", name: "vpnConnName", ...settingNames },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const vpnGw = parameters.requireText("vpnGwId");
    const vpnConn = parameters.requireText("vpnConnId");
    const networks = readNetworks(parameters);
    const { taskId, preSharedKey, spds, userGwId } = await modifyVpnConn(context, caller, {
      vpc,
      vpnGw,
      vpnConn,
      name: parameters.text("vpnConnName"),
      preSharedKey: readPreSharedKey(parameters),
      spds: networks,
      ...readSettings(parameters),
    });
    return {
      data: {
        vpnGwId: vpnGw,
        vpcConnId: vpnConn,
        taskId,
        vpcConnStatus: vpnConnStatusNumbers.modifying,
        preSharedKey: preSharedKey.reveal(),
        // What a call writes is echoed as it was sent (3.3).
        userGwSubnetList: listPeerNetworks(networks ?? spds),
        userGwId,
      },
    };
  },
};
