// DescribeVpcTaskResult: api-v2.md 8.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf, textAt } from "../support/reply.ts";
import { addVpnConn, findConn, makeConn, makePlace, makeVpc, type Place, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

const dataplane = new HeldDataplane();
let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  place = await makePlace(server.client);
});
afterAll(() => server.stop());

const result = (taskId: string) => call(server.client, "DescribeVpcTaskResult", { taskId });
const success = { code: 0, message: "", codeDesc: "Success" };

describe("DescribeVpcTaskResult", () => {
  it("is 2 while the task runs, and 0 when it is done, whatever the peer does", async () => {
    dataplane.hold();
    const { taskId } = await addVpnConn(server.client, place);
    expect(await result(taskId)).toEqual({ ...success, data: { status: 2 } });
    dataplane.release();
    await waitForTask(server.client, taskId);
    expect(await result(taskId)).toEqual({ ...success, data: { status: 0 } });
    expect((await findConn(server.client, { taskId })).netStatus).toBe("unavailable");
  });

  it.each(["GET", "POST"] as const)("is read by %s, also with the command line's `type`", async (method) => {
    const { taskId } = await addVpnConn(server.client, place);
    await waitForTask(server.client, taskId);
    const { reply } = await sendCall(server.client, "DescribeVpcTaskResult", { taskId, type: "1" }, { method });
    expect(reply).toEqual({ ...success, data: { status: 0 } });
  });

  it("is 1 with the reason when a connection is refused; the channel may come later, the task stays failed", async () => {
    const failure = new DataplaneError("connection", "the proposal is not understood");
    dataplane.fail(({ kind }) => (kind === "load-connection" ? failure : undefined));
    const own = await makePlace(server.client);
    const { taskId } = await addVpnConn(server.client, own);
    const output = { errorCode: 5100, errorMsg: "the proposal is not understood" };
    expect(await waitForTask(server.client, taskId)).toEqual({ status: 1, output });
    expect((await findConn(server.client, { taskId })).vpcConnStatus).toBe(1);
    dataplane.fail(() => undefined);
    const isRunning = async () => (await findConn(server.client, { taskId })).vpcConnStatus === 6;
    await waitFor(isRunning, { what: "the channel to run after all" });
    expect(await result(taskId)).toEqual({ ...success, data: { status: 1, output } });
  });

  it("is 1 after 30 s when the gateway cannot be made to run, and not before", async () => {
    const failure = new DataplaneError("gateway", "no room on this machine");
    const vpcId = await makeVpc(server.client);
    dataplane.fail(({ kind }) => (kind === "make-network" ? failure : undefined));
    const order = { name: "g", vpcId, bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" };
    const vpnGwId = textAt(dataOf(await call(server.client, "RunVpnGw", order)), "vpnGwId");
    const { taskId } = await addVpnConn(server.client, { ...place, vpcId, vpnGwId });
    server.clock.advance(20_000);
    await server.nudge();
    expect(await result(taskId)).toEqual({ ...success, data: { status: 2 } });
    server.clock.advance(11_000);
    await server.nudge();
    const output = { errorCode: 5100, errorMsg: "no room on this machine" };
    expect(await waitForTask(server.client, taskId)).toEqual({ status: 1, output });
    dataplane.fail(() => undefined);
    await server.nudge();
  });

  it("counts one rising sequence over all actions, and knows tasks of what has gone", async () => {
    const made = await addVpnConn(server.client, place);
    await waitForTask(server.client, made.taskId);
    const conn = await findConn(server.client, made);
    const vpnConnId = textAt(conn, "unVpnConnId");
    const deletion = String(dataOf(await call(server.client, "DeleteVpnConn", { ...place, vpnConnId })).taskId);
    expect(Number(deletion)).toBe(Number(made.taskId) + 1);
    await waitForTask(server.client, deletion);
    for (const taskId of [made.taskId, deletion]) {
      expect(await result(taskId)).toEqual({ ...success, data: { status: 0 } });
    }
  });

  it.each(["999999", "0", "-1"])("refuses task %s, which is not there", async (taskId) => {
    await expectRefusal(server, "task-not-found", () => result(taskId), [taskId]);
  });

  it.each(["", "abc", "1.0", "1e3", "0x1", " 1", "99999999999999999999"])("refuses taskId '%s'", async (taskId) => {
    await expectRefusal(server, "parameter-invalid", () => result(taskId), ["[taskId]"]);
  });

  it("refuses another's task", async () => {
    const { taskId } = await addVpnConn(server.client, place);
    await waitForTask(server.client, taskId);
    const other = await server.addKey({ account: "other" });
    const attempt = () => call(other, "DescribeVpcTaskResult", { taskId });
    await expectRefusal(server, "task-not-found", attempt, [taskId]);
  });

  it("may be read with a read-only key", async () => {
    const { vpnConnId } = await makeConn(server.client, place);
    expect(vpnConnId).toBeGreaterThan(0);
    const reader = await server.addKey({ isReadOnly: true });
    expect(await call(reader, "DescribeVpcTaskResult", { taskId: "1" })).toMatchObject({ code: 0 });
  });
});
