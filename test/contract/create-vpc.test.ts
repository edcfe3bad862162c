// CreateVpc: api-v2.md 7.1.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { nextNumber } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";

/** The page's reply to a call without subnets; those with are in create-vpc-subnets.test.ts. */
const sample = {
  code: 0,
  message: "",
  codeDesc: "Success",
  vpcId: "gz_vpc_266",
  unVpcId: "vpc-2ari9m7h",
  uniqVpcId: "vpc-2ari9m7h",
  vpcCreateTime: "2015-07-29 15:29:31",
  routeTableSet: [{ routeTableId: "gz_rtb_8751", routeTableType: 1, routeTableName: "默认" }],
};

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

function createVpc(cidrBlock: string, vpcName = `vpc ${nextNumber()}`, region = "gz") {
  return call({ ...server.client, region }, "CreateVpc", { vpcName, cidrBlock });
}

describe("CreateVpc", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const parameters = { vpcName: `office ${method}`, cidrBlock: "10.1.0.0/16" };
    const { reply } = await sendCall(server.client, "CreateVpc", parameters, { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    const [, number] = /^gz_vpc_([1-9][0-9]*)$/.exec(textAt(reply, "vpcId")) ?? [];
    expect(reply).toEqual({
      ...sample,
      vpcId: `gz_vpc_${number}`,
      unVpcId: expect.stringMatching(/^vpc-[a-z0-9]{8}$/),
      uniqVpcId: reply.unVpcId,
      vpcCreateTime: expect.stringMatching(/^20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]$/),
      routeTableSet: [{ ...sample.routeTableSet[0], routeTableId: `gz_rtb_${number}` }],
    });
  });

  it("gives the time in China's zone", async () => {
    const before = server.clock.now();
    const reply = requireSuccess(await createVpc("10.0.0.0/24"));
    const createdAtMs = Date.parse(`${textAt(reply, "vpcCreateTime").replace(" ", "T")}+08:00`);
    expect(Math.abs(createdAtMs - before)).toBeLessThan(10_000);
  });

  it.each([
    ["10.0.0.0/16", "10.0.0.0/16"],
    ["10.255.255.240/28", "10.255.255.240/28"],
    ["172.16.0.0/16", "172.16.0.0/16"],
    ["172.31.255.0/24", "172.31.255.0/24"],
    ["192.168.0.0/16", "192.168.0.0/16"],
    ["192.168.255.128/25", "192.168.255.128/25"],
    ["10.20.80.77/24", "10.20.80.0/24"],
  ])("takes %s and shows %s", async (given, shown) => {
    const vpcId = textAt(requireSuccess(await createVpc(given)), "unVpcId");
    expect(rowOf(await call(server.client, "DescribeVpcEx", { vpcId })).cidrBlock).toBe(shown);
  });

  it.each([
    ["10.0.0.0/15"],
    ["10.0.0.0/29"],
    ["172.15.0.0/16"],
    ["172.32.0.0/16"],
    ["192.167.0.0/16"],
    ["11.0.0.0/16"],
    ["0.0.0.0/0"],
    ["10.0.0.0"],
    ["10.0.0.0/"],
    ["10.0.0/16"],
    ["010.0.0.0/16"],
    ["10.0.0.256/24"],
    ["::/64"],
    ["nonsense"],
  ])("refuses the block %s", async (cidrBlock) => {
    await expectRefusal(server, "vpc-cidr-invalid", () => createVpc(cidrBlock));
  });

  it.each([
    ["60 letters", "n".repeat(60)],
    ["60 characters beyond the basic plane", "🛣".repeat(60)],
    ["marks, blanks and Chinese", "alblack.bbb-9910_ 办公室 & <b>'\""],
    ["one character", "v"],
  ])("takes a name of %s", async (_what, vpcName) => {
    const reply = requireSuccess(await createVpc("10.0.0.0/16", vpcName));
    const row = rowOf(await call(server.client, "DescribeVpcEx", { vpcId: textAt(reply, "unVpcId") }));
    expect(row.vpcName).toBe(vpcName);
  });

  it.each([
    ["61 letters", "n".repeat(61)],
    ["61 characters beyond the basic plane", "🛣".repeat(61)],
    ["a line break", "a\nb"],
    ["a control character", "a\u0007b"],
  ])("refuses a name of %s", async (_what, vpcName) => {
    await expectRefusal(server, "vpc-name-invalid", () => createVpc("10.0.0.0/16", vpcName));
  });

  it("refuses a name that is in use, but not in another region or account", async () => {
    requireSuccess(await createVpc("10.0.0.0/16", "twice"));
    await expectRefusal(server, "vpc-name-in-use", () => createVpc("10.1.0.0/16", "twice"));
    requireSuccess(await createVpc("10.0.0.0/16", "twice", "bj"));
    const other = await server.addKey({ account: "other" });
    requireSuccess(await call(other, "CreateVpc", { vpcName: "twice", cidrBlock: "10.0.0.0/16" }));
  });

  it.each(["vpcName", "cidrBlock"])("refuses a call without %s", async (missing) => {
    const parameters = { vpcName: "v", cidrBlock: "10.0.0.0/16", [missing]: "" };
    await expectRefusal(server, "parameter-invalid", () => call(server.client, "CreateVpc", parameters), [
      `[${missing}]`,
    ]);
  });
});

describe("the quota of VPCs", () => {
  it("is 5 in each region", async () => {
    const limited = await startLocalServer();
    try {
      const create = (vpcName: string, region: string) =>
        call({ ...limited.client, region }, "CreateVpc", { vpcName, cidrBlock: "10.0.0.0/16" });
      for (const name of ["1", "2", "3", "4", "5"]) requireSuccess(await create(name, "gz"));
      await expectRefusal(limited, "vpc-limit-exceeded", () => create("6", "gz"), ["5"]);
      requireSuccess(await create("6", "sh"));
    } finally {
      await limited.stop();
    }
  });
});
