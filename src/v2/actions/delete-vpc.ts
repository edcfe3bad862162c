// DeleteVpc: api-v2.md 7.2.
import { deleteVpc as operate } from "../../operations/delete-vpc.ts";
import type { Action } from "../action.ts";

export const deleteVpc: Action = {
  name: "DeleteVpc",
  isWrite: true,
  parameterOf: { vpc: "vpcId" },
  async run(context, caller, parameters) {
    await operate(context, caller, { vpc: parameters.requireText("vpcId") });
    return {};
  },
};
