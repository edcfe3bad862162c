// GetVpnConnConfig: api-v2.md 4.7.
import { getVpnConnConfig as operate } from "../../operations/get-vpn-conn-config.ts";
import type { Action } from "../action.ts";

export const getVpnConnConfig: Action = {
  name: "GetVpnConnConfig",
  isWrite: false,
  parameterOf: { vpnConn: "vpnConnId", vendor: "vendorname" },
  async run(context, caller, parameters) {
    const configFileInfo = await operate(context, caller, {
      vpnConn: parameters.requireText("vpnConnId"),
      vendor: parameters.requireText("vendorname"),
      platform: parameters.requireText("platform"),
      software: parameters.requireText("software"),
      interfaceName: parameters.text("interfaceName"),
    });
    // The page's table has an object here, its sample a list of one: clients that read anything read the sample.
    return { data: [{ configFileInfo }] };
  },
};
