// DescribeUserGw: api-v2.md 6.4.
import { listUserGws } from "../../operations/list-user-gws.ts";
import type { Action } from "../action.ts";
import { formatTime, maxListed, readPage } from "../values.ts";

export const describeUserGw: Action = {
  name: "DescribeUserGw",
  isWrite: false,
  parameterOf: { userGw: "userGwId" },
  async run(context, caller, parameters) {
    const { rows, total } = await listUserGws(context, caller, {
      ...readPage(parameters, "userGwName", maxListed),
      userGw: parameters.text("userGwId"),
      name: parameters.text("userGwName"),
    });
    const data = rows.map(({ userGw, vpnConnCount }) => ({
      userGwName: userGw.name,
      userGwId: userGw.id,
      unUserGwId: userGw.uid,
      userGwAddr: userGw.address,
      vpnConnNum: vpnConnCount,
      createTime: formatTime(context, userGw.createdAtMs),
    }));
    return { totalCount: total, data };
  },
};
