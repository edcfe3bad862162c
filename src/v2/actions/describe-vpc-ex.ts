// DescribeVpcEx: api-v2.md 7.4.
import { listVpcs } from "../../operations/list-vpcs.ts";
import type { Action } from "../action.ts";
import { formatTime, maxVpcsListed, oldVpcId, readPage } from "../values.ts";

export const describeVpcEx: Action = {
  name: "DescribeVpcEx",
  isWrite: false,
  parameterOf: { vpc: "vpcId" },
  async run(context, caller, parameters) {
    const { rows, total } = await listVpcs(context, caller, {
      ...readPage(parameters, "vpcName", maxVpcsListed),
      vpc: parameters.text("vpcId"),
      // The English page's table misprints it.
      name: parameters.text("vpcName") ?? parameters.text("vpnName"),
    });
    const data = rows.map(({ vpc, vpnGwCount, subnetCount }) => ({
      vpcId: oldVpcId(vpc),
      unVpcId: vpc.uid,
      vpcName: vpc.name,
      cidrBlock: vpc.cidr,
      subnetNum: subnetCount,
      routeTableNum: 1,
      vpnGwNum: vpnGwCount,
      vpcPeerNum: 0,
      vpcDeviceNum: 0,
      classicLinkNum: 0,
      vpgNum: 0,
      natNum: 0,
      createTime: formatTime(context, vpc.createdAtMs),
      isDefault: false,
    }));
    return { totalCount: total, data };
  },
};
