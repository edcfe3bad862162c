// RenewVpn: api-v2.md 5.6, 5.5.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal, expectRefusalAmidWork } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { findVpnGw, makeVpc, makeVpnGw } from "../support/scene.ts";

const dataplane = new HeldDataplane();
let server: LocalServer;
let vpcId: string;
let vpnGwId: string;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  vpcId = await makeVpc(server.client);
  vpnGwId = await orderGateway();
});
afterAll(() => server.stop());

/** A gateway that is paid for one month. */
async function orderGateway(): Promise<string> {
  const order = { name: "paid", vpcId, period: "1", bandwidth: "5" };
  const [dealId] = requireSuccess(await call(server.client, "CreateVpn", order)).dealIds as unknown[];
  await server.database.settle();
  return textAt(rowOf(await call(server.client, "DescribeVpnGw", { dealId: String(dealId) })), "unVpnGwId");
}

const renew = (parameters: Readonly<Record<string, string>> = {}) =>
  call(server.client, "RenewVpn", { vpcId, vpnGwId, period: "1", ...parameters });
const expiry = async (id = vpnGwId) => (await findVpnGw(server.client, id)).expireTime;

/** Sets when it ends, as the bookkeeping has it; the time is China's. */
async function setExpiry(text: string): Promise<void> {
  const expires_at = Date.parse(`${text.replace(" ", "T")}+08:00`);
  await server.store.db.sql.updateTable("vpn_gws").set({ expires_at }).where("uid", "=", vpnGwId).execute();
}

describe("RenewVpn", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const parameters = { vpcId, vpnGwId, period: "1" };
    const { reply } = await sendCall(server.client, "RenewVpn", parameters, { method });
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success" });
  });

  it.each([
    ["1", "2015-12-23 19:04:40", "2016-01-23 19:04:40"],
    ["36", "2026-05-31 08:00:00", "2029-05-31 08:00:00"],
    ["1", "2027-01-31 00:30:00", "2027-02-28 00:30:00"],
    ["13", "2027-01-31 00:30:00", "2028-02-29 00:30:00"],
    ["1", "2027-02-28 23:59:59", "2027-03-28 23:59:59"],
  ])("adds %s calendar months to %s: %s", async (period, from, until) => {
    await setExpiry(from);
    requireSuccess(await renew({ period }));
    expect(await expiry()).toBe(until);
  });

  it("ends with the years that a reply can show", async () => {
    await setExpiry("9998-12-01 00:00:00");
    await expectRefusal(server, "parameter-invalid", () => renew({ period: "2" }), ["[period]"]);
  });

  it("adds one after another, also of calls at the same moment", async () => {
    await setExpiry("2030-01-15 12:00:00");
    for (const reply of await Promise.all([renew(), renew(), renew()])) requireSuccess(reply);
    expect(await expiry()).toBe("2030-04-15 12:00:00");
  });

  it("takes old ids, and both kinds together, as the page does", async () => {
    await setExpiry("2030-01-15 12:00:00");
    const row = await findVpnGw(server.client, vpnGwId);
    requireSuccess(await renew({ vpcId: textAt(row, "vpcId"), vpnGwId: String(row.vpnGwId) }));
    requireSuccess(await renew({ vpcId: textAt(row, "vpcId") }));
    expect(await expiry()).toBe("2030-03-15 12:00:00");
  });

  it("changes nothing else", async () => {
    const { expireTime, ...before } = await findVpnGw(server.client, vpnGwId);
    requireSuccess(await renew());
    expect(await findVpnGw(server.client, vpnGwId)).toMatchObject(before);
    expect(await expiry()).not.toBe(expireTime);
  });

  it.each(["0", "-1", "37", "1.5", "month"])("refuses a period of %s", async (period) => {
    await expectRefusal(server, "parameter-invalid", () => renew({ period }), ["[period]"]);
  });

  it.each(["vpcId", "vpnGwId", "period"])("refuses a call without %s", async (missing) => {
    await expectRefusal(server, "parameter-invalid", () => renew({ [missing]: "" }), [`[${missing}]`]);
  });

  it("refuses a gateway that is paid by the hour", async () => {
    const hourly = await makeVpnGw(server.client, vpcId);
    await expectRefusal(server, "vpn-gw-state-invalid", () => renew({ vpnGwId: hourly }), [hourly]);
    expect(await expiry(hourly)).toBeNull();
  });

  it("refuses a gateway that is being deleted", async () => {
    const leaving = await orderGateway();
    dataplane.hold();
    requireSuccess(await call(server.client, "DeleteVpnGw", { vpcId, vpnGwId: leaving }));
    await expectRefusalAmidWork(server, "vpn-gw-state-invalid", () => renew({ vpnGwId: leaving }), [leaving]);
    dataplane.release();
  });

  it("refuses what is not there, is elsewhere, or another's", async () => {
    await expectRefusal(server, "vpc-not-found", () => renew({ vpcId: "vpc-zzzzzzzz" }), ["vpc-zzzzzzzz"]);
    await expectRefusal(server, "vpn-gw-not-found", () => renew({ vpnGwId: "999999" }), ["999999"]);
    const otherVpc = await makeVpc(server.client);
    await expectRefusal(server, "vpn-gw-not-found", () => renew({ vpcId: otherVpc }), [vpnGwId, otherVpc]);
    const other = await server.addKey({ account: "other" });
    const attempt = () => call(other, "RenewVpn", { vpcId, vpnGwId, period: "1" });
    await expectRefusal(server, "vpc-not-found", attempt);
  });
});
