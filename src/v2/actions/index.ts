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
import { describeUserGwVendor } from "./describe-user-gw-vendor.ts";
import { describeVpcEx } from "./describe-vpc-ex.ts";
import { describeVpcLimit } from "./describe-vpc-limit.ts";
import { describeVpcTaskResult } from "./describe-vpc-task-result.ts";
import { describeVpnConn } from "./describe-vpn-conn.ts";
import { describeVpnConnDiagnosis } from "./describe-vpn-conn-diagnosis.ts";
import { describeVpnConnMonitor } from "./describe-vpn-conn-monitor.ts";
import { describeVpnGw } from "./describe-vpn-gw.ts";
import { getVpnConnConfig } from "./get-vpn-conn-config.ts";
import { inquiryVpnPrice } from "./inquiry-vpn-price.ts";
import { modifyUserGw } from "./modify-user-gw.ts";
import { modifyVpcAttribute } from "./modify-vpc-attribute.ts";
import { modifyVpnConnEx } from "./modify-vpn-conn-ex.ts";
import { modifyVpnGw } from "./modify-vpn-gw.ts";
import { renewVpn } from "./renew-vpn.ts";
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
    describeUserGwVendor,
    describeVpcEx,
    describeVpcLimit,
    describeVpcTaskResult,
    describeVpnConn,
    describeVpnConnDiagnosis,
    describeVpnConnMonitor,
    describeVpnGw,
    getVpnConnConfig,
    inquiryVpnPrice,
    modifyUserGw,
    modifyVpcAttribute,
    modifyVpnGw,
    renewVpn,
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
  "DescribeVpcs",
  "InquiryPriceRunVpnGw",
  "ModifyRouteTableAttribute",
  "ModifySubnetAttribute",
  "SetSSLVpnDomain",
]);
