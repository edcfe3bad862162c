// ModifyVpnGw: api-v2.md 5.4, and the parameters of the vendor's command line (10).
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal, expectRefusalAmidWork } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { findVpnGw, makeVpc, makeVpnGw } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

const dataplane = new HeldDataplane();
let server: LocalServer;
let vpcId: string;
let vpnGwId: string;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  vpcId = await makeVpc(server.client);
  vpnGwId = await makeVpnGw(server.client, vpcId);
});
afterAll(() => server.stop());

const modify = (parameters: Readonly<Record<string, string>>) =>
  call(server.client, "ModifyVpnGw", { vpcId, vpnGwId, ...parameters });
const read = (id = vpnGwId) => findVpnGw(server.client, id);

async function makePrepaid(): Promise<string> {
  const order = { name: "paid", vpcId, period: "1", bandwidth: "5" };
  const [dealId] = requireSuccess(await call(server.client, "CreateVpn", order)).dealIds as unknown[];
  await server.database.settle();
  return textAt(rowOf(await call(server.client, "DescribeVpnGw", { dealId: String(dealId) })), "unVpnGwId");
}

describe("ModifyVpnGw", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const parameters = { vpcId, vpnGwId, vpnGwName: `by ${method}`, isAutoRenewals: "0" };
    const { reply } = await sendCall(server.client, "ModifyVpnGw", parameters, { method });
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success" });
    expect(await read()).toMatchObject({ vpnGwName: `by ${method}`, isAutoRenewals: false });
  });

  it("changes what is given and leaves the rest", async () => {
    requireSuccess(await modify({ vpnGwName: "first", isAutoRenewals: "1" }));
    const before = await read();
    requireSuccess(await modify({ vpnGwName: "办公室 second" }));
    expect(await read()).toEqual({ ...before, vpnGwName: "办公室 second" });
    for (const flag of ["true", "False"]) requireSuccess(await modify({ isAutoRenewals: flag }));
    expect(await read()).toEqual({ ...before, vpnGwName: "办公室 second", isAutoRenewals: false });
    requireSuccess(await modify({}));
    requireSuccess(await modify({ vpnGwName: "" }));
    expect(await read()).toEqual({ ...before, vpnGwName: "办公室 second", isAutoRenewals: false });
  });

  it("takes old ids", async () => {
    const row = await read();
    const old = { vpcId: textAt(row, "vpcId"), vpnGwId: String(row.vpnGwId), vpnGwName: "by old ids" };
    requireSuccess(await call(server.client, "ModifyVpnGw", old));
    expect((await read()).vpnGwName).toBe("by old ids");
  });

  it("lets several gateways have one name", async () => {
    const twin = await makeVpnGw(server.client, vpcId, "twin");
    requireSuccess(await modify({ vpnGwName: "twin" }));
    expect((await read(twin)).vpnGwName).toBe("twin");
  });

  it("takes a name of 60 characters", async () => {
    requireSuccess(await modify({ vpnGwName: "🛣".repeat(60) }));
    expect((await read()).vpnGwName).toBe("🛣".repeat(60));
  });

  it.each([
    ["61 letters", "n".repeat(61)],
    ["61 characters beyond the basic plane", "🛣".repeat(61)],
    ["a line break", "a\nb"],
  ])("refuses a name of %s", async (_what, vpnGwName) => {
    await expectRefusal(server, "vpn-gw-name-invalid", () => modify({ vpnGwName, isAutoRenewals: "1" }));
  });

  it.each([
    ["isAutoRenewals", "2"],
    ["isAutoRenewals", "yes"],
    ["chargeType", "FREE"],
    ["localSlaIp", "169.254.97.7"],
    ["sslVpnPort", "443"],
  ])("refuses %s=%s, and changes nothing", async (name, value) => {
    const attempt = () => modify({ vpnGwName: "not taken", [name]: value });
    await expectRefusal(server, "parameter-invalid", attempt, [`[${name}]`]);
  });

  it("takes a gateway from months to hours, and not back", async () => {
    const paid = await makePrepaid();
    requireSuccess(await modify({ vpnGwId: paid, chargeType: "PREPAID" }));
    expect((await read(paid)).expireTime).toMatch(/^[0-9]{4}-/);
    requireSuccess(await modify({ vpnGwId: paid, chargeType: "POSTPAID_BY_HOUR" }));
    requireSuccess(await modify({ vpnGwId: paid, chargeType: "postpaid_by_hour" }));
    expect((await read(paid)).expireTime).toBeNull();
    const back = () => modify({ vpnGwId: paid, chargeType: "PREPAID" });
    await expectRefusal(server, "parameter-invalid", back, ["[chargeType]", paid]);
  });

  it.each(["vpcId", "vpnGwId"])("refuses a call without %s", async (missing) => {
    const attempt = () => modify({ vpnGwName: "x", [missing]: "" });
    await expectRefusal(server, "parameter-invalid", attempt, [`[${missing}]`]);
  });

  it("refuses what is not there, is elsewhere, or another's", async () => {
    const vpnGwName = "x";
    const unknown = { vpcId: "vpc-zzzzzzzz", vpnGwName };
    await expectRefusal(server, "vpc-not-found", () => modify(unknown), ["vpc-zzzzzzzz"]);
    await expectRefusal(server, "vpn-gw-not-found", () => modify({ vpnGwId: "vpngw-zzzzzzzz", vpnGwName }));
    const otherVpc = await makeVpc(server.client);
    await expectRefusal(server, "vpn-gw-not-found", () => modify({ vpcId: otherVpc, vpnGwName }), [otherVpc]);
    const other = await server.addKey({ account: "other" });
    await expectRefusal(server, "vpc-not-found", () => call(other, "ModifyVpnGw", { vpcId, vpnGwId, vpnGwName }));
  });

  it("takes a gateway that is not running yet, but none that is being deleted or could not be", async () => {
    dataplane.hold();
    const order = { name: "g", vpcId, period: "1", bandwidth: "5" };
    const [dealId] = requireSuccess(await call(server.client, "CreateVpn", order)).dealIds as unknown[];
    const id = String(dealId);
    requireSuccess(await modify({ vpnGwId: id, vpnGwName: "early" }));
    expect(await read(id)).toMatchObject({ vpnGwName: "early", vpnGwStatus: 2 });
    dataplane.release();
    await server.database.settle();
    expect(await read(id)).toMatchObject({ vpnGwName: "early", vpnGwStatus: 6 });

    dataplane.hold();
    requireSuccess(await call(server.client, "DeleteVpnGw", { vpcId, vpnGwId: id }));
    const late = () => modify({ vpnGwId: id, vpnGwName: "late" });
    await expectRefusalAmidWork(server, "vpn-gw-state-invalid", late);
    const failure = new DataplaneError("gateway", "the network is busy");
    dataplane.fail(({ kind }) => (kind === "remove-network" ? failure : undefined));
    dataplane.release();
    server.clock.advance(31_000);
    await server.nudge();
    await waitFor(async () => (await read(id)).vpnGwStatus === 5, { what: "status 5" });
    await expectRefusalAmidWork(server, "vpn-gw-state-invalid", late);
    dataplane.fail(() => undefined);
    await server.nudge();
  });
});
