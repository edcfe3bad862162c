// Walks the catalogues: an action, a parameter or a refusal that no contract test speaks of fails the build.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type RefusalKind, refusalKinds } from "../../src/errors.ts";
import { actions, aliases } from "../../src/v2/actions/index.ts";
import { v2Errors } from "../../src/v2/errors.ts";
import { refusals } from "../support/refusal.ts";

/** Refusals that nothing produces yet. This list may only shrink. */
const notProduced: readonly RefusalKind[] = [];
const mostNotProduced = 0;

const root = join(import.meta.dirname, "..", "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const contractFiles = globSync("test/contract/*.test.ts", { cwd: root }).filter((path) => !path.includes("catalogue"));
const listRules = read("test/support/list-rules.ts");

/** Actions under their own names. */
const ownNames = [...actions.keys()].filter((name) => !Object.hasOwn(aliases, name));

/** `AddVpnConnEx` -> `add-vpn-conn-ex`. */
function kebab(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, "-$&").toLowerCase();
}

/** The text of an action's own tests, of which there may be several files. */
function testsOf(action: string): string {
  const own = contractFiles.filter((path) => path.startsWith(`test/contract/${kebab(action)}`));
  const text = own.map(read).join("\n");
  return text.includes("describeListRules(") ? text + listRules : text;
}

/** The sets of IKE and IPsec settings under every name, and their fields. */
const settings = [
  ..."ikeSet ipsecSet IKESet IPsecSet IKEArr IPSECArr propoEncryAlgorithm propoAuthenAlgorithm exchangeMode".split(" "),
  ..."localIdentity remoteIdentity localAddress remoteAddress localFqdnName remoteFqdnName dhGroupName".split(" "),
  ..."ikeSaLifetimeSeconds encryptAlgorithm integrityAlgorith integrityAlgorithm".split(" "),
  ..."ipsecSaLifetimeSeconds ipsecSaLifetimeTraffic pfsDhGroup".split(" "),
];

/** What the published pages, and the vendor's command line, know of each action (api-v2.md 4-8, 10). */
const published: Readonly<Record<string, readonly string[]>> = {
  AddUserGw: ["userGwName", "userGwAddr"],
  AddVpnConnEx: [
    ..."vpcId vpnGwId userGwId vpnConnName preSharedKey userGwCidrBlock spdAcl userGwName userGwAddr".split(" "),
    ...settings,
  ],
  CreateVpc: ["vpcName", "cidrBlock", "subnetSet", "subnetName", "zoneId"],
  CreateVpn: ["name", "vpcId", "period", "bandwidth", "isAutoRenewals"],
  DeleteUserGw: ["userGwId"],
  DeleteVpc: ["vpcId"],
  DeleteVpnConn: ["vpcId", "vpnGwId", "vpnConnId"],
  DeleteVpnGw: ["vpcId", "vpnGwId"],
  DescribeUserGw: ["userGwId", "userGwName", "offset", "limit", "orderField", "orderDirection"],
  DescribeUserGwVendor: [],
  DescribeVpcEx: ["vpcId", "vpcName", "offset", "limit", "orderField", "orderDirection"],
  DescribeVpcLimit: ["type"],
  DescribeVpcTaskResult: ["taskId", "type"],
  DescribeVpnConn: [
    ..."vpcId vpnGwId vpnConnId vpnConnName offset limit orderField orderDirection isNeedConnNet taskId".split(" "),
  ],
  DescribeVpnConnMonitor: ["vpcId", "vpnGwId", "vpnConnId", "metricName", "starttime", "endtime"],
  DescribeVpnGw: [
    ..."vpcId vpnGwId vpnGwName dealId offset limit orderField orderDirection vpnGwAddressSet".split(" "),
  ],
  InquiryVpnPrice: ["period", "bandwidth"],
  ModifyUserGw: ["userGwId", "userGwName"],
  ModifyVpcAttribute: ["vpcId", "vpcName", "isMulticast"],
  ModifyVpnGw: ["vpcId", "vpnGwId", "vpnGwName", "isAutoRenewals", "chargeType", "localSlaIp", "sslVpnPort"],
  RenewVpn: ["vpcId", "vpnGwId", "period"],
  ModifyVpnConnEx: [
    ..."vpcId vpnGwId vpnConnId vpnConnName preSharedKey userGwCidrBlock spdAcl".split(" "),
    ...settings,
  ],
  ResetVpnConnSA: ["vpcId", "vpnGwId", "vpnConnId"],
  RunVpnGw: ["name", "vpcId", "bandwidth", "chargeType", "chargePrepaid.period", "chargePrepaid.isAutoRenewals"],
};

