// The vendor's own client drives a server through the whole life of a channel: api-v2.md 9.6, and the seed's own call in the middle.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, numberAt, requireSuccess, rowOf, rowsOf, textAt } from "../support/reply.ts";
import { ServerProcess } from "../support/server.ts";
import { makeVendorCall, type VendorCall, vendorVariants } from "../support/vendor-sdk.ts";
import { waitFor } from "../support/wait-for.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(() => server.stop());

/** Polls as a program of the vendor's customers would: until the task's status is no longer 2. */
async function waitForTask(send: VendorCall, taskId: number): Promise<void> {
  const status = await waitFor(
    async () => {
      const { status } = dataOf(await send("DescribeVpcTaskResult", { taskId }));
      return status === 2 ? undefined : String(status);
    },
    { what: `task ${taskId} to end` },
  );
  expect(status).toBe("0");
}

describe.each(vendorVariants)("qcloudapi-sdk by $method with $signatureMethod", (options) => {
  const label = `${options.method} ${options.signatureMethod}`;

  it.each(["CreateVpn", "RunVpnGw"])("takes a channel from %s to the end", async (purchase) => {
    const send = makeVendorCall(server.client, options);
    const vpcName = `办公室 a+b&c=d%41 "${label} ${purchase}"`;
    const vpc = requireSuccess(await send("CreateVpc", { vpcName, cidrBlock: "192.168.0.0/24" }));
    const vpcId = textAt(vpc, "uniqVpcId");

    let filter: Record<string, unknown>;
    if (purchase === "CreateVpn") {
      const order = await send("CreateVpn", { name: "gateway", vpcId, period: 1, bandwidth: 5 });
      const [dealId] = requireSuccess(order).dealIds as unknown[];
      filter = { dealId };
    } else {
      const chargePrepaid = { period: 1, isAutoRenewals: false };
      const order = await send("RunVpnGw", {
        name: "gateway",
        vpcId,
        bandwidth: 5,
        chargeType: "PREPAID",
        chargePrepaid,
      });
      filter = { vpnGwId: textAt(dataOf(order), "vpnGwId") };
    }
    const gateway = await waitFor(
      async () => {
        const row = rowOf(await send("DescribeVpnGw", filter));
        return row.vpnGwStatus === 6 ? row : undefined;
      },
      { what: "the gateway to run" },
    );
    const vpnGwId = textAt(gateway, "unVpnGwId");
    expect(gateway).toMatchObject({ unVpcId: vpcId, vpcName, isAutoRenewals: purchase === "CreateVpn" });

    const peer = requireSuccess(await send("AddUserGw", { userGwName: "peer", userGwAddr: "203.0.113.21" }));
    const userGwId = textAt(peer, "userGwId");

    const seed = { vpcId, userGwId, vpnGwId, userGwCidrBlock: ["10.56.20.1/24"], preSharedKey: "dgdgd33" };
    const added = await send("AddVpnConnEx", seed);
    const taskId = numberAt(dataOf(added), "taskId");
    const data = { vpnGwId, userGwId, vpnConnId: 0, taskId, vpnConnStatus: 0 };
    const echo = { preSharedKey: "dgdgd33", userGwSubnetList: ["10.56.20.1/24"] };
    expect(added).toEqual({ code: 0, message: "", codeDesc: "Success", data: { ...data, ...echo } });
    await waitForTask(send, taskId);
    const conn = await waitFor(
      async () => {
        const row = rowOf(await send("DescribeVpnConn", { vpcId, vpnGwId, limit: 50, offset: 0 }));
        return row.netStatus === "available" ? row : undefined;
      },
      { what: "the tunnel to come up" },
    );
    expect(conn).toMatchObject({
      vpcConnStatus: 6,
      preSharedKey: "dgdgd33",
      sourceCidr: ["192.168.0.0/24"],
      destinationCidr: ["10.56.20.0/24"],
      unUserGwId: userGwId,
    });

    const vpnConnId = textAt(conn, "unVpnConnId");
    const deletion = dataOf(await send("DeleteVpnConn", { vpcId, vpnGwId, vpnConnId }));
    expect(deletion).toMatchObject({ vpnGwId, vpcConnId: vpnConnId, state: 4 });
    await waitForTask(send, numberAt(deletion, "taskId"));
    expect(rowsOf(await send("DescribeVpnConn", { vpcId }))).toEqual([]);
    requireSuccess(await send("DeleteUserGw", { userGwId }));
    await waitForTask(send, numberAt(dataOf(await send("DeleteVpnGw", { vpcId, vpnGwId })), "taskId"));
    requireSuccess(await send("DeleteVpc", { vpcId }));
    expect(await send("DescribeVpcEx", { vpcId })).toMatchObject({ code: -3047, codeDesc: "InvalidVpc.NotFound" });
  });

  it("asks for prices and quotas, and changes what is there", async () => {
    const send = makeVendorCall(server.client, options);
    expect(await send("InquiryVpnPrice", { period: 12, bandwidth: 10 })).toMatchObject({ code: 0, price: 10_560 });
    expect(dataOf(await send("DescribeVpcLimit", { type: [0, 4] }))).toEqual({ limit: { "0": 5, "4": 10 } });
    const subnetSet = [
      { subnetName: "前 a_b", cidrBlock: "10.0.1.0/24", zoneId: 100_001 },
      { subnetName: "b", cidrBlock: "10.0.2.0/24", zoneId: "ap-guangzhou-2" },
    ];
    const made = requireSuccess(
      await send("CreateVpc", { vpcName: `${label} subnets`, cidrBlock: "10.0.0.0/16", subnetSet }),
    );
    expect(made.subnetSet).toMatchObject([
      { subnetName: "前 a_b", cidrBlock: "10.0.1.0/24", zoneId: 100_001 },
      { subnetName: "b", cidrBlock: "10.0.2.0/24", zoneId: 100_002 },
    ]);
    const vpcId = textAt(made, "uniqVpcId");
    requireSuccess(await send("ModifyVpcAttribute", { vpcId, vpcName: `${label} 新` }));
    expect(rowOf(await send("DescribeVpcEx", { vpcId }))).toMatchObject({ vpcName: `${label} 新`, subnetNum: 2 });

    const order = { name: "g", vpcId, bandwidth: 5, chargeType: "PREPAID", chargePrepaid: { period: 1 } };
    const vpnGwId = textAt(dataOf(await send("RunVpnGw", order)), "vpnGwId");
    const { expireTime } = rowOf(await send("DescribeVpnGw", { vpnGwId }));
    requireSuccess(await send("RenewVpn", { vpcId, vpnGwId, period: 12 }));
    requireSuccess(await send("ModifyVpnGw", { vpcId, vpnGwId, vpnGwName: "新 a_b", isAutoRenewals: 0 }));
    const renewed = rowOf(await send("DescribeVpnGw", { vpnGwId }));
    expect(renewed).toMatchObject({ vpnGwName: "新 a_b", isAutoRenewals: false });
    expect(Number(textAt(renewed, "expireTime").slice(0, 4))).toBe(Number(String(expireTime).slice(0, 4)) + 1);

    const peer = requireSuccess(await send("AddUserGw", { userGwName: "peer", userGwAddr: "203.0.113.22" }));
    const userGwId = textAt(peer, "userGwId");
    requireSuccess(await send("ModifyUserGw", { userGwId, userGwName: "新" }));
    expect(rowOf(await send("DescribeUserGw", { userGwId })).userGwName).toBe("新");

    requireSuccess(await send("DeleteUserGw", { userGwId }));
    await waitForTask(send, numberAt(dataOf(await send("DeleteVpnGw", { vpcId, vpnGwId })), "taskId"));
    requireSuccess(await send("DeleteVpc", { vpcId }));
  });

  it("speaks HTTPS, whatever the certificate", async () => {
    const endpoint = server.endpoint.replace("http:", "https:");
    const send = makeVendorCall({ ...server.client, endpoint }, options);
    const vpcName = `办公室 @ ${label} over HTTPS`;
    const { uniqVpcId } = requireSuccess(await send("CreateVpc", { vpcName, cidrBlock: "10.0.0.0/16" }));
    expect(rowOf(await send("DescribeVpcEx", { vpcId: uniqVpcId })).vpcName).toBe(vpcName);
    requireSuccess(await send("DeleteVpc", { vpcId: uniqVpcId }));
  });

  it("hands over objects, lists and refusals as it should", async () => {
    const send = makeVendorCall(server.client, options);
    const { uniqVpcId: vpcId } = requireSuccess(await send("CreateVpc", { vpcName: label, cidrBlock: "10.0.0.0/16" }));
    const order = { name: "g", vpcId, bandwidth: 5, chargeType: "POSTPAID_BY_HOUR" };
    const vpnGwId = textAt(dataOf(await send("RunVpnGw", order)), "vpnGwId");
    const peer = { userGwAddr: "192.0.2.77", userGwName: "silent" };
    const spdAcl = { "10.0.0.5/24": ["172.123.10.5/16", "172.124.0.0/16"], "10.0.1.0/24": ["172.123.0.0/16"] };
    const full = {
      vpcId,
      vpnGwId,
      ...peer,
      vpnConnName: "名 a_b.c",
      preSharedKey: "d!@#12d",
      spdAcl,
      IKESet: { propoEncryAlgorithm: "aes-cbc-256", dhGroupName: "group14", ikeSaLifetimeSeconds: 604_800 },
      IPsecSet: [{ encryptAlgorithm: "aes-cbc-128", integrityAlgorith: "sha", pfsDhGroup: "dh-group2" }],
    };
    const data = dataOf(await send("AddVpnConnEx", full));
    expect(data.userGwSubnetList).toEqual(["172.123.10.5/16", "172.124.0.0/16", "172.123.0.0/16"]);
    await waitForTask(send, numberAt(data, "taskId"));
    expect(rowOf(await send("DescribeVpnConn", { taskId: data.taskId }))).toMatchObject({
      vpnConnName: "名 a_b.c",
      preSharedKey: "d!@#12d",
      spdAcl: { "10.0.0.0/24": ["172.123.0.0/16", "172.124.0.0/16"], "10.0.1.0/24": ["172.123.0.0/16"] },
      IKESet: { propoEncryAlgorithm: "aes-cbc-256", dhGroupName: "group14", ikeSaLifetimeSeconds: "604800" },
      IPsecSet: { encryptAlgorithm: "aes-cbc-128", integrityAlgorith: "sha1", pfsDhGroup: "dh-group2" },
      netStatus: "unavailable",
    });
    const asText = { ...full, spdAcl: JSON.stringify({ "10.0.9.0/24": ["172.30.0.0/16"] }) };
    expect(await send("AddVpnConnEx", asText)).toMatchObject({
      code: 5100,
      codeDesc: "InvalidVpnConnName.InUse",
    });
  });
});
