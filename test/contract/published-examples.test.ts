// The examples of api-v2.md 4-8 and 12, to the letter: published ids and numbers in the request, the published reply. Where api-v2.md
// decides otherwise than the sample, the reply is the decision's: codeDesc always, numbers as integers, both spellings, no inner addresses.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { addTraffic } from "../../src/store/traffic.ts";
import { slotMs } from "../../src/vpn/traffic.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { countRowsFrom } from "../support/next-number.ts";
import { sendCall } from "../support/raw-call.ts";
import { requireSuccess, textAt } from "../support/reply.ts";
import { makeUserGw, makeVpc, makeVpnGw, waitForTask } from "../support/scene.ts";
import type { Method } from "../support/sign.ts";

const success = { code: 0, message: "", codeDesc: "Success" };
const refusal = (code: number, codeDesc: string, message: unknown = expect.any(String)) => ({
  code,
  message,
  codeDesc,
});

describe.each<Method>(["GET", "POST"])("by %s, the published example of", (method) => {
  const dataplane = new HeldDataplane();
  let server: LocalServer;
  beforeAll(async () => {
    server = await startLocalServer({ ...unlimited, "network.publicPool": "183.60.249.40-183.60.249.60" }, dataplane);
  });
  afterAll(() => server.stop());

  const ask = async (action: string, parameters: Readonly<Record<string, string>> = {}, region = "gz") =>
    (await sendCall({ ...server.client, region }, action, parameters, { method })).reply;

  type Table = "vpcs" | "vpn_gws" | "user_gws" | "vpn_conns" | "tasks";

  const countFrom = (table: Table, next: number) => countRowsFrom(server.store, table, next);

  /** Ids and times are the server's to choose: here they become the published ones. */
  async function publish(table: Exclude<Table, "tasks">, uid: string, published: string, time?: string): Promise<void> {
    const { sql: db } = server.store.db;
    const created_at = time === undefined ? undefined : Date.parse(`${time.replace(" ", "T")}+08:00`);
    await db.updateTable(table).set({ uid: published, created_at }).where("uid", "=", uid).execute();
  }

  it("CreateVpc, and of DescribeVpcEx", async () => {
    await countFrom("vpcs", 266);
    const reply = requireSuccess(await ask("CreateVpc", { vpcName: "test", cidrBlock: "10.0.0.0/16" }));
    expect(reply).toEqual({
      ...success,
      vpcId: "gz_vpc_266",
      unVpcId: reply.uniqVpcId,
      uniqVpcId: expect.stringMatching(/^vpc-[a-z0-9]{8}$/),
      vpcCreateTime: expect.stringMatching(/^[0-9-]{10} [0-9:]{8}$/),
      routeTableSet: [{ routeTableId: "gz_rtb_266", routeTableType: 1, routeTableName: "默认" }],
    });
    await publish("vpcs", textAt(reply, "unVpcId"), "vpc-2ari9m7h", "2015-07-29 15:29:31");
    const counts = { vpnGwNum: 0, vpcPeerNum: 0, vpcDeviceNum: 0, classicLinkNum: 0, vpgNum: 0, natNum: 0 };
    const row = {
      vpcId: "gz_vpc_266",
      unVpcId: "vpc-2ari9m7h",
      vpcName: "test",
      cidrBlock: "10.0.0.0/16",
      ...{ subnetNum: 0, routeTableNum: 1, ...counts },
      createTime: "2015-07-29 15:29:31",
      isDefault: false,
    };
    const listed = await ask("DescribeVpcEx", { offset: "0", limit: "1" });
    expect(listed).toEqual({ ...success, totalCount: 1, data: [row] });
  });

  it("InquiryVpnPrice, CreateVpn, RunVpnGw and DescribeVpnGw", async () => {
    expect(await ask("InquiryVpnPrice", { period: "1", bandwidth: "5" })).toEqual({ ...success, price: 380 });
    await countFrom("vpn_gws", 121);
    const name = "test001";
    const order = { name, vpcId: "vpc-2ari9m7h", period: "1", bandwidth: "5" };
    expect(await ask("CreateVpn", order)).toEqual({ ...success, dealIds: [121], data: { dealIds: [121] } });
    const run = { name, vpcId: "gz_vpc_266", bandwidth: "5", chargeType: "PREPAID", "chargePrepaid.period": "1" };
    const made = await ask("RunVpnGw", { ...run, "chargePrepaid.isAutoRenewals": "1" });
    expect(made).toEqual({ ...success, data: { vpnGwId: expect.stringMatching(/^vpngw-[a-z0-9]{8}$/) } });
    await server.database.settle();
    await publish("vpn_gws", textAt(made.data as never, "vpnGwId"), "vpngw-nhg87nmg", "2015-11-23 19:02:54");
    const expires_at = Date.parse("2015-12-23T19:04:40+08:00");
    await server.store.db.sql.updateTable("vpn_gws").set({ expires_at }).where("id", "=", 122).execute();
    const row = {
      ...{ vpcId: "gz_vpc_266", unVpcId: "vpc-2ari9m7h", vpcName: "test", vpcCidrBlock: "10.0.0.0/16" },
      ...{ vpnGwId: 122, unVpnGwId: "vpngw-nhg87nmg", vpnGwName: "test001", bandwidth: 5, vpnGwStatus: 6 },
      ...{ vpnGwAddress: "183.60.249.41", dealId: "122", localSlaIp: "", isAutoRenewals: true },
      ...{ expireTime: "2015-12-23 19:04:40", createTime: "2015-11-23 19:02:54" },
    };
    expect(await ask("DescribeVpnGw", { vpnGwId: "122" })).toEqual({ ...success, totalCount: 1, data: [row] });
  });

  it("DescribeVpnConn", async () => {
    const { client } = server;
    await countFrom("vpcs", 1_080);
    await publish("vpcs", await makeVpc(client, "10.100.6.0/24", "pan-vpc6"), "vpc-fyvpmam9");
    await countFrom("vpn_gws", 453);
    await publish("vpn_gws", await makeVpnGw(client, "vpc-fyvpmam9", "huasan-8080"), "vpngw-ncr48l69");
    await countFrom("user_gws", 232);
    const peer = { userGwName: "183.60.249.24", userGwAddr: "183.60.249.24" };
    await publish("user_gws", textAt(await ask("AddUserGw", peer), "userGwId"), "cgw-esg61xg5");
    await countFrom("vpn_conns", 292);
    const added = await call(client, "AddVpnConnEx", {
      ...{ vpcId: "vpc-fyvpmam9", vpnGwId: "453", userGwId: "232", vpnConnName: "292_testtest" },
      ...{ preSharedKey: "tencent", "userGwCidrBlock.0": "10.100.12.0/24" },
      IKESet: JSON.stringify({
        ...{ remoteIdentity: "fqdn", remoteFqdnName: "vpn86", dhGroupName: "group2", ikeSaLifetimeSeconds: 11180 },
        localAddress: "183.60.249.42",
      }),
      IPsecSet: JSON.stringify({
        ...{ encryptAlgorithm: "aes-cbc-192", pfsDhGroup: "dh-group1" },
        ...{ ipsecSaLifetimeSeconds: 500, ipsecSaLifetimeTraffic: 80000 },
      }),
    });
    await waitForTask(client, String((added.data as { taskId: number }).taskId));
    await server.database.settle();
    const [{ uid } = { uid: "" }] = await server.store.db.sql.selectFrom("vpn_conns").select("uid").execute();
    await publish("vpn_conns", uid, "vpnx-p0j71qf6", "2015-08-06 20:29:25");
    const ike = {
      ...{ propoAuthenAlgorithm: "md5", propoEncryAlgorithm: "3des-cbc", exchangeMode: "main" },
      ...{ localIdentity: "address", remoteIdentity: "fqdn", localAddress: "183.60.249.42", remoteAddress: null },
      ...{ localFqdnName: null, remoteFqdnName: "vpn86", dhGroupName: "group2", ikeSaLifetimeSeconds: "11180" },
    };
    const ipsec = {
      ...{ encryptAlgorithm: "aes-cbc-192", integrityAlgorith: "md5", encapMode: "tunnel", securityProto: "ESP" },
      ...{ pfsDhGroup: "dh-group1", ipsecSaLifetimeSeconds: "500", ipsecSaLifetimeTraffic: "80000" },
    };
    const row = {
      ...{ vpcId: "gz_vpc_1080", unVpcId: "vpc-fyvpmam9", vpcName: "pan-vpc6", vpcCidrBlock: "10.100.6.0/24" },
      ...{ vpnGwId: 453, unVpnGwId: "vpngw-ncr48l69", vpnGwName: "huasan-8080", vpnGwAddress: "183.60.249.42" },
      ...{ vpnConnId: 292, unVpnConnId: "vpnx-p0j71qf6", vpnConnName: "292_testtest" },
      ...{ userGwId: 232, unUserGwId: "cgw-esg61xg5", userGwName: "183.60.249.24", userGwAddress: "183.60.249.24" },
      ...{ vpcConnStatus: 6, netStatus: expect.stringMatching(/^(un)?available$/), preSharedKey: "tencent" },
      ...{ remoteSlaIp: "", sourceCidr: ["10.100.6.0/24"], destinationCidr: ["10.100.12.0/24"] },
      ...{ spdAcl: { "10.100.6.0/24": ["10.100.12.0/24"] }, vpnProto: "ip-sec", createTime: "2015-08-06 20:29:25" },
      ...{ IKESet: ike, IPsecSet: ipsec, IKEArr: ike, IPSECArr: ipsec },
    };
    const listed = await ask("DescribeVpnConn", { vpnConnId: "vpnx-p0j71qf6" });
    expect(listed).toEqual({ ...success, totalCount: 1, data: [row] });
  });

  const seed = { vpcId: "vpc-amhnnao5", vpnGwId: "vpngw-dystbrkv", userGwId: "cgw-e098slul" };
  const other = { vpcId: "vpc-03vihbk9", vpnGwId: "vpngw-kfldykuz", vpnConnId: "vpnx-ol6bcqp0" };

  it("AddVpnConnEx: the seed's own", async () => {
    const { client } = server;
    await publish("vpcs", await makeVpc(client, "192.168.0.0/24"), seed.vpcId);
    await countFrom("vpn_gws", 547);
    await publish("vpn_gws", await makeVpnGw(client, seed.vpcId), seed.vpnGwId);
    await countFrom("user_gws", 315);
    await publish("user_gws", await makeUserGw(client, "183.60.249.39"), seed.userGwId);
    await countFrom("vpn_conns", 399);
    await countFrom("tasks", 12_613);
    const request = { ...seed, "userGwCidrBlock.0": "10.56.20.1/24", preSharedKey: "dgdgd33" };
    const data = {
      ...{ vpnGwId: "vpngw-dystbrkv", userGwId: "cgw-e098slul", vpnConnId: 0, taskId: 12613, vpnConnStatus: 0 },
      ...{ preSharedKey: "dgdgd33", userGwSubnetList: ["10.56.20.1/24"] },
    };
    expect(await ask("AddVpnConnEx", request)).toEqual({ ...success, data });
    await waitForTask(client, "12613");
    await server.database.settle();
  });

  it("ModifyVpnConnEx, DescribeVpcTaskResult while it runs and when it is done, and ActionLocked", async () => {
    const [{ uid } = { uid: "" }] = await server.store.db.sql
      .selectFrom("vpn_conns")
      .select("uid")
      .where("id", "=", 399)
      .execute();
    await publish("vpcs", seed.vpcId, other.vpcId);
    await publish("vpn_gws", seed.vpnGwId, other.vpnGwId);
    await publish("vpn_conns", uid, other.vpnConnId);
    dataplane.hold();
    const request = { ...other, preSharedKey: "tencenttest", "userGwCidrBlock.0": "10.100.2.0/24" };
    const data = {
      ...{ vpnGwId: "vpngw-kfldykuz", vpcConnId: "vpnx-ol6bcqp0", taskId: 12614, vpcConnStatus: 2 },
      ...{ preSharedKey: "tencenttest", userGwSubnetList: ["10.100.2.0/24"], userGwId: 315 },
    };
    expect(await ask("ModifyVpnConnEx", request)).toEqual({ ...success, data });
    expect(await ask("DescribeVpcTaskResult", { taskId: "12614" })).toEqual({ ...success, data: { status: 2 } });
    expect(await ask("ModifyVpnConnEx", other)).toEqual(refusal(5100, "ActionLocked"));
    dataplane.release();
    await waitForTask(server.client, "12614");
    expect(await ask("DescribeVpcTaskResult", { taskId: "12614" })).toEqual({ ...success, data: { status: 0 } });
  });

  it("GetVpnConnConfig and DescribeVpnConnMonitor", async () => {
    const device = { vendorname: "cisco", platform: "ios", software: "V15.4" };
    const config = await ask("GetVpnConnConfig", { vpnConnId: other.vpnConnId, ...device });
    expect(config).toEqual({ ...success, data: [{ configFileInfo: expect.stringContaining("tencenttest") }] });
    const startsAtMs = Date.parse("2016-07-06T12:00:00+08:00");
    for (const [index, bps] of [1221, 1212, 787].entries()) {
      const slot = {
        startsAtMs: startsAtMs + index * slotMs,
        bytesIn: 0,
        bytesOut: Math.round((bps * slotMs) / 8_000),
      };
      await server.store.transaction((db) => addTraffic(db, 399, slot));
    }
    const times = { starttime: "2016-07-06 12:00:00", endtime: "2016-07-06 12:15:00" };
    const monitor = await ask("DescribeVpnConnMonitor", { ...other, metricName: "outtraffic", ...times });
    expect(monitor).toEqual({ ...success, data: [1221, 1212, 787] });
  });

  it("ResetVpnConnSA and DeleteVpnConn", async () => {
    expect(await ask("ResetVpnConnSA", other)).toEqual(success);
    const data = { vpnGwId: "vpngw-kfldykuz", vpcConnId: "vpnx-ol6bcqp0", taskId: 12615, state: 4 };
    expect(await ask("DeleteVpnConn", other)).toEqual({ ...success, data });
    await waitForTask(server.client, "12615");
    const gone = refusal(5000, "InvalidVpnConn.NotFound", expect.stringContaining("vpnx-ol6bcqp0"));
    expect(await ask("DeleteVpnConn", other)).toEqual(gone);
  });

  it("DescribeUserGw, ModifyUserGw, DeleteUserGw and DescribeUserGwVendor", async () => {
    await countFrom("user_gws", 404);
    const added = await ask("AddUserGw", { userGwName: "183.60.249.12", userGwAddr: "183.60.249.12" });
    expect(added).toEqual({ ...success, userGwId: expect.stringMatching(/^cgw-[a-z0-9]{8}$/) });
    await publish("user_gws", textAt(added, "userGwId"), "cgw-1tb1k34n", "2016-06-23 11:11:49");
    const row = {
      ...{ userGwName: "183.60.249.12", userGwId: 404, unUserGwId: "cgw-1tb1k34n", userGwAddr: "183.60.249.12" },
      ...{ vpnConnNum: 0, createTime: "2016-06-23 11:11:49" },
    };
    expect(await ask("DescribeUserGw", { userGwId: "404" })).toEqual({ ...success, totalCount: 1, data: [row] });
    expect(await ask("ModifyUserGw", { userGwId: "cgw-1tb1k34n", userGwName: "test" })).toEqual(success);
    expect(await ask("DeleteUserGw", { userGwId: "cgw-1tb1k34n" })).toEqual(success);
    const { data, ...rest } = await ask("DescribeUserGwVendor");
    expect(rest).toEqual(success);
    expect((data as unknown[]).slice(0, 2)).toEqual([
      { platform: "ios", software: "V15.4", vendorname: "cisco" },
      { platform: "comware", software: "V1.0", vendorname: "h3c" },
    ]);
  });

  it("ModifyVpnGw, RenewVpn with both kinds of ids, ModifyVpcAttribute, DescribeVpcLimit", async () => {
    const gw = { vpcId: "vpc-2ari9m7h", vpnGwId: "vpngw-nhg87nmg" };
    expect(await ask("ModifyVpnGw", { ...gw, vpnGwName: "test", isAutoRenewals: "0" })).toEqual(success);
    expect(await ask("RenewVpn", { vpcId: "gz_vpc_266", vpnGwId: gw.vpnGwId, period: "1" })).toEqual(success);
    expect(await ask("ModifyVpcAttribute", { vpcId: gw.vpcId, vpcName: "test2" })).toEqual(success);
    // 2 is route tables, of which a VPC has its own.
    const limits = { ...success, data: { limit: { "1": 10, "2": 1 } } };
    expect(await ask("DescribeVpcLimit", { "type.0": "1", "type.1": "2" })).toEqual(limits);
  });

  it("DeleteVpnGw and DeleteVpc, and of what is refused", async () => {
    const deleted = await ask("DeleteVpnGw", { vpcId: other.vpcId, vpnGwId: other.vpnGwId });
    expect(deleted).toEqual({ ...success, data: { taskId: 12616 } });
    await waitForTask(server.client, "12616");
    expect(await ask("DeleteVpc", { vpcId: other.vpcId })).toEqual(success);
    const message = expect.stringMatching(/^\(-3047\).*vpc-03vihbk9/);
    expect(await ask("DeleteVpc", { vpcId: other.vpcId })).toEqual(refusal(-3047, "InvalidVpc.NotFound", message));
    const missing = refusal(4000, "InvalidParameter", expect.stringContaining("[vpcId]"));
    expect(await ask("DeleteVpc")).toEqual(missing);
    const tamper = (pairs: [string, string][]) =>
      pairs.map(([n, v]): [string, string] => [n, n === "Region" ? "sh" : v]);
    const { reply } = await sendCall(server.client, "DescribeVpcEx", {}, { method, tamper });
    expect(reply).toEqual(refusal(4100, "AuthFailure"));
  });
});
