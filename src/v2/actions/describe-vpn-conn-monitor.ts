// DescribeVpnConnMonitor: api-v2.md 4.8.
import { getVpnConnRates } from "../../operations/get-vpn-conn-rates.ts";
import type { Action } from "../action.ts";
import { readTime } from "../values.ts";

/** Out is out to the public side. */
const metrics = { outtraffic: "bytesOut", intraffic: "bytesIn" } as const;

export const describeVpnConnMonitor: Action = {
  name: "DescribeVpnConnMonitor",
  isWrite: false,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId", vpnConn: "vpnConnId", fromMs: "starttime" },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const vpnGw = parameters.requireText("vpnGwId");
    const vpnConn = parameters.requireText("vpnConnId");
    parameters.requireText("metricName");
    const direction = parameters.choice("metricName", metrics) ?? "bytesOut";
    const fromMs = readTime(context, parameters, "starttime");
    const toMs = readTime(context, parameters, "endtime");
    return { data: await getVpnConnRates(context, caller, { vpc, vpnGw, vpnConn, direction, fromMs, toMs }) };
  },
};
