// AddUserGw: api-v2.md 6.1.
import { createUserGw } from "../../operations/create-user-gw.ts";
import type { Action } from "../action.ts";

export const addUserGw: Action = {
  name: "AddUserGw",
  isWrite: true,
  parameterOf: { name: "userGwName", address: "userGwAddr" },
  async run(context, caller, parameters) {
    const name = parameters.requireText("userGwName");
    const userGw = await createUserGw(context, caller, { name, address: parameters.requireText("userGwAddr") });
    return { userGwId: userGw.uid };
  },
};
