// VPN gateways, peer gateways and VPCs: api-v2.md 5, 6, 7.1-7.5.
import type { ActionContract } from "./contract.ts";
import { flags, ids, list, listOf, paging, texts, words } from "./forms.ts";

const noVpc = { "InvalidVpc.NotFound": -3047 } as const;
const noGw = { ...noVpc, "InvalidVpnGw.NotFound": 5000 } as const;

/** 9.2, Mb/s. */
const bandwidth = words("bandwidth", "5", "10", "20", "50", "100");

const vpnGateways: Readonly<Record<string, ActionContract>> = {
  InquiryVpnPrice: {
    section: "5.1",
    parameters: { ...texts("period"), ...bandwidth },
    output: { price: "integer" },
    errors: {},
  },
  CreateVpn: {
    section: "5.2",
    parameters: { ...texts("name", "period"), ...ids("vpcId"), ...bandwidth, ...flags("isAutoRenewals") },
    output: { "dealIds[]": "integer", "data.dealIds[]": "integer" },
    errors: { ...noVpc, InvalidVpnGwName: 4000, VpnGwLimitExceeded: 5100, ResourceInsufficient: 5200 },
  },
  RunVpnGw: {
    section: "5.3",
    parameters: {
      ...texts("name", "chargePrepaid.period"),
      ...ids("vpcId"),
      ...bandwidth,
      ...words("chargeType", "PREPAID", "POSTPAID_BY_HOUR"),
      ...flags("chargePrepaid.isAutoRenewals"),
    },
    output: { "data.vpnGwId": "string" },
    errors: { ...noVpc, InvalidVpnGwName: 4000, VpnGwLimitExceeded: 5100, ResourceInsufficient: 5200 },
  },
  ModifyVpnGw: {
    section: "5.4",
    parameters: {
      ...ids("vpcId", "vpnGwId"),
      ...texts("vpnGwName", "chargeType", "localSlaIp", "sslVpnPort"),
      ...flags("isAutoRenewals"),
    },
    output: {},
    errors: { ...noGw, InvalidVpnGwState: 5100, InvalidVpnGwName: 4000 },
  },
  DescribeVpnGw: {
    section: "5.5",
    parameters: {
      ...ids("vpcId", "vpnGwId"),
      ...texts("vpnGwName", "dealId"),
      ...list("vpnGwAddressSet"),
      ...paging("vpnGwName"),
    },
    output: {
      totalCount: "integer",
      "data[].vpcId": "string",
      "data[].unVpcId": "string",
      "data[].vpcName": "string",
      "data[].vpcCidrBlock": "string",
      "data[].vpnGwId": "integer",
      "data[].unVpnGwId": "string",
      "data[].vpnGwName": "string",
      "data[].bandwidth": "integer",
      "data[].vpnGwStatus": "integer",
      "data[].vpnGwAddress": "string",
      "data[].dealId": "string",
      "data[].localSlaIp": "string",
      "data[].isAutoRenewals": "boolean",
      "data[].expireTime": "string?",
      "data[].createTime": "string",
    },
    errors: noGw,
  },
  RenewVpn: {
    section: "5.6",
    parameters: { ...ids("vpcId", "vpnGwId"), ...texts("period") },
    output: {},
    errors: { ...noGw, InvalidVpnGwState: 5100 },
  },
  DeleteVpnGw: {
    section: "5.7",
    parameters: ids("vpcId", "vpnGwId"),
    output: { "data.taskId": "integer" },
    errors: { ...noGw, InvalidVpnGwState: 5100, ActionLocked: 5100 },
  },
};

const peerGateways: Readonly<Record<string, ActionContract>> = {
  AddUserGw: {
    section: "6.1",
    parameters: texts("userGwName", "userGwAddr"),
    output: { userGwId: "string" },
    errors: { InvalidUserGwName: 4000, "InvalidUserGw.InUse": 5100, UserGwLimitExceeded: 5100 },
  },
  DeleteUserGw: {
    section: "6.2",
    parameters: ids("userGwId"),
    output: {},
    errors: { "InvalidUserGw.NotFound": 5000, "InvalidUserGw.InUse": 5100 },
  },
  ModifyUserGw: {
    section: "6.3",
    parameters: { ...ids("userGwId"), ...texts("userGwName") },
    output: {},
    errors: { InvalidUserGwName: 4000, "InvalidUserGw.NotFound": 5000 },
  },
  DescribeUserGw: {
    section: "6.4",
    parameters: { ...ids("userGwId"), ...texts("userGwName"), ...paging("userGwName") },
    output: {
      totalCount: "integer",
      "data[].userGwName": "string",
      "data[].userGwId": "integer",
      "data[].unUserGwId": "string",
      "data[].userGwAddr": "string",
      "data[].vpnConnNum": "integer",
      "data[].createTime": "string",
    },
    errors: { "InvalidUserGw.NotFound": 5000 },
  },
  DescribeUserGwVendor: {
    section: "6.5",
    parameters: {},
    output: { "data[].platform": "string", "data[].software": "string", "data[].vendorname": "string" },
    errors: {},
  },
};

