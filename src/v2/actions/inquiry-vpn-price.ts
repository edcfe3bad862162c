// InquiryVpnPrice: api-v2.md 5.1.
import { getVpnGwPrice } from "../../operations/get-vpn-gw-price.ts";
import type { Action } from "../action.ts";
import { readPeriod } from "../values.ts";

export const inquiryVpnPrice: Action = {
  name: "InquiryVpnPrice",
  isWrite: false,
  parameterOf: { bandwidthMbps: "bandwidth" },
  async run(context, _caller, parameters) {
    const periodMonths = readPeriod(parameters);
    const bandwidthMbps = parameters.requireInteger("bandwidth");
    return { price: getVpnGwPrice(context, { bandwidthMbps, periodMonths }) };
  },
};
