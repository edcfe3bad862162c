// DeleteUserGw: api-v2.md 6.2.
import { deleteUserGw as operate } from "../../operations/delete-user-gw.ts";
import type { Action } from "../action.ts";

export const deleteUserGw: Action = {
  name: "DeleteUserGw",
  isWrite: true,
  parameterOf: { userGw: "userGwId" },
  async run(context, caller, parameters) {
    await operate(context, caller, { userGw: parameters.requireText("userGwId") });
    return {};
  },
};
