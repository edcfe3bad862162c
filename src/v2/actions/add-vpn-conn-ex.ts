// AddVpnConnEx, the action the product exists for: seed-AddVpnConnEx.md, api-v2.md 4.1.
import { refuseField } from "../../errors.ts";
import { createVpnConn, type PeerRequest } from "../../operations/create-vpn-conn.ts";
import type { Action } from "../action.ts";
import { listPeerNetworks, readNetworks, readPreSharedKey } from "../conn-parameters.ts";
import { readSettings, settingNames } from "../ike-ipsec.ts";
import type { ParameterReader } from "../parameters.ts";
import { vpnConnStatusNumbers } from "../status.ts";

export const addVpnConnEx: Action = {
  name: "AddVpnConnEx",
  isWrite: true,
  parameterOf: {
    vpc: "vpcId",
    vpnGw: "vpnGwId",
    userGw: ["userGwId", "userGwAddr"],
    address: "userGwAddr",
    name: "vpnConnName",
    ...settingNames,
  },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const vpnGw = parameters.requireText("vpnGwId");
    const peer = readPeer(parameters);
    const key = readPreSharedKey(parameters);
    const networks = readNetworks(parameters);
    if (networks === undefined) throw refuseField("userGwCidrBlock", "either userGwCidrBlock or spdAcl is needed");
    const { taskId, preSharedKey, userGw } = await createVpnConn(context, caller, {
      vpc,
      vpnGw,
      peer,
      name: parameters.text("vpnConnName"),
      preSharedKey: key,
      spds: networks,
      ...readSettings(parameters),
    });
    return {
      data: {
        vpnGwId: vpnGw,
        userGwId: "userGw" in peer ? peer.userGw : userGw.uid,
        // The channel has no id yet as far as the caller is told: DescribeVpnConn with this taskId gives it.
        vpnConnId: 0,
        taskId,
        vpnConnStatus: vpnConnStatusNumbers.creating,
        preSharedKey: preSharedKey.reveal(),
        userGwSubnetList: listPeerNetworks(networks),
      },
    };
  },
};

/** The command line of the vendor could name the peer inline, by address (api-v2.md 4.1). */
function readPeer(parameters: ParameterReader): PeerRequest {
  const address = parameters.text("userGwAddr");
  if (parameters.text("userGwId") === undefined && address !== undefined) {
    return { name: parameters.text("userGwName") ?? address, address };
  }
  return { userGw: parameters.requireText("userGwId") };
}
