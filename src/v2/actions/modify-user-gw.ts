// ModifyUserGw: api-v2.md 6.3.
import { modifyUserGw as operate } from "../../operations/modify-user-gw.ts";
import type { Action } from "../action.ts";

export const modifyUserGw: Action = {
  name: "ModifyUserGw",
  isWrite: true,
  parameterOf: { userGw: "userGwId", name: "userGwName", address: "userGwAddr" },
  async run(context, caller, parameters) {
    await operate(context, caller, {
      userGw: parameters.requireText("userGwId"),
      name: parameters.requireText("userGwName"),
      address: parameters.text("userGwAddr"),
    });
    return {};
  },
};
