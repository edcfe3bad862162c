// CreateVpc with subnetSet: api-v2.md 7.1, 7.6, 1.3 (zones), 9.1.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { type Row, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { nextNumber } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";

/** The page's own call. */
const asked = {
  vpcName: "bbbtest",
  cidrBlock: "192.168.0.0/16",
  "subnetSet.0.subnetName": "wikitest",
  "subnetSet.0.cidrBlock": "192.168.1.0/24",
  "subnetSet.0.zoneId": "800001",
};

/** The page's reply, with both spellings of the VPC's id and the zone's name of its table. */
const sample = {
  code: 0,
  message: "",
  codeDesc: "Success",
  vpcId: "gz_vpc_266",
  unVpcId: "vpc-2ari9m7h",
  uniqVpcId: "vpc-2ari9m7h",
  vpcCreateTime: "2015-11-06 11:33:52",
  subnetSet: [
    {
      subnetId: "gz_subnet_18720",
      unSubnetId: "subnet-5gu2jxf4",
      routeTableId: "gz_rtb_8751",
      subnetName: "wikitest",
      cidrBlock: "192.168.1.0/24",
      zoneId: 800_001,
      zone: "ap-beijing-1",
    },
  ],
  routeTableSet: [{ routeTableId: "gz_rtb_8751", routeTableType: 1, routeTableName: "默认" }],
};

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

type Parameters = Readonly<Record<string, string>>;

const create = (parameters: Parameters) =>
  call(server.client, "CreateVpc", { vpcName: `vpc ${nextNumber()}`, cidrBlock: "10.0.0.0/16", ...parameters });

function subnetsOf(reply: Row): Row[] {
  const { subnetSet } = reply;
  if (!Array.isArray(subnetSet)) throw new Error("subnetSet is not a list");
  return subnetSet;
}

/** The parameters of one subnet. */
const subnet = (index: number, subnetName: string, cidrBlock: string, zoneId = "100001"): Parameters => ({
  [`subnetSet.${index}.subnetName`]: subnetName,
  [`subnetSet.${index}.cidrBlock`]: cidrBlock,
  [`subnetSet.${index}.zoneId`]: zoneId,
});

const namesAndBlocks = (reply: Row) => subnetsOf(reply).map((row) => [row.subnetName, row.cidrBlock]);

