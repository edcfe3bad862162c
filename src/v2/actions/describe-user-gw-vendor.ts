// DescribeUserGwVendor: api-v2.md 6.5.
import { listUserGwVendors } from "../../operations/list-user-gw-vendors.ts";
import type { Action } from "../action.ts";

export const describeUserGwVendor: Action = {
  name: "DescribeUserGwVendor",
  isWrite: false,
  async run() {
    const data = listUserGwVendors().map(({ vendor, platform, software }) => ({
      platform,
      software,
      vendorname: vendor,
    }));
    return { data };
  },
};
