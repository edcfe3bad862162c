// CreateVpc: api-v2.md 7.1.
import { ApiError } from "../../errors.ts";
import { createVpc as operate } from "../../operations/create-vpc.ts";
import type { Action } from "../action.ts";
import { formatTime, oldVpcId } from "../values.ts";

/** What the vendor calls a VPC's default route table. */
const defaultRouteTableName = "默认";

export const createVpc: Action = {
  name: "CreateVpc",
  isWrite: true,
  parameterOf: { name: "vpcName", cidr: "cidrBlock" },
  async run(context, caller, parameters) {
    if (!parameters.section(["subnetSet"]).isEmpty) {
      // Subnets that would be forgotten are refused rather than dropped.
      throw new ApiError("action-not-offered", "subnets are not kept by this version; leave subnetSet out");
    }
    const vpc = await operate(context, caller, {
      name: parameters.requireText("vpcName"),
      cidr: parameters.requireText("cidrBlock"),
    });
    return {
      vpcId: oldVpcId(vpc),
      // The table says unVpcId, the sample uniqVpcId; clients read either.
      unVpcId: vpc.uid,
      uniqVpcId: vpc.uid,
      vpcCreateTime: formatTime(context, vpc.createdAtMs),
      // A VPC has one route table, its default one, which carries the VPC's number.
      routeTableSet: [
        { routeTableId: `${vpc.region}_rtb_${vpc.id}`, routeTableType: 1, routeTableName: defaultRouteTableName },
      ],
    };
  },
};
