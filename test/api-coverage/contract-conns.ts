// VPN channels and tasks: api-v2.md 4, 8.
import type { ActionContract, FieldType } from "./contract.ts";
import { flags, ids, ikeAndIpsec, list, paging, spdAcl, texts, words } from "./forms.ts";

const place = { "InvalidVpc.NotFound": -3047, "InvalidVpnGw.NotFound": 5000 } as const;
const placed = { ...place, "InvalidVpnConn.NotFound": 5000 } as const;

function under(path: string, fields: Readonly<Record<string, FieldType>>): Record<string, FieldType> {
  return Object.fromEntries(Object.entries(fields).map(([name, type]) => [`${path}.${name}`, type]));
}

const ikeOutput = {
  propoAuthenAlgorithm: "string",
  propoEncryAlgorithm: "string",
  exchangeMode: "string",
  localIdentity: "string",
  remoteIdentity: "string",
  localAddress: "string?",
  remoteAddress: "string?",
  localFqdnName: "string?",
  remoteFqdnName: "string?",
  dhGroupName: "string",
  ikeSaLifetimeSeconds: "string",
} as const;

const ipsecOutput = {
  encryptAlgorithm: "string",
  integrityAlgorith: "string",
  encapMode: "string",
  securityProto: "string",
  pfsDhGroup: "string",
  ipsecSaLifetimeSeconds: "string",
  ipsecSaLifetimeTraffic: "string",
} as const;

const addVpnConnEx: ActionContract = {
  section: "4.1, 4.2",
  parameters: {
    ...ids("vpcId", "vpnGwId", "userGwId"),
    ...texts("vpnConnName", "preSharedKey", "userGwName", "userGwAddr"),
    ...list("userGwCidrBlock"),
    ...spdAcl,
    ...ikeAndIpsec,
  },
  output: {
    "data.vpnGwId": "string",
    "data.userGwId": "string",
    "data.vpnConnId": "integer",
    "data.taskId": "integer",
    "data.vpnConnStatus": "integer",
    "data.preSharedKey": "string",
    "data.userGwSubnetList[]": "string",
  },
  errors: {
    ...place,
    "InvalidUserGw.NotFound": 5000,
    InvalidVpnConnName: 4000,
    "InvalidVpnConnName.InUse": 5100,
    VpnConnLimitExceeded: 5100,
    // Of a gateway on its way out: 8.
    InvalidVpnGwState: 5100,
    // Of another channel to the peer that is being modified: decision 12.
    ActionLocked: 5100,
    // Of a peer gateway given inline.
    InvalidUserGwName: 4000,
    UserGwLimitExceeded: 5100,
  },
};

const modifyVpnConnEx: ActionContract = {
  section: "4.3, 4.2",
  parameters: {
    ...ids("vpcId", "vpnGwId", "vpnConnId"),
    ...texts("vpnConnName", "preSharedKey"),
    ...list("userGwCidrBlock"),
    ...spdAcl,
    ...ikeAndIpsec,
  },
  output: {
    "data.vpnGwId": "string",
    "data.vpcConnId": "string",
    "data.taskId": "integer",
    "data.vpcConnStatus": "integer",
    "data.preSharedKey": "string",
    "data.userGwSubnetList[]": "string",
    "data.userGwId": "integer",
  },
  errors: {
    ...placed,
    InvalidVpnConnName: 4000,
    "InvalidVpnConnName.InUse": 5100,
    ActionLocked: 5100,
    // Of a channel whose removal has failed: 9.7, decision 11.
    InvalidVpnConnState: 5100,
  },
};

/** Ours: decision 75. */
const diagnosisOutput = {
  cause: "string",
  sentence: "string",
  side: "string",
  fix: "string",
  offered: "string",
  said: "string",
  sinceTime: "string",
} as const;

/** An older name of an action: one that works at all does what the other does, whatever the form. */
function alias(aliasOf: string, { output, errors }: ActionContract, ...names: readonly string[]): ActionContract {
  return { section: "4", parameters: texts(...names), output, errors, aliasOf };
}

