// CreateVpc: api-v2.md 7.1.
import { createVpc as operate } from "../../operations/create-vpc.ts";
import type { SubnetRequest } from "../../vpn/subnet.ts";
import type { Action } from "../action.ts";
import type { ParameterReader } from "../parameters.ts";
import { formatTime, oldRouteTableId, oldVpcId } from "../values.ts";
import { readZone, showZone } from "../zones.ts";

/** What the vendor calls a VPC's default route table. */
const defaultRouteTableName = "默认";

export const createVpc: Action = {
  name: "CreateVpc",
  isWrite: true,
  parameterOf: { name: "vpcName", cidr: "cidrBlock" },
  async run(context, caller, parameters) {
    const name = parameters.requireText("vpcName");
    const cidr = parameters.requireText("cidrBlock");
    const requests = readSubnets(parameters);
    const vpc = await operate(context, caller, { name, cidr, subnets: requests });
    const subnetSet = vpc.subnets.map((subnet, index) => ({
      subnetId: `${subnet.region}_subnet_${subnet.id}`,
      unSubnetId: subnet.uid,
      routeTableId: oldRouteTableId(vpc),
      subnetName: subnet.name,
      // As the caller wrote it, host bits included (api-v2.md 3.3).
      cidrBlock: requests[index]?.cidr,
      ...showZone(subnet.zone),
    }));
    return {
      vpcId: oldVpcId(vpc),
      // The table says unVpcId, the sample uniqVpcId; clients read either.
      unVpcId: vpc.uid,
      uniqVpcId: vpc.uid,
      vpcCreateTime: formatTime(context, vpc.createdAtMs),
      // Only when subnets were asked for.
      ...(subnetSet.length === 0 ? {} : { subnetSet }),
      routeTableSet: [{ routeTableId: oldRouteTableId(vpc), routeTableType: 1, routeTableName: defaultRouteTableName }],
    };
  },
};

function readSubnets(parameters: ParameterReader): SubnetRequest[] {
  return parameters.sections("subnetSet").map((subnet) => ({
    name: subnet.requireText("subnetName"),
    cidr: subnet.requireText("cidrBlock"),
    zone: readZone(subnet.requireText("zoneId")),
  }));
}
