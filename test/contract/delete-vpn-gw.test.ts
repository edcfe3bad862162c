// DeleteVpnGw, our extension: api-v2.md 5.7.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal, expectRefusalAmidWork } from "../support/refusal.ts";
import { dataOf, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { findVpnGw, makeConn, makePlace, makeVpc, makeVpnGw, waitForTask } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";

const sample = { code: 0, message: "", codeDesc: "Success", data: { taskId: 12616 } };

const dataplane = new HeldDataplane();
let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
});
afterAll(() => server.stop());

const deleteVpnGw = (vpcId: string, vpnGwId: string) => call(server.client, "DeleteVpnGw", { vpcId, vpnGwId });
const taskOf = async (reply: Promise<Awaited<ReturnType<typeof call>>>) => String(dataOf(await reply).taskId);

describe("DeleteVpnGw", () => {
  it.each(["GET", "POST"] as const)("gives a task, after which the gateway has gone, by %s", async (method) => {
    const vpcId = await makeVpc(server.client);
    const vpnGwId = await makeVpnGw(server.client, vpcId);
    const { reply } = await sendCall(server.client, "DeleteVpnGw", { vpcId, vpnGwId }, { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    expect(await waitForTask(server.client, String(dataOf(reply).taskId))).toEqual({ status: 0 });
    await expectRefusal(server, "vpn-gw-not-found", () => deleteVpnGw(vpcId, vpnGwId), [vpnGwId]);
    requireSuccess(await call(server.client, "DeleteVpc", { vpcId }));
  });

  it("takes old ids", async () => {
    const row = await findVpnGw(server.client, await makeVpnGw(server.client, await makeVpc(server.client)));
    const taskId = await taskOf(deleteVpnGw(textAt(row, "vpcId"), String(row.vpnGwId)));
    expect(await waitForTask(server.client, taskId)).toEqual({ status: 0 });
  });

  it("frees the public address", async () => {
    const vpcId = await makeVpc(server.client);
    const first = await findVpnGw(server.client, await makeVpnGw(server.client, vpcId));
    await waitForTask(server.client, await taskOf(deleteVpnGw(vpcId, textAt(first, "unVpnGwId"))));
    const second = await findVpnGw(server.client, await makeVpnGw(server.client, vpcId));
    expect(second.vpnGwAddress).toBe(first.vpnGwAddress);
    expect(second.vpnGwId).not.toBe(first.vpnGwId);
  });

  it("refuses while the gateway has channels", async () => {
    const place = await makePlace(server.client);
    await makeConn(server.client, place);
    const attempt = () => deleteVpnGw(place.vpcId, place.vpnGwId);
    await expectRefusal(server, "vpn-gw-state-invalid", attempt, [place.vpnGwId]);
  });

  it("refuses a second time while the first is under way, and the VPC waits for it", async () => {
    const vpcId = await makeVpc(server.client);
    const vpnGwId = await makeVpnGw(server.client, vpcId);
    dataplane.hold();
    const taskId = await taskOf(deleteVpnGw(vpcId, vpnGwId));
    await expectRefusalAmidWork(server, "action-locked", () => deleteVpnGw(vpcId, vpnGwId), [vpnGwId]);
    await expectRefusalAmidWork(server, "vpc-in-use", () => call(server.client, "DeleteVpc", { vpcId }));
    dataplane.release();
    expect(await waitForTask(server.client, taskId)).toEqual({ status: 0 });
  });

  it("may be asked for again after it has failed", async () => {
    const vpcId = await makeVpc(server.client);
    const vpnGwId = await makeVpnGw(server.client, vpcId);
    const failure = new DataplaneError("gateway", "the network is busy");
    dataplane.fail(({ kind }) => (kind === "remove-network" ? failure : undefined));
    const taskId = await taskOf(deleteVpnGw(vpcId, vpnGwId));
    server.clock.advance(31_000);
    await server.nudge();
    const output = { errorCode: 5100, errorMsg: "the network is busy" };
    expect(await waitForTask(server.client, taskId)).toEqual({ status: 1, output });
    dataplane.fail(() => undefined);
    const again = await taskOf(deleteVpnGw(vpcId, vpnGwId));
    expect(await waitForTask(server.client, again)).toEqual({ status: 0 });
  });

  it("refuses a gateway of another VPC, region or account", async () => {
    const vpcId = await makeVpc(server.client);
    const vpnGwId = await makeVpnGw(server.client, vpcId);
    const otherVpc = await makeVpc(server.client);
    await expectRefusal(server, "vpn-gw-not-found", () => deleteVpnGw(otherVpc, vpnGwId), [vpnGwId, otherVpc]);
    const other = await server.addKey({ account: "other" });
    await expectRefusal(server, "vpc-not-found", () => call(other, "DeleteVpnGw", { vpcId, vpnGwId }));
    const theirs = await makeVpc(other);
    await expectRefusal(server, "vpn-gw-not-found", () => call(other, "DeleteVpnGw", { vpcId: theirs, vpnGwId }));
    expect(rowOf(await call(server.client, "DescribeVpnGw", { vpnGwId })).vpnGwStatus).toBe(6);
  });

  it.each([
    ["vpc-zzzzzzzz", "vpngw-zzzzzzzz", "vpc-not-found"],
    ["", "vpngw-zzzzzzzz", "parameter-invalid"],
    ["vpc-zzzzzzzz", "", "parameter-invalid"],
  ] as const)("refuses VPC '%s' and gateway '%s'", async (vpcId, vpnGwId, kind) => {
    await expectRefusal(server, kind, () => deleteVpnGw(vpcId, vpnGwId));
  });

  it("refuses an unknown gateway", async () => {
    const vpcId = await makeVpc(server.client);
    await expectRefusal(server, "vpn-gw-not-found", () => deleteVpnGw(vpcId, "999999"), ["999999"]);
  });
});
