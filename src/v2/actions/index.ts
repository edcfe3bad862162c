// The catalogue of actions.
import type { Action } from "../action.ts";
import { addUserGw } from "./add-user-gw.ts";
import { addVpnConnEx } from "./add-vpn-conn-ex.ts";
import { createVpc } from "./create-vpc.ts";
import { createVpn } from "./create-vpn.ts";
import { deleteUserGw } from "./delete-user-gw.ts";
import { deleteVpc } from "./delete-vpc.ts";
import { deleteVpnConn } from "./delete-vpn-conn.ts";
import { deleteVpnGw } from "./delete-vpn-gw.ts";
import { describeUserGw } from "./describe-user-gw.ts";
import { describeVpcEx } from "./describe-vpc-ex.ts";
import { describeVpcTaskResult } from "./describe-vpc-task-result.ts";
import { describeVpnConn } from "./describe-vpn-conn.ts";
import { describeVpnGw } from "./describe-vpn-gw.ts";
import { modifyVpnConnEx } from "./modify-vpn-conn-ex.ts";
import { resetVpnConnSA } from "./reset-vpn-conn-sa.ts";
import { runVpnGw } from "./run-vpn-gw.ts";

/** Older names, which the vendor's product page still lists (api-v2.md 4). */
export const aliases: Readonly<Record<string, Action>> = {
  AddVpnConn: addVpnConnEx,
  ModifyVpnConn: modifyVpnConnEx,
};

/** Actions that this server carries out. */
export const actions: ReadonlyMap<string, Action> = new Map(
  [
    addUserGw,
    addVpnConnEx,
    createVpc,
    createVpn,
    deleteUserGw,
    deleteVpc,
    deleteVpnConn,
    deleteVpnGw,
    describeUserGw,
    describeVpcEx,
    describeVpcTaskResult,
    describeVpnConn,
    describeVpnGw,
    modifyVpnConnEx,
    resetVpnConnSA,
    runVpnGw,
    ...Object.entries(aliases).map(([name, action]) => ({ ...action, name })),
  ].map((action) => [action.name, action]),
);

/** Actions of the vendor's module that this server knows of but does not carry out: they answer 6100. */
export const notOffered: ReadonlySet<string> = new Set([
  "AssociateRouteTable",
  "CreateRoute",
  "CreateRouteTable",
  "CreateSubnet",
  "DeleteRoute",
  "DeleteRouteTable",
  "DeleteSubnet",
  "DescribeAccountVpcAttributes",
  "DescribeRouteTable",
  "DescribeRoutes",
  "DescribeSSLVpn",
  "DescribeSSLVpnDomain",
  "DescribeSubnet",
  "DescribeSubnetEx",
  "DescribeUserGwVendor",
  "DescribeVpcLimit",
  "DescribeVpcs",
  "DescribeVpnConnMonitor",
  "GetVpnConnConfig",
  "InquiryPriceRunVpnGw",
  "InquiryVpnPrice",
  "ModifyRouteTableAttribute",
  "ModifySubnetAttribute",
  "ModifyUserGw",
  "ModifyVpcAttribute",
  "ModifyVpnGw",
  "RenewVpn",
  "SetSSLVpnDomain",
]);
