// DescribeVpcEx: api-v2.md 7.4.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { describeListRules } from "../support/list-rules.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf } from "../support/reply.ts";
import { makeVpc, makeVpnGw } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";

/** The page's row, with `isDefault` of its Chinese table. */
const sample = {
  code: 0,
  message: "",
  codeDesc: "Success",
  totalCount: 1,
  data: [
    {
      vpcId: "gz_vpc_266",
      unVpcId: "vpc-2ari9m7h",
      vpcName: "test",
      cidrBlock: "10.0.0.0/16",
      subnetNum: 0,
      routeTableNum: 1,
      vpnGwNum: 0,
      vpcPeerNum: 0,
      vpcDeviceNum: 0,
      classicLinkNum: 0,
      vpgNum: 0,
      natNum: 0,
      createTime: "2015-07-29 15:29:31",
      isDefault: false,
    },
  ],
};

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

describe("DescribeVpcEx", () => {
  it("answers as the page says", async () => {
    const vpcName = "办公室 office";
    const made = requireSuccess(await call(server.client, "CreateVpc", { vpcName, cidrBlock: "10.3.0.0/20" }));
    const reply = await call(server.client, "DescribeVpcEx", { vpcId: String(made.unVpcId) });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    const { vpcId, unVpcId, vpcCreateTime: createTime } = made;
    const row = { ...sample.data[0], vpcId, unVpcId, vpcName, cidrBlock: "10.3.0.0/20", createTime };
    expect(reply).toEqual({ ...sample, data: [row] });
  });

  it("counts the subnets", async () => {
    const subnets = [1, 2, 3].flatMap((number) => [
      [`subnetSet.${number}.subnetName`, `subnet ${number}`],
      [`subnetSet.${number}.cidrBlock`, `10.0.${number}.0/24`],
      [`subnetSet.${number}.zoneId`, "100001"],
    ]);
    const parameters = { vpcName: "with subnets", cidrBlock: "10.0.0.0/16", ...Object.fromEntries(subnets) };
    const { unVpcId } = requireSuccess(await call(server.client, "CreateVpc", parameters));
    expect(rowOf(await call(server.client, "DescribeVpcEx", { vpcId: String(unVpcId) })).subnetNum).toBe(3);
    expect(rowOf(await call(server.client, "DescribeVpcEx", { vpcId: await makeVpc(server.client) })).subnetNum).toBe(
      0,
    );
  });

  it("finds by name under the name that the English page misprints", async () => {
    const vpcId = await makeVpc(server.client, "10.0.0.0/16", "misprinted");
    const reply = await call(server.client, "DescribeVpcEx", { vpnName: "misprint" });
    expect(rowOf(reply).unVpcId).toBe(vpcId);
    const both = { vpcName: "no such thing", vpnName: "misprint" };
    expect((await call(server.client, "DescribeVpcEx", both)).totalCount).toBe(0);
  });

  it("counts the VPN gateways", async () => {
    const vpcId = await makeVpc(server.client);
    await makeVpnGw(server.client, vpcId);
    await makeVpnGw(server.client, vpcId);
    expect(rowOf(await call(server.client, "DescribeVpcEx", { vpcId })).vpnGwNum).toBe(2);
  });

  it("takes the old id in its long, bare and long-named form, in its own region only", async () => {
    const vpcName = "by old ids";
    const made = requireSuccess(await call(server.client, "CreateVpc", { vpcName, cidrBlock: "10.3.0.0/20" }));
    const number = String(made.vpcId).replace("gz_vpc_", "");
    for (const vpcId of [`gz_vpc_${number}`, number, `ap-guangzhou_vpc_${number}`]) {
      expect(rowOf(await call(server.client, "DescribeVpcEx", { vpcId })).unVpcId).toBe(made.unVpcId);
      const long = { ...server.client, region: "ap-guangzhou" };
      expect(rowOf(await call(long, "DescribeVpcEx", { vpcId })).unVpcId).toBe(made.unVpcId);
      const elsewhere = { ...server.client, region: "bj" };
      await expectRefusal(server, "vpc-not-found", () => call(elsewhere, "DescribeVpcEx", { vpcId }), [vpcId]);
    }
    const mismatch = { vpcId: `bj_vpc_${number}` };
    await expectRefusal(server, "vpc-not-found", () => call(server.client, "DescribeVpcEx", mismatch));
  });
});

describeListRules(() => server, {
  action: "DescribeVpcEx",
  idParameter: "vpcId",
  nameParameter: "vpcName",
  uidField: "unVpcId",
  oldIdField: "vpcId",
  notFound: "vpc-not-found",
  maxLimit: 1_000,
  prepare: async (client) => (vpcName) => makeVpc(client, "10.0.0.0/16", vpcName),
});
