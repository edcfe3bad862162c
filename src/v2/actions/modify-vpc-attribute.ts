// ModifyVpcAttribute: api-v2.md 7.3.
import { refuseField } from "../../errors.ts";
import { modifyVpc } from "../../operations/modify-vpc.ts";
import type { Action } from "../action.ts";

export const modifyVpcAttribute: Action = {
  name: "ModifyVpcAttribute",
  isWrite: true,
  parameterOf: { vpc: "vpcId", name: "vpcName" },
  async run(context, caller, parameters) {
    const vpc = parameters.requireText("vpcId");
    const name = parameters.requireText("vpcName");
    // Known to the vendor's command line only.
    if (parameters.flag("isMulticast") === true) {
      throw refuseField("isMulticast", "VPCs of this server carry no multicast");
    }
    await modifyVpc(context, caller, { vpc, name });
    return {};
  },
};
