// DescribeVpcLimit: api-v2.md 7.5, 9.1.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf } from "../support/reply.ts";
import { shapeOf } from "../support/shape.ts";

/** The page's reply to its own call. Its second number is 10; here there are no route tables to be made (decision 42). */
const sample = { code: 0, message: "", codeDesc: "Success", data: { limit: { "1": 10, "2": 10 } } };

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer();
});
afterAll(() => server.stop());

const list = (types: readonly string[]) => Object.fromEntries(types.map((type, index) => [`type.${index}`, type]));
const limitsOf = async (of: LocalServer, types: readonly string[]) =>
  dataOf(await call(of.client, "DescribeVpcLimit", list(types))).limit;

describe("DescribeVpcLimit", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const { reply } = await sendCall(server.client, "DescribeVpcLimit", { "type.0": "1", "type.1": "2" }, { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    expect(reply).toEqual({ ...sample, data: { limit: { "1": 10, "2": 1 } } });
  });

  it("shows the quotas in force", async () => {
    const limit = { "0": 5, "1": 10, "4": 10, "5": 20, "7": 2_147_483_647, "8": 20 };
    expect(await limitsOf(server, ["0", "1", "4", "5", "7", "8"])).toEqual(limit);
  });

  it("shows none of what cannot be had", async () => {
    const types = ["3", "15", "17", "18", "20", "22", "32", "34", "36", "38", "44", "51", "55", "56", "57"];
    expect(await limitsOf(server, types)).toEqual(Object.fromEntries(types.map((type) => [type, 0])));
  });

  it("shows the quotas of the settings; but a VPC has room for twelve gateways", async () => {
    const own = await startLocalServer({
      "quota.vpcs": "1",
      "quota.subnetsPerVpc": "2",
      "quota.vpnGwsPerVpc": "3",
      "quota.userGws": "4",
      "quota.vpnConns": "6",
      "quota.vpnConnsPerUserGw": "5",
    });
    const free = await startLocalServer({
      "quota.vpcs": "0",
      "quota.subnetsPerVpc": "0",
      "quota.vpnGwsPerVpc": "0",
      "quota.userGws": "0",
      "quota.vpnConns": "0",
    });
    const large = await startLocalServer({ "quota.vpnGwsPerVpc": "13" });
    try {
      const quotas = { "0": 1, "1": 2, "4": 3, "5": 4, "7": 5, "8": 6 };
      expect(await limitsOf(own, ["0", "1", "4", "5", "7", "8"])).toEqual(quotas);
      const most = 2_147_483_647;
      const unlimited = { "0": most, "1": most, "4": 12, "5": most, "8": most };
      expect(await limitsOf(free, ["0", "1", "4", "5", "8"])).toEqual(unlimited);
      expect(await limitsOf(large, ["4"])).toEqual({ "4": 12 });
    } finally {
      for (const each of [own, free, large]) await each.stop();
    }
  });

  it.each<[string, Record<string, string>]>([
    ["a scalar", { type: "5" }],
    ["another spelling", { type_0: "5" }],
    ["a gap", { "type.7": "5" }],
    ["the same twice", { "type.0": "5", "type.1": "5" }],
  ])("takes %s", async (_what, parameters) => {
    expect(dataOf(await call(server.client, "DescribeVpcLimit", parameters))).toEqual({ limit: { "5": 20 } });
  });

  it.each<[string, Record<string, string>]>([
    ["no type", {}],
    ["an empty one", { "type.0": "" }],
    ["one that is not on the page", { "type.0": "1", "type.1": "6" }],
    ["a word", { "type.0": "vpcs" }],
    ["another way to write a number", { "type.0": "01" }],
    ["a negative one", { "type.0": "-1" }],
  ])("refuses %s", async (_what, parameters) => {
    const attempt = () => call(server.client, "DescribeVpcLimit", parameters);
    await expectRefusal(server, "parameter-invalid", attempt, ["[type]"]);
  });

  it("may be read with a read-only key", async () => {
    const reader = await server.addKey({ isReadOnly: true });
    expect(dataOf(await call(reader, "DescribeVpcLimit", { type: "0" }))).toEqual({ limit: { "0": 5 } });
  });
});