describe("CreateVpc with subnetSet", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const parameters = { ...asked, vpcName: `bbbtest ${method}` };
    const { reply } = await sendCall(server.client, "CreateVpc", parameters, { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    const number = textAt(reply, "vpcId").replace("gz_vpc_", "");
    expect(subnetsOf(reply)).toEqual([
      {
        ...sample.subnetSet[0],
        subnetId: expect.stringMatching(/^gz_subnet_[1-9][0-9]*$/),
        unSubnetId: expect.stringMatching(/^subnet-[a-z0-9]{8}$/),
        routeTableId: `gz_rtb_${number}`,
      },
    ]);
  });

  it("says nothing of subnets when none was asked for", async () => {
    for (const parameters of [{}, { subnetSet: "" }, { subnetSet: "[]" }, { "subnetSet.0.subnetName": "" }]) {
      expect(requireSuccess(await create(parameters))).not.toHaveProperty("subnetSet");
    }
  });

  it("keeps several in order, each with ids of its own", async () => {
    const reply = requireSuccess(
      await create({
        ...subnet(10, "third", "10.0.3.0/24"),
        ...subnet(2, "first", "10.0.1.0/24"),
        ...subnet(5, "second 办公室", "10.0.2.0/28"),
      }),
    );
    expect(namesAndBlocks(reply)).toEqual([
      ["first", "10.0.1.0/24"],
      ["second 办公室", "10.0.2.0/28"],
      ["third", "10.0.3.0/24"],
    ]);
    for (const field of ["subnetId", "unSubnetId"]) {
      expect(new Set(subnetsOf(reply).map((row) => row[field])).size).toBe(3);
    }
    const { subnetNum } = rowOf(await call(server.client, "DescribeVpcEx", { vpcId: textAt(reply, "unVpcId") }));
    expect(subnetNum).toBe(3);
  });

  it.each<[string, Parameters]>([
    ["underscores", { subnetSet_0_subnetName: "a", subnetSet_0_cidrBlock: "10.0.1.0/24", subnetSet_0_zoneId: "1" }],
    ["no index", { "subnetSet.subnetName": "a", "subnetSet.cidrBlock": "10.0.1.0/24", "subnetSet.zoneId": "100001" }],
    ["a JSON list", { subnetSet: '[{"subnetName":"a","cidrBlock":"10.0.1.0/24","zoneId":100001}]' }],
    ["a JSON object", { subnetSet: '{"subnetName":"a","cidrBlock":"10.0.1.0/24","zoneId":"100001"}' }],
    ["a list of JSON objects", { "subnetSet.0": '{"subnetName":"a","cidrBlock":"10.0.1.0/24","zoneId":100001}' }],
  ])("takes them with %s", async (_how, parameters) => {
    expect(namesAndBlocks(requireSuccess(await create(parameters)))).toEqual([["a", "10.0.1.0/24"]]);
  });

  it.each([
    ["10.0.0.0/16", "the VPC's own block"],
    ["10.0.255.240/28", "the smallest block"],
    ["10.0.7.77/24", "host bits, and gives them back"],
  ])("takes %s: %s", async (cidrBlock) => {
    expect(namesAndBlocks(requireSuccess(await create(subnet(0, "a", cidrBlock))))).toEqual([["a", cidrBlock]]);
  });

  it.each(["10.1.0.0/24", "10.0.0.0/15", "10.0.0.0/29", "10.0.1.0", "172.16.0.0/24", "nonsense"])(
    "refuses the block %s, and makes no VPC",
    async (cidrBlock) => {
      const attempt = () => create({ ...subnet(0, "good", "10.0.9.0/24"), ...subnet(1, "bad", cidrBlock) });
      await expectRefusal(server, "subnet-cidr-invalid", attempt, ["bad"]);
    },
  );

  it.each(["10.0.1.0/24", "10.0.1.128/25", "10.0.0.0/16"])("refuses %s beside 10.0.1.0/24", async (cidrBlock) => {
    const attempt = () => create({ ...subnet(0, "a", "10.0.1.0/24"), ...subnet(1, "b", cidrBlock) });
    await expectRefusal(server, "subnet-conflict", attempt, ["10.0.1.0/24"]);
  });

  it.each([
    ["61 letters", "n".repeat(61)],
    ["61 characters beyond the basic plane", "🛣".repeat(61)],
    ["a line break", "a\nb"],
  ])("refuses a name of %s, and makes no VPC", async (_what, name) => {
    await expectRefusal(server, "subnet-name-invalid", () => create(subnet(0, name, "10.0.1.0/24")));
  });

  it("refuses a name twice in a VPC, but takes it in another, of 60 characters too", async () => {
    const name = "🛣".repeat(60);
    const twice = { ...subnet(0, name, "10.0.1.0/24"), ...subnet(1, name, "10.0.2.0/24") };
    await expectRefusal(server, "subnet-name-invalid", () => create(twice));
    for (const _ of [1, 2]) requireSuccess(await create(subnet(0, name, "10.0.1.0/24")));
  });

  it.each([
    ["100001", 100_001, "ap-guangzhou-1"],
    ["ap-guangzhou-3", 100_003, "ap-guangzhou-3"],
    ["7", 7, ""],
    ["rack-b", 0, "rack-b"],
  ])("takes zone %s", async (given, zoneId, zone) => {
    const [row] = subnetsOf(requireSuccess(await create(subnet(0, "a", "10.0.1.0/24", given))));
    expect(row).toMatchObject({ zoneId, zone });
  });

  it.each(["0", "-1", "100001.5", "a b", "99999999999"])("refuses zone '%s'", async (zone) => {
    await expectRefusal(server, "zone-not-found", () => create(subnet(0, "a", "10.0.1.0/24", zone)));
  });

  it.each(["subnetName", "cidrBlock", "zoneId"])("refuses a subnet without %s", async (missing) => {
    const name = `subnetSet.1.${missing}`;
    const parameters = { ...subnet(0, "a", "10.0.1.0/24"), ...subnet(1, "b", "10.0.2.0/24"), [name]: "" };
    await expectRefusal(server, "parameter-invalid", () => create(parameters), [`[${name}]`]);
  });

  it.each(["x", "[1]", '[{"subnetName":["a"]}]'])("refuses subnetSet=%s", async (subnetSet) => {
    await expectRefusal(server, "parameter-invalid", () => create({ subnetSet }), ["[subnetSet"]);
  });
});

describe("the quota of subnets", () => {
  const many = (count: number): Parameters => {
    const indices = Array.from({ length: count }, (_, index) => index);
    return Object.assign({}, ...indices.map((index) => subnet(index, `s${index}`, `10.0.${index}.0/24`)));
  };

  it("is 10 in each VPC", async () => {
    expect(subnetsOf(requireSuccess(await create(many(10))))).toHaveLength(10);
    await expectRefusal(server, "subnet-limit-exceeded", () => create(many(11)), ["10", "11"]);
    requireSuccess(await create(many(10)));
  });

  it("is the settings', and 0 is none", async () => {
    for (const [quota, count] of [
      ["2", 3],
      ["0", 200],
    ] as const) {
      const own = await startLocalServer({ "quota.subnetsPerVpc": quota });
      try {
        const attempt = () => call(own.client, "CreateVpc", { vpcName: "v", cidrBlock: "10.0.0.0/16", ...many(count) });
        if (quota === "0") expect(subnetsOf(requireSuccess(await attempt()))).toHaveLength(count);
        else await expectRefusal(own, "subnet-limit-exceeded", attempt, ["2"]);
      } finally {
        await own.stop();
      }
    }
  });
});
