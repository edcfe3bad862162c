// DescribeVpnGw: api-v2.md 5.5.
import { listVpnGws } from "../../operations/list-vpn-gws.ts";
import type { Action } from "../action.ts";
import { vpnGwStatusNumbers } from "../status.ts";
import { formatTime, maxListed, readPage, showVpc } from "../values.ts";

export const describeVpnGw: Action = {
  name: "DescribeVpnGw",
  isWrite: false,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId" },
  async run(context, caller, parameters) {
    const { rows, total } = await listVpnGws(context, caller, {
      ...readPage(parameters, "vpnGwName", maxListed),
      vpc: parameters.text("vpcId"),
      vpnGw: parameters.text("vpnGwId"),
      name: parameters.text("vpnGwName"),
      orderNumber: parameters.integer("dealId"),
      publicAddresses: parameters.list("vpnGwAddressSet"),
    });
    const data = rows.map(({ vpnGw, vpc }) => ({
      ...showVpc(vpc),
      vpnGwId: vpnGw.id,
      unVpnGwId: vpnGw.uid,
      vpnGwName: vpnGw.name,
      bandwidth: vpnGw.bandwidthMbps,
      vpnGwStatus: vpnGwStatusNumbers[vpnGw.status],
      vpnGwAddress: vpnGw.publicAddress,
      dealId: String(vpnGw.id),
      localSlaIp: "",
      isAutoRenewals: vpnGw.isAutoRenew,
      expireTime: vpnGw.expiresAtMs === undefined ? null : formatTime(context, vpnGw.expiresAtMs),
      createTime: formatTime(context, vpnGw.createdAtMs),
    }));
    return { totalCount: total, data };
  },
};
