// The vendor's own client calls every action of the catalogue, by GET and POST, signed with SHA-1 and SHA-256: one life of a channel
// with everything that can be asked and changed on the way.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Reply } from "../../src/cli/client.ts";
import { actions, notOffered } from "../../src/v2/actions/index.ts";
import { dataOf, numberAt, requireSuccess, rowOf, rowsOf, textAt } from "../support/reply.ts";
import { ServerProcess } from "../support/server.ts";
import { makeVendorCall, type VendorCall, vendorVariants } from "../support/vendor-sdk.ts";
import { waitFor } from "../support/wait-for.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(() => server.stop());

/** Ends with the task, which must succeed. */
async function endOf(send: VendorCall, reply: Reply): Promise<void> {
  const taskId = numberAt(dataOf(reply), "taskId");
  const result = async () => dataOf(await send("DescribeVpcTaskResult", { taskId }));
  await waitFor(async () => (await result()).status !== 2, { what: `task ${taskId} to end` });
  expect(await result()).toEqual({ status: 0 });
}

/** Makes a VPC with a gateway and a peer, each changed and looked at. @returns where a channel can go */
async function prepare(send: VendorCall) {
  expect((await send("InquiryVpnPrice", { period: 1, bandwidth: 5 })).price).toBe(380);
  expect(dataOf(await send("DescribeVpcLimit", { type: [5] })).limit).toEqual({ "5": 20 });
  expect(rowsOf(await send("DescribeUserGwVendor"))[0]).toMatchObject({ vendorname: "cisco" });
  const vpcId = textAt(await send("CreateVpc", { vpcName: "first name", cidrBlock: "10.0.0.0/16" }), "uniqVpcId");
  await send("ModifyVpcAttribute", { vpcId, vpcName: "办公室" });
  expect(rowOf(await send("DescribeVpcEx", { vpcId })).vpcName).toBe("办公室");

  const [dealId] = (await send("CreateVpn", { name: "by month", vpcId, period: 1, bandwidth: 5 })).dealIds as unknown[];
  const hourly = { name: "by hour", vpcId, bandwidth: 10, chargeType: "POSTPAID_BY_HOUR" };
  const second = textAt(dataOf(await send("RunVpnGw", hourly)), "vpnGwId");
  const gateway = async () => rowOf(await send("DescribeVpnGw", { dealId }));
  await waitFor(async () => (await gateway()).vpnGwStatus === 6, { what: "the gateway to run" });
  const before = await gateway();
  const vpnGwId = textAt(before, "unVpnGwId");
  await send("RenewVpn", { vpcId, vpnGwId, period: 12 });
  await send("ModifyVpnGw", { vpcId, vpnGwId, vpnGwName: "renamed", isAutoRenewals: false });
  const after = await gateway();
  expect(after).toMatchObject({ vpnGwName: "renamed", isAutoRenewals: false });
  expect(textAt(after, "expireTime") > textAt(before, "expireTime")).toBe(true);

  const userGwId = textAt(await send("AddUserGw", { userGwName: "peer", userGwAddr: "203.0.113.40" }), "userGwId");
  await send("ModifyUserGw", { userGwId, userGwName: "同行" });
  expect(rowOf(await send("DescribeUserGw", { userGwId })).userGwName).toBe("同行");
  return { vpcId, vpnGwId, userGwId, second };
}

describe.each(vendorVariants)("qcloudapi-sdk by $method with $signatureMethod", (options) => {
  it("carries out every action of the catalogue, under the older names too", async () => {
    const driven = new Set<string>();
    const vendor = makeVendorCall(server.client, options);
    const send: VendorCall = async (action, parameters) => {
      const reply = requireSuccess(await vendor(action, parameters));
      driven.add(action);
      return reply;
    };
    const { vpcId, vpnGwId, userGwId, second } = await prepare(send);
    const place = { vpcId, vpnGwId, userGwId };

    await endOf(send, await send("AddVpnConnEx", { ...place, userGwCidrBlock: ["10.56.20.1/24"], preSharedKey: "k" }));
    await endOf(send, await send("AddVpnConn", { ...place, spdAcl: { "10.0.0.5/24": ["172.20.10.5/16"] } }));
    const conns = rowsOf(await send("DescribeVpnConn", { vpcId, orderDirection: "asc" }));
    expect(conns.map((conn) => conn.preSharedKey)).toEqual(["k", "k"]);
    const [one, two] = conns.map((conn) => ({ vpcId, vpnGwId, vpnConnId: textAt(conn, "unVpnConnId") }));
    const IPsecSet = { encryptAlgorithm: "aes-cbc-256" };
    await endOf(send, await send("ModifyVpnConnEx", { ...one, vpnConnName: "名 a_b", IPsecSet }));
    await endOf(send, await send("ModifyVpnConn", { ...two, userGwCidrBlock: ["172.21.0.0/16"] }));
    const changed = rowsOf(await send("DescribeVpnConn", { vpnGwId, orderDirection: "asc" }));
    expect(changed).toMatchObject([{ vpnConnName: "名 a_b", IPsecSet }, { destinationCidr: ["172.21.0.0/16"] }]);
    await send("ResetVpnConnSA", one);
    const device = { vendorname: "h3c", platform: "comware", software: "V1.0", interfaceName: "GigabitEthernet0/0" };
    const [config] = rowsOf(await send("GetVpnConnConfig", { vpnConnId: one?.vpnConnId, ...device }));
    expect(config?.configFileInfo).toContain("10.56.20.0");
    const diagnosed = rowOf(await send("DescribeVpnConnDiagnosis", { vpnConnId: one?.vpnConnId }));
    expect(diagnosed.unVpnConnId).toBe(one?.vpnConnId);
    const traffic = await send("DescribeVpnConnMonitor", { ...one, metricName: "intraffic" });
    expect((traffic.data as unknown[]).length).toBeGreaterThan(280);

    for (const conn of [one, two]) await endOf(send, await send("DeleteVpnConn", conn));
    await send("DeleteUserGw", { userGwId });
    for (const id of [vpnGwId, second]) await endOf(send, await send("DeleteVpnGw", { vpcId, vpnGwId: id }));
    await send("DeleteVpc", { vpcId });
    expect([...driven].sort()).toEqual([...actions.keys()].sort());
  });

  it("is told of every action that is known and not offered", async () => {
    const vendor = makeVendorCall(server.client, options);
    for (const action of notOffered) {
      expect(await vendor(action)).toMatchObject({ code: 6100, codeDesc: "NotFound" });
    }
  });
});