export const conns: Readonly<Record<string, ActionContract>> = {
  AddVpnConnEx: addVpnConnEx,
  AddVpnConn: alias("AddVpnConnEx", addVpnConnEx, "vpcId", "vpnGwId", "userGwId"),
  ModifyVpnConnEx: modifyVpnConnEx,
  ModifyVpnConn: alias("ModifyVpnConnEx", modifyVpnConnEx, "vpcId", "vpnGwId", "vpnConnId"),
  DescribeVpnConn: {
    section: "4.4",
    parameters: {
      ...ids("vpcId", "vpnGwId", "vpnConnId"),
      ...texts("vpnConnName", "taskId"),
      ...flags("isNeedConnNet"),
      ...paging("vpnConnName"),
    },
    output: {
      totalCount: "integer",
      ...under("data[]", {
        vpcId: "string",
        unVpcId: "string",
        vpcName: "string",
        vpcCidrBlock: "string",
        vpnGwId: "integer",
        unVpnGwId: "string",
        vpnGwName: "string",
        vpnGwAddress: "string",
        vpnConnId: "integer",
        unVpnConnId: "string",
        vpnConnName: "string",
        userGwId: "integer",
        unUserGwId: "string",
        userGwName: "string",
        userGwAddress: "string",
        vpcConnStatus: "integer",
        netStatus: "string",
        preSharedKey: "string",
        remoteSlaIp: "string",
        "sourceCidr[]": "string",
        "destinationCidr[]": "string",
        "spdAcl.*[]": "string",
        vpnProto: "string",
        createTime: "string",
      }),
      ...under("data[].IKESet", ikeOutput),
      ...under("data[].IKEArr", ikeOutput),
      ...under("data[].IPsecSet", ipsecOutput),
      ...under("data[].IPSECArr", ipsecOutput),
      ...under("data[].diagnosis", diagnosisOutput),
    },
    optional: ["data[].diagnosis"],
    errors: placed,
  },
  DescribeVpnConnDiagnosis: {
    section: "none, this action is ours (decision 75); ids, lists and errors as in 3.1, 3.2, 4.4",
    parameters: { ...ids("vpcId", "vpnGwId", "vpnConnId"), ...texts("vpnConnName"), ...paging("vpnConnName") },
    output: {
      totalCount: "integer",
      ...under("data[]", {
        vpcId: "string",
        unVpcId: "string",
        vpnGwId: "integer",
        unVpnGwId: "string",
        vpnGwAddress: "string",
        vpnConnId: "integer",
        unVpnConnId: "string",
        vpnConnName: "string",
        userGwId: "integer",
        unUserGwId: "string",
        userGwAddress: "string",
        vpcConnStatus: "integer",
        netStatus: "string",
        failure: "string",
        ...under("diagnosis", { ...diagnosisOutput, "events[].time": "string", "events[].text": "string" }),
      }),
      ...under("unknownPeers[]", {
        vpnGwId: "integer",
        unVpnGwId: "string",
        address: "string",
        identity: "string",
        offered: "string",
        said: "string",
        firstTime: "string",
        lastTime: "string",
        count: "integer",
      }),
    },
    optional: ["data[].diagnosis"],
    errors: placed,
  },
  DeleteVpnConn: {
    section: "4.5",
    parameters: ids("vpcId", "vpnGwId", "vpnConnId"),
    output: {
      "data.vpnGwId": "string",
      "data.vpcConnId": "string",
      "data.taskId": "integer",
      "data.state": "integer",
    },
    errors: { ...placed, InvalidVpnConnState: 5100 },
  },
  ResetVpnConnSA: {
    section: "4.6",
    parameters: ids("vpcId", "vpnGwId", "vpnConnId"),
    output: {},
    errors: { ...placed, ActionLocked: 5100, InvalidVpnConnState: 5100 },
  },
  GetVpnConnConfig: {
    section: "4.7",
    parameters: {
      ...ids("vpnConnId"),
      ...words("vendorname", "cisco", "h3c"),
      ...words("platform", "ios", "comware"),
      ...words("software", "V15.4", "V1.0"),
      ...texts("interfaceName"),
    },
    output: { "data[].configFileInfo": "string" },
    errors: { "InvalidVpnConn.NotFound": 5000 },
  },
  DescribeVpnConnMonitor: {
    section: "4.8",
    parameters: {
      ...ids("vpcId", "vpnGwId", "vpnConnId"),
      ...words("metricName", "outtraffic", "intraffic"),
      ...texts("starttime", "endtime"),
    },
    output: { "data[]": "integer" },
    errors: placed,
  },
  DescribeVpcTaskResult: {
    section: "8",
    parameters: texts("taskId", "type"),
    output: { "data.status": "integer", "data.output.errorCode": "integer", "data.output.errorMsg": "string" },
    optional: ["data.output"],
    errors: { "InvalidTaskId.NotFound": 5000 },
  },
};
