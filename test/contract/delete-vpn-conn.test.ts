// DeleteVpnConn: api-v2.md 4.5.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { withoutDiagnosis } from "../support/diagnoses.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal, expectRefusalAmidWork } from "../support/refusal.ts";
import { dataOf, rowsOf, textAt } from "../support/reply.ts";
import { addVpnConn, findConn, makeConn, makePlace, makeVpnGw, type Place, waitForTask } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";
import { waitFor } from "../support/wait-for.ts";

const sample = {
  code: 0,
  message: "",
  codeDesc: "Success",
  data: { vpnGwId: "vpngw-kfldykuz", vpcConnId: "vpnx-ol6bcqp0", taskId: 12615, state: 4 },
};

const dataplane = new HeldDataplane();
let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  place = await makePlace(server.client);
});
afterAll(() => server.stop());

const deleteVpnConn = (vpnConnId: string, where: Partial<Place> = place) => {
  const { vpcId = "", vpnGwId = "" } = where;
  return call(server.client, "DeleteVpnConn", { vpcId, vpnGwId, vpnConnId });
};
const makeOne = async () => textAt(await makeConn(server.client, place), "unVpnConnId");

describe("DeleteVpnConn", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, and the channel goes, by %s", async (method) => {
    const { vpcId, vpnGwId } = place;
    const vpnConnId = await makeOne();
    const { reply } = await sendCall(server.client, "DeleteVpnConn", { vpcId, vpnGwId, vpnConnId }, { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    const { taskId } = dataOf(reply);
    expect(reply).toEqual({ ...sample, data: { vpnGwId, vpcConnId: vpnConnId, taskId, state: 4 } });
    expect(await waitForTask(server.client, String(taskId))).toEqual({ status: 0 });
    await expectRefusal(server, "vpn-conn-not-found", () => deleteVpnConn(vpnConnId), [vpnConnId]);
  });

  it("takes old ids, and echoes them as they were sent", async () => {
    const row = await makeConn(server.client, place);
    const ids = { vpcId: textAt(row, "vpcId"), vpnGwId: String(row.vpnGwId) };
    const data = dataOf(await deleteVpnConn(String(row.vpnConnId), ids));
    expect(data).toMatchObject({ vpnGwId: ids.vpnGwId, vpcConnId: String(row.vpnConnId) });
    expect(await waitForTask(server.client, String(data.taskId))).toEqual({ status: 0 });
  });

  it("leaves the other channels of the same identity as they are", async () => {
    const [kept, deleted] = [await makeConn(server.client, place), await makeOne()];
    await waitForTask(server.client, String(dataOf(await deleteVpnConn(deleted)).taskId));
    const vpnConnId = textAt(kept, "unVpnConnId");
    const left = rowsOf(await call(server.client, "DescribeVpnConn", { vpnConnId }));
    expect(left.map(withoutDiagnosis)).toEqual([withoutDiagnosis(kept)]);
  });

  it("refuses while the channel is made, and while it goes", async () => {
    dataplane.hold();
    const made = await addVpnConn(server.client, place);
    const vpnConnId = textAt(await findConn(server.client, made), "unVpnConnId");
    await expectRefusalAmidWork(server, "vpn-conn-state-invalid", () => deleteVpnConn(vpnConnId), [vpnConnId]);
    dataplane.release();
    await waitForTask(server.client, made.taskId);
    dataplane.hold();
    const taskId = String(dataOf(await deleteVpnConn(vpnConnId)).taskId);
    await expectRefusalAmidWork(server, "vpn-conn-state-invalid", () => deleteVpnConn(vpnConnId), [vpnConnId]);
    dataplane.release();
    expect(await waitForTask(server.client, taskId)).toEqual({ status: 0 });
  });

  it("removes a channel that could not be made", async () => {
    const own = await makePlace(server.client);
    dataplane.fail(({ kind }) => (kind === "load-connection" ? new DataplaneError("connection", "no") : undefined));
    const made = await addVpnConn(server.client, own);
    expect((await waitForTask(server.client, made.taskId)).status).toBe(1);
    const vpnConnId = textAt(await findConn(server.client, made), "unVpnConnId");
    const taskId = String(dataOf(await deleteVpnConn(vpnConnId, own)).taskId);
    expect(await waitForTask(server.client, taskId)).toEqual({ status: 0 });
    dataplane.fail(() => undefined);
  });

  it("may be asked for again after it has failed", async () => {
    const own = await makePlace(server.client);
    const made = await addVpnConn(server.client, own);
    await waitForTask(server.client, made.taskId);
    const vpnConnId = textAt(await findConn(server.client, made), "unVpnConnId");
    dataplane.fail(({ kind }) => (kind === "unload-connection" ? new DataplaneError("gateway", "stuck") : undefined));
    const first = String(dataOf(await deleteVpnConn(vpnConnId, own)).taskId);
    server.clock.advance(31_000);
    await server.nudge();
    const output = { errorCode: 5100, errorMsg: "stuck" };
    expect(await waitForTask(server.client, first)).toEqual({ status: 1, output });
    const second = String(dataOf(await deleteVpnConn(vpnConnId, own)).taskId);
    dataplane.fail(() => undefined);
    expect(await waitForTask(server.client, second)).toEqual({ status: 0 });
    const { vpnGwId } = own;
    const isGone = async () => (await call(server.client, "DescribeVpnConn", { vpnGwId })).totalCount === 0;
    await waitFor(isGone, { what: "the channel to go" });
  });

  it("refuses a channel of another gateway, and a gateway of another VPC", async () => {
    const vpnConnId = await makeOne();
    const { vpcId } = place;
    const vpnGwId = await makeVpnGw(server.client, vpcId);
    const attempt = () => deleteVpnConn(vpnConnId, { vpcId, vpnGwId });
    await expectRefusal(server, "vpn-conn-not-found", attempt, [vpnConnId, vpnGwId]);
    const { vpcId: otherVpc } = await makePlace(server.client);
    const mixed = () => deleteVpnConn(vpnConnId, { vpcId: otherVpc, vpnGwId: place.vpnGwId });
    await expectRefusal(server, "vpn-gw-not-found", mixed, [place.vpnGwId, otherVpc]);
  });

  it("refuses another's channel", async () => {
    const vpnConnId = await makeOne();
    const { vpcId, vpnGwId } = place;
    const other = await server.addKey({ account: "other" });
    for (const stranger of [other, { ...server.client, region: "bj" }]) {
      const attempt = () => call(stranger, "DeleteVpnConn", { vpcId, vpnGwId, vpnConnId });
      await expectRefusal(server, "vpc-not-found", attempt);
    }
    const theirs = await makePlace(other);
    const attempt = () => call(other, "DeleteVpnConn", { vpcId: theirs.vpcId, vpnGwId: theirs.vpnGwId, vpnConnId });
    await expectRefusal(server, "vpn-conn-not-found", attempt);
  });

  it("refuses what is not there", async () => {
    const vpnConnId = await makeOne();
    const { vpcId, vpnGwId } = place;
    await expectRefusal(server, "vpc-not-found", () => deleteVpnConn(vpnConnId, { vpcId: "vpc-zzzzzzzz", vpnGwId }));
    await expectRefusal(server, "vpn-gw-not-found", () => deleteVpnConn(vpnConnId, { vpcId, vpnGwId: "999999" }));
    await expectRefusal(server, "vpn-conn-not-found", () => deleteVpnConn("vpnx-zzzzzzzz"), ["vpnx-zzzzzzzz"]);
  });

  it.each(["vpcId", "vpnGwId", "vpnConnId"])("refuses a call without %s", async (missing) => {
    const { vpcId, vpnGwId } = place;
    const ids = { vpcId, vpnGwId, vpnConnId: await makeOne(), [missing]: "" };
    const attempt = () => call(server.client, "DeleteVpnConn", ids);
    await expectRefusal(server, "parameter-invalid", attempt, [`[${missing}]`]);
  });
});
