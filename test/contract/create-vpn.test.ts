// CreateVpn: api-v2.md 5.2.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { makeVpc } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";

/** The table has the order numbers at top level, the sample in `data`: both (api-v2.md 11, 21). */
const sample = { code: 0, message: "", codeDesc: "Success", dealIds: [121], data: { dealIds: [121] } };

let server: LocalServer;
let vpcId: string;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  vpcId = await makeVpc(server.client);
});
afterAll(() => server.stop());

const usual = () => ({ name: "gateway", vpcId, period: "1", bandwidth: "5" });

/** Orders a gateway on a VPC of its own (a VPC has room for twelve), and finds it by its order number. */
async function order(parameters: Readonly<Record<string, string>>) {
  const own = await makeVpc(server.client);
  const reply = requireSuccess(await call(server.client, "CreateVpn", { ...usual(), vpcId: own, ...parameters }));
  const [dealId] = reply.dealIds as unknown[];
  return rowOf(await call(server.client, "DescribeVpnGw", { dealId: String(dealId) }));
}

describe("CreateVpn", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const { reply } = await sendCall(server.client, "CreateVpn", usual(), { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    expect(reply.data).toEqual({ dealIds: reply.dealIds });
  });

  it("makes a prepaid gateway that its order number finds", async () => {
    const row = await order({ name: "办公室", bandwidth: "100" });
    expect(row).toMatchObject({ vpnGwName: "办公室", bandwidth: 100, isAutoRenewals: true });
    expect(row.dealId).toBe(String(row.vpnGwId));
  });

  it("takes the VPC's old id", async () => {
    const { vpcId: old } = rowOf(await call(server.client, "DescribeVpcEx", { vpcId }));
    const row = await order({ vpcId: String(old) });
    expect(row.unVpcId).toBe(vpcId);
  });

  it.each(["5", "10", "20", "50", "100"])("takes a bandwidth of %s Mb/s", async (bandwidth) => {
    expect((await order({ bandwidth })).bandwidth).toBe(Number(bandwidth));
  });

  it.each(["0", "-5", "1", "6", "101", "5.0", "5M", "five"])("refuses a bandwidth of %s", async (bandwidth) => {
    const attempt = () => call(server.client, "CreateVpn", { ...usual(), bandwidth });
    await expectRefusal(server, "parameter-invalid", attempt, ["[bandwidth]"]);
  });

  it.each([
    ["1", 1],
    ["12", 12],
    ["36", 36],
  ])("takes a period of %s months", async (period, months) => {
    const row = await order({ period });
    const created = new Date(`${textAt(row, "createTime").replace(" ", "T")}Z`);
    const expires = new Date(`${textAt(row, "expireTime").replace(" ", "T")}Z`);
    const passed = (expires.getUTCFullYear() - created.getUTCFullYear()) * 12 + expires.getUTCMonth();
    expect(passed - created.getUTCMonth()).toBe(months);
  });

  it.each(["0", "37", "-1", "1.5", "month"])("refuses a period of %s", async (period) => {
    const attempt = () => call(server.client, "CreateVpn", { ...usual(), period });
    await expectRefusal(server, "parameter-invalid", attempt, ["[period]"]);
  });

  it.each([
    ["0", false],
    ["1", true],
    ["False", false],
    ["true", true],
  ])("takes isAutoRenewals %s", async (isAutoRenewals, expected) => {
    expect((await order({ isAutoRenewals })).isAutoRenewals).toBe(expected);
  });

  it("refuses isAutoRenewals that is no flag", async () => {
    const attempt = () => call(server.client, "CreateVpn", { ...usual(), isAutoRenewals: "2" });
    await expectRefusal(server, "parameter-invalid", attempt, ["[isAutoRenewals]"]);
  });

  it("takes a name of 60 characters", async () => {
    expect((await order({ name: "🛣".repeat(60) })).vpnGwName).toBe("🛣".repeat(60));
  });

  it.each([
    ["61 letters", "n".repeat(61)],
    ["61 characters beyond the basic plane", "🛣".repeat(61)],
    ["a tab", "a\tb"],
  ])("refuses a name of %s", async (_what, name) => {
    await expectRefusal(server, "vpn-gw-name-invalid", () => call(server.client, "CreateVpn", { ...usual(), name }));
  });

  it.each(["name", "vpcId", "period", "bandwidth"])("refuses a call without %s", async (missing) => {
    const attempt = () => call(server.client, "CreateVpn", { ...usual(), [missing]: "" });
    await expectRefusal(server, "parameter-invalid", attempt, [`[${missing}]`]);
  });

  it.each(["vpc-zzzzzzzz", "gz_vpc_999999", "999999"])("refuses the unknown VPC %s", async (unknown) => {
    const attempt = () => call(server.client, "CreateVpn", { ...usual(), vpcId: unknown });
    await expectRefusal(server, "vpc-not-found", attempt, [unknown]);
  });

  it("refuses another's VPC", async () => {
    const other = await server.addKey({ account: "other" });
    await expectRefusal(server, "vpc-not-found", () => call(other, "CreateVpn", usual()));
  });
});

describe("limits of VPN gateways", () => {
  it("10 fit into a VPC, and the pool's addresses into the server", async () => {
    const limited = await startLocalServer({ "network.publicPool": "198.51.100.10-198.51.100.20" });
    try {
      const create = (vpc: string) =>
        call(limited.client, "CreateVpn", { name: "g", vpcId: vpc, period: "1", bandwidth: "5" });
      const first = await makeVpc(limited.client);
      for (let made = 0; made < 10; made += 1) requireSuccess(await create(first));
      await expectRefusal(limited, "vpn-gw-limit-exceeded", () => create(first), [first]);
      const second = await makeVpc(limited.client, "10.1.0.0/16");
      requireSuccess(await create(second));
      await expectRefusal(limited, "public-address-exhausted", () => create(second));
    } finally {
      await limited.stop();
    }
  });
});
