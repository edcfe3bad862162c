// ModifyVpnGw: api-v2.md 5.4.
import { refuseField } from "../../errors.ts";
import { modifyVpnGw as operate } from "../../operations/modify-vpn-gw.ts";
import type { Action } from "../action.ts";
import { chargeTypes } from "../values.ts";

export const modifyVpnGw: Action = {
  name: "ModifyVpnGw",
  isWrite: true,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId", name: "vpnGwName" },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const vpnGw = parameters.requireText("vpnGwId");
    // Known to the vendor's command line only. What cannot be done is refused rather than forgotten.
    if (parameters.text("localSlaIp") !== undefined) {
      throw refuseField("localSlaIp", "gateways of this server have no address for probes");
    }
    if (parameters.text("sslVpnPort") !== undefined) {
      throw refuseField("sslVpnPort", "gateways of this server have no SSL VPN");
    }
    await operate(context, caller, {
      vpc,
      vpnGw,
      name: parameters.text("vpnGwName"),
      isAutoRenew: parameters.flag("isAutoRenewals"),
      chargeType: parameters.choice("chargeType", chargeTypes),
    });
    return {};
  },
};
