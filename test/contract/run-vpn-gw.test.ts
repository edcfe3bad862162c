// RunVpnGw: api-v2.md 5.3.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { findVpnGw, makeVpc } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";
import { waitFor } from "../support/wait-for.ts";

const sample = { code: 0, message: "", codeDesc: "Success", data: { vpnGwId: "vpngw-dystbrkv" } };

let server: LocalServer;
let vpcId: string;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  vpcId = await makeVpc(server.client);
});
afterAll(() => server.stop());

const prepaid = () => ({ name: "g", vpcId, bandwidth: "5", chargeType: "PREPAID", "chargePrepaid.period": "1" });
const hourly = () => ({ name: "g", vpcId, bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" });

/** Runs a gateway on a VPC of its own, for a VPC has room for twelve. */
async function run(parameters: Readonly<Record<string, string>>) {
  const own = await makeVpc(server.client);
  const data = dataOf(await call(server.client, "RunVpnGw", { vpcId: own, ...parameters }));
  return findVpnGw(server.client, textAt(data, "vpnGwId"));
}

const withoutVpc = (parameters: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(parameters).filter(([name]) => name !== "vpcId"));

describe("RunVpnGw", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const { reply } = await sendCall(server.client, "RunVpnGw", prepaid(), { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    expect(dataOf(reply).vpnGwId).toMatch(/^vpngw-[a-z0-9]{8}$/);
  });

  it("makes a gateway that comes to run", async () => {
    const { unVpnGwId } = await run(withoutVpc(hourly()));
    const status = async () => (await findVpnGw(server.client, String(unVpnGwId))).vpnGwStatus;
    await waitFor(async () => (await status()) === 6, { what: "the gateway to run" });
  });

  it("takes the VPC's old id", async () => {
    const { vpcId: old } = rowOf(await call(server.client, "DescribeVpcEx", { vpcId }));
    expect((await run({ ...prepaid(), vpcId: String(old) })).unVpcId).toBe(vpcId);
  });

  it("has an end when paid before, and none when paid by the hour", async () => {
    const { expireTime } = await run(withoutVpc(prepaid()));
    expect(expireTime).toMatch(/^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}$/);
    expect((await run(withoutVpc(hourly()))).expireTime).toBeNull();
  });

  it.each(["5", "10", "20", "50", "100"])("takes a bandwidth of %s Mb/s", async (bandwidth) => {
    expect((await run({ ...withoutVpc(hourly()), bandwidth })).bandwidth).toBe(Number(bandwidth));
  });

  it.each(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "24", "36"])(
    "takes a period of %s months",
    async (period) => {
      const row = await run({ ...withoutVpc(prepaid()), "chargePrepaid.period": period });
      const years = Number(textAt(row, "expireTime").slice(0, 4)) - Number(textAt(row, "createTime").slice(0, 4));
      const months = Number(textAt(row, "expireTime").slice(5, 7)) - Number(textAt(row, "createTime").slice(5, 7));
      expect(years * 12 + months).toBe(Number(period));
    },
  );

  it.each([
    ["chargePrepaid_period", "chargePrepaid_isAutoRenewals", "1", true],
    ["chargePrepaid.period", "chargePrepaid.isAutoRenewals", "0", false],
    ["chargePrepaid.period", "chargePrepaid.isAutoRenewals", "False", false],
    ["chargePrepaid.period", "chargePrepaid.isAutoRenewals", "true", true],
  ])("takes %s and %s=%s", async (period, isAutoRenewals, flag, expected) => {
    const order = { name: "g", bandwidth: "5", chargeType: "PREPAID", [period]: "2", [isAutoRenewals]: flag };
    expect((await run(order)).isAutoRenewals).toBe(expected);
  });

  it.each<[string, Record<string, string>]>([
    ["one JSON text", { chargePrepaid: '{"period":2,"isAutoRenewals":0}' }],
    ["a list of one", { "chargePrepaid.0.period": "2", "chargePrepaid.0.isAutoRenewals": "0" }],
  ])("takes chargePrepaid as %s", async (_how, chargePrepaid) => {
    const row = await run({ name: "g", bandwidth: "5", chargeType: "PREPAID", ...chargePrepaid });
    expect(row.isAutoRenewals).toBe(false);
    expect(row.expireTime).toMatch(/^[0-9]{4}-/);
  });

  it("renews by itself unless told not to", async () => {
    expect((await run(withoutVpc(prepaid()))).isAutoRenewals).toBe(true);
  });

  it.each([
    ["bandwidth", "6"],
    ["bandwidth", "5 "],
    ["chargeType", "FREE"],
    ["chargePrepaid.period", "0"],
    ["chargePrepaid.period", "13"],
    ["chargePrepaid.period", "35"],
    ["chargePrepaid.period", "37"],
    ["chargePrepaid.period", "1e1"],
    ["chargePrepaid.isAutoRenewals", "yes"],
  ])("refuses %s=%s", async (name, value) => {
    const attempt = () => call(server.client, "RunVpnGw", { ...prepaid(), [name]: value });
    await expectRefusal(server, "parameter-invalid", attempt, [`[${name}]`]);
  });

  it.each(["name", "vpcId", "bandwidth", "chargeType", "chargePrepaid.period"])(
    "refuses a call without %s",
    async (missing) => {
      const attempt = () => call(server.client, "RunVpnGw", { ...prepaid(), [missing]: "" });
      await expectRefusal(server, "parameter-invalid", attempt, [`[${missing}]`]);
    },
  );

  it("takes a name of 60 characters, and refuses 61", async () => {
    const name = "字".repeat(60);
    expect((await run({ ...withoutVpc(hourly()), name })).vpnGwName).toBe(name);
    const attempt = () => call(server.client, "RunVpnGw", { ...hourly(), name: `${name}字` });
    await expectRefusal(server, "vpn-gw-name-invalid", attempt);
  });

  it("refuses a VPC that is not there, or another's", async () => {
    const attempt = () => call(server.client, "RunVpnGw", { ...hourly(), vpcId: "vpc-zzzzzzzz" });
    await expectRefusal(server, "vpc-not-found", attempt, ["vpc-zzzzzzzz"]);
    const other = await server.addKey({ account: "other" });
    await expectRefusal(server, "vpc-not-found", () => call(other, "RunVpnGw", hourly()));
  });

  it("refuses the thirteenth gateway of a VPC without a quota: there is no address for it", async () => {
    const full = await makeVpc(server.client);
    for (let made = 0; made < 12; made += 1) {
      requireSuccess(await call(server.client, "RunVpnGw", { ...hourly(), vpcId: full }));
    }
    const attempt = () => call(server.client, "RunVpnGw", { ...hourly(), vpcId: full });
    await expectRefusal(server, "vpn-gw-limit-exceeded", attempt, [full]);
  });

  it("refuses a gateway for which the region has no public address left", async () => {
    const small = await startLocalServer({ "network.publicPool": "198.51.100.10-198.51.100.11" });
    try {
      const own = await makeVpc(small.client);
      const attempt = () => call(small.client, "RunVpnGw", { ...hourly(), vpcId: own });
      for (let made = 0; made < 2; made += 1) requireSuccess(await attempt());
      await expectRefusal(small, "public-address-exhausted", attempt);
    } finally {
      await small.stop();
    }
  });
});