/** Parameters that an action's source reads by name. */
function parametersRead(action: string): string[] {
  const source = read(`src/v2/actions/${kebab(action)}.ts`);
  const calls = source.matchAll(/parameters\.(?:\w+)\(\[?"([^"]+)"/g);
  return [...calls].flatMap(([, name]) => name ?? []);
}

describe("every action", () => {
  it.each(ownNames)("%s has a contract test that calls it", (name) => {
    expect(contractFiles).toContain(`test/contract/${kebab(name)}.test.ts`);
    expect(testsOf(name)).toContain(`"${name}"`);
  });

  it("is on the list of what is published, and the other way round", () => {
    expect(Object.keys(published).sort()).toEqual(ownNames.sort());
  });

  it.each(Object.entries(aliases))("%s has a test under its older name", (name, action) => {
    expect(testsOf(action.name)).toContain(`"${name}"`);
  });

  it.each(ownNames)("%s: each published parameter, and each that is read, is in its tests", (name) => {
    const tests = testsOf(name);
    const missing = [...(published[name] ?? []), ...parametersRead(name)].filter((each) => !tests.includes(each));
    expect(missing).toEqual([]);
  });

  it("reads if it describes or asks, and writes if it does not", () => {
    for (const { name, isWrite } of actions.values())
      expect([name, isWrite]).toEqual([name, !/^(Describe|Get|Inquiry)/.test(name)]);
  });
});

describe("every refusal", () => {
  const tests = contractFiles.map(read).join("\n");

  it.each(refusalKinds.filter((kind) => !notProduced.includes(kind)))("%s is produced by a contract test", (kind) => {
    expect(tests).toContain(`"${kind}"`);
  });

  it("that is excepted is produced by nothing in src, and the exceptions grow no more", () => {
    const tables = ["src/errors.ts", "src/v2/errors.ts"];
    const sources = globSync("src/**/*.ts", { cwd: root }).filter(
      (path) => !tables.includes(path) && !path.endsWith(".test.ts"),
    );
    const produced = notProduced.filter((kind) => sources.some((path) => read(path).includes(`"${kind}"`)));
    expect(produced).toEqual([]);
    expect(notProduced.length).toBeLessThanOrEqual(mostNotProduced);
  });

  it("has the number and the name of the contract", () => {
    const spelt = Object.entries(v2Errors).map(([kind, { code, codeDesc }]) => [kind, [code, codeDesc]]);
    expect(Object.fromEntries(spelt)).toEqual(refusals);
  });

  it.each([
    ["AddVpnConnEx", ["vpc-not-found", "vpn-gw-not-found", "user-gw-not-found", "vpn-conn-name-invalid"]],
    ["AddVpnConnEx", ["vpn-conn-name-in-use", "vpn-conn-limit-exceeded", "vpn-gw-state-invalid"]],
    ["DescribeVpnConn", ["vpc-not-found", "vpn-gw-not-found", "vpn-conn-not-found"]],
    ["DescribeVpnConnMonitor", ["vpc-not-found", "vpn-gw-not-found", "vpn-conn-not-found"]],
    ["DeleteVpnConn", ["vpc-not-found", "vpn-gw-not-found", "vpn-conn-not-found", "vpn-conn-state-invalid"]],
    ["ModifyVpnConnEx", ["vpc-not-found", "vpn-gw-not-found", "vpn-conn-not-found", "vpn-conn-name-invalid"]],
    ["ModifyVpnConnEx", ["vpn-conn-name-in-use", "action-locked", "vpn-conn-state-invalid", "parameter-invalid"]],
    ["ResetVpnConnSA", ["vpc-not-found", "vpn-gw-not-found", "vpn-conn-not-found", "action-locked"]],
    ["CreateVpn", ["vpc-not-found", "vpn-gw-name-invalid", "vpn-gw-limit-exceeded"]],
    ["DescribeVpnGw", ["vpc-not-found", "vpn-gw-not-found"]],
    ["DeleteVpnGw", ["vpc-not-found", "vpn-gw-not-found", "vpn-gw-state-invalid", "action-locked"]],
    ["AddUserGw", ["user-gw-name-invalid", "user-gw-address-in-use", "user-gw-limit-exceeded"]],
    ["DeleteUserGw", ["user-gw-not-found", "user-gw-in-use"]],
    ["DescribeUserGw", ["user-gw-not-found"]],
    ["CreateVpc", ["vpc-name-invalid", "vpc-name-in-use", "vpc-cidr-invalid", "vpc-limit-exceeded"]],
    ["CreateVpc", ["subnet-name-invalid", "subnet-cidr-invalid", "subnet-conflict", "subnet-limit-exceeded"]],
    ["DeleteVpc", ["vpc-not-found", "vpc-in-use"]],
    ["ModifyVpcAttribute", ["vpc-not-found", "vpc-name-invalid", "vpc-name-in-use"]],
    ["ModifyVpnGw", ["vpc-not-found", "vpn-gw-not-found", "vpn-gw-state-invalid", "vpn-gw-name-invalid"]],
    ["RenewVpn", ["vpc-not-found", "vpn-gw-not-found", "vpn-gw-state-invalid"]],
    ["ModifyUserGw", ["user-gw-not-found", "user-gw-name-invalid"]],
    ["DescribeVpcEx", ["vpc-not-found"]],
    ["DescribeVpcTaskResult", ["task-not-found"]],
    ["GetVpnConnConfig", ["vpn-conn-not-found", "parameter-invalid"]],
  ] satisfies [string, RefusalKind[]][])("of the page of %s is produced by its tests: %s", (action, kinds) => {
    const own = testsOf(action);
    expect(kinds.filter((kind) => !own.includes(`"${kind}"`))).toEqual([]);
  });
});