const vpcs: Readonly<Record<string, ActionContract>> = {
  CreateVpc: {
    section: "7.1",
    parameters: {
      ...texts("vpcName", "cidrBlock"),
      ...Object.fromEntries(
        ["subnetName", "cidrBlock", "zoneId"].map((field) => [
          `subnetSet.n.${field}`,
          [
            { label: `subnetSet.n.${field}`, name: new RegExp(`^subnetSet\\.\\d+\\.${field}$`) },
            { label: `subnetSet_n_${field}`, name: new RegExp(`^subnetSet_\\d+_${field}$`) },
          ],
        ]),
      ),
      subnetSet: [{ label: 'subnetSet=[{"subnetName":…}]', name: /^subnetSet$/, value: /^\s*[[{]/ }],
    },
    output: {
      vpcId: "string",
      unVpcId: "string",
      uniqVpcId: "string",
      vpcCreateTime: "string",
      "subnetSet[].subnetId": "string",
      "subnetSet[].unSubnetId": "string",
      "subnetSet[].routeTableId": "string",
      "subnetSet[].subnetName": "string",
      "subnetSet[].cidrBlock": "string",
      "subnetSet[].zoneId": "integer",
      "subnetSet[].zone": "string",
      "routeTableSet[].routeTableId": "string",
      "routeTableSet[].routeTableType": "integer",
      "routeTableSet[].routeTableName": "string",
    },
    optional: ["subnetSet"],
    errors: {
      InvalidVpcName: 4000,
      "InvalidVpcName.InUse": 5100,
      InvalidVpcCidr: 4000,
      VpcLimitExceeded: 5100,
      InvalidSubnetName: 4000,
      InvalidSubnetCidr: 4000,
      "InvalidSubnet.Conflict": 5100,
      SubnetLimitExceeded: 5100,
      // Of CreateSubnet (7.6), whose fields these are: decision 40.
      "InvalidZone.NotFound": 5000,
    },
  },
  DeleteVpc: {
    section: "7.2",
    parameters: ids("vpcId"),
    output: {},
    errors: { ...noVpc, "InvalidVpc.CannotDelete": 5100 },
  },
  ModifyVpcAttribute: {
    section: "7.3",
    parameters: { ...ids("vpcId"), ...texts("vpcName"), ...flags("isMulticast") },
    output: {},
    errors: { ...noVpc, InvalidVpcName: 4000, "InvalidVpcName.InUse": 5100 },
  },
  DescribeVpcEx: {
    section: "7.4",
    parameters: { ...ids("vpcId"), ...texts("vpcName", "vpnName"), ...paging("vpcName") },
    output: {
      totalCount: "integer",
      "data[].vpcId": "string",
      "data[].unVpcId": "string",
      "data[].vpcName": "string",
      "data[].cidrBlock": "string",
      ...Object.fromEntries(
        "subnetNum routeTableNum vpnGwNum vpcPeerNum vpcDeviceNum classicLinkNum vpgNum natNum"
          .split(" ")
          .map((name) => [`data[].${name}`, "integer"] as const),
      ),
      "data[].createTime": "string",
      "data[].isDefault": "boolean",
    },
    errors: noVpc,
  },
  DescribeVpcLimit: {
    section: "7.5",
    parameters: listOf("type", ..."0 1 2 3 4 5 7 8 15 17 18 20 22 32 34 36 38 44 51 55 56 57".split(" ")),
    output: { "data.limit.*": "integer" },
    errors: {},
  },
};

export const gateways: Readonly<Record<string, ActionContract>> = { ...vpnGateways, ...peerGateways, ...vpcs };
