// ResetVpnConnSA: api-v2.md 4.6.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal, expectRefusalAmidWork } from "../support/refusal.ts";
import { dataOf, type Row, rowOf, textAt } from "../support/reply.ts";
import {
  addVpnConn,
  findConn,
  makeConn,
  makePlace,
  makeUserGw,
  makeVpnGw,
  nextPeerAddress,
  type Place,
  waitForTask,
} from "../support/scene.ts";

const sample = { code: 0, message: "", codeDesc: "Success" };

const dataplane = new HeldDataplane();
let server: LocalServer;
let site: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  site = await makePlace(server.client);
});
afterAll(() => server.stop());
afterEach(() => {
  dataplane.release();
  dataplane.fail(() => undefined);
});

const newPeer = async (): Promise<Place> => ({
  ...site,
  userGwId: await makeUserGw(server.client, nextPeerAddress()),
});
const idsOf = (conn: Row) => ({
  vpcId: textAt(conn, "unVpcId"),
  vpnGwId: textAt(conn, "unVpnGwId"),
  vpnConnId: textAt(conn, "unVpnConnId"),
});
const reset = (conn: Row, given: Readonly<Record<string, string>> = {}) =>
  call(server.client, "ResetVpnConnSA", { ...idsOf(conn), ...given });
const show = async (conn: Row): Promise<Row> =>
  rowOf(await call(server.client, "DescribeVpnConn", { vpnConnId: textAt(conn, "unVpnConnId") }));

/** Unique ids of a channel's CHILD_SAs. */
async function childIds(conn: Row): Promise<string[]> {
  const { ikeSas } = await dataplane.observe(Number(conn.vpnGwId), true);
  const own = ikeSas.flatMap((sa) => sa.children).filter(({ name }) => name.startsWith(textAt(conn, "unVpnConnId")));
  return own.map(({ uniqueId }) => uniqueId);
}

describe("ResetVpnConnSA", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, with no task, by %s", async (method) => {
    const conn = await makeConn(server.client, await newPeer());
    await server.database.settle();
    const before = await childIds(conn);
    const { tasks } = await server.database.countRows();
    const { reply } = await sendCall(server.client, "ResetVpnConnSA", idsOf(conn), { method });
    expect(reply).toEqual(sample);
    expect((await server.database.countRows()).tasks).toBe(tasks);
    expect(await show(conn)).toMatchObject({ vpcConnStatus: 6 });
    await expect.poll(() => childIds(conn)).not.toEqual(before);
    await expect.poll(() => childIds(conn)).toHaveLength(before.length);
    const { netStatus, ...rest } = await show(conn);
    expect({ ...rest, netStatus: conn.netStatus }).toEqual(conn);
    await server.database.settle();
  });

  it("takes old ids", async () => {
    const conn = await makeConn(server.client, await newPeer());
    const ids = { vpcId: textAt(conn, "vpcId"), vpnGwId: String(conn.vpnGwId), vpnConnId: String(conn.vpnConnId) };
    expect(await call(server.client, "ResetVpnConnSA", ids)).toEqual(sample);
  });

  it("leaves the SAs of others alone, also those of the same identity", async () => {
    const place = await newPeer();
    const [conn, other] = [await makeConn(server.client, place), await makeConn(server.client, place)];
    await server.database.settle();
    const [before, others] = [await childIds(conn), await childIds(other)];
    await reset(conn);
    await expect.poll(() => childIds(conn)).not.toEqual(before);
    expect(await childIds(other)).toEqual(others);
    await server.database.settle();
  });

  it("is locked while the channel is worked on", async () => {
    dataplane.hold();
    const made = await addVpnConn(server.client, await newPeer());
    const conn = await findConn(server.client, made);
    await expectRefusalAmidWork(server, "action-locked", () => reset(conn), [textAt(conn, "unVpnConnId")]);
    dataplane.release();
    await waitForTask(server.client, made.taskId);
    for (const [action, more] of [
      ["ModifyVpnConnEx", { preSharedKey: "new" }],
      ["DeleteVpnConn", {}],
    ] as const) {
      dataplane.hold();
      const { taskId } = dataOf(await call(server.client, action, { ...idsOf(conn), ...more }));
      await expectRefusalAmidWork(server, "action-locked", () => reset(conn));
      dataplane.release();
      await waitForTask(server.client, String(taskId));
    }
  });

  it("is taken for a channel whose change, or making, has failed, and leaves its status", async () => {
    const refused = () =>
      dataplane.fail(({ kind }) => (kind === "load-connection" ? new DataplaneError("connection", "no") : undefined));
    const place = await newPeer();
    const conn = await makeConn(server.client, place);
    refused();
    const { taskId } = dataOf(await call(server.client, "ModifyVpnConnEx", { ...idsOf(conn), preSharedKey: "new" }));
    await waitForTask(server.client, String(taskId));
    expect(await reset(conn)).toEqual(sample);
    expect(await show(conn)).toMatchObject({ vpcConnStatus: 3 });
    const made = await addVpnConn(server.client, await newPeer());
    await waitForTask(server.client, made.taskId);
    const failed = await findConn(server.client, made);
    expect(await reset(failed)).toEqual(sample);
    expect(await show(failed)).toMatchObject({ vpcConnStatus: 1 });
    dataplane.fail(() => undefined);
    await expect.poll(() => show(failed), { timeout: 10_000 }).toMatchObject({ vpcConnStatus: 6 });
    const again = dataOf(await call(server.client, "ModifyVpnConnEx", idsOf(conn)));
    expect(await waitForTask(server.client, String(again.taskId))).toEqual({ status: 0 });
  });

  it("is refused when the channel's removal has failed", async () => {
    const conn = await makeConn(server.client, await makePlace(server.client));
    dataplane.fail(({ kind }) => (kind === "unload-connection" ? new DataplaneError("gateway", "stuck") : undefined));
    const { taskId } = dataOf(await call(server.client, "DeleteVpnConn", idsOf(conn)));
    server.clock.advance(31_000);
    await server.nudge();
    expect(await waitForTask(server.client, String(taskId))).toMatchObject({ status: 1 });
    await expectRefusalAmidWork(server, "vpn-conn-state-invalid", () => reset(conn), [String(conn.unVpnConnId)]);
    dataplane.fail(() => undefined);
    const again = dataOf(await call(server.client, "DeleteVpnConn", idsOf(conn)));
    expect(await waitForTask(server.client, String(again.taskId))).toEqual({ status: 0 });
  });

  it("is refused where there is no such channel", async () => {
    const conn = await makeConn(server.client, await newPeer());
    await expectRefusal(server, "vpc-not-found", () => reset(conn, { vpcId: "vpc-zzzzzzzz" }), ["vpc-zzzzzzzz"]);
    await expectRefusal(server, "vpn-gw-not-found", () => reset(conn, { vpnGwId: "999999" }), ["999999"]);
    await expectRefusal(server, "vpn-conn-not-found", () => reset(conn, { vpnConnId: "999999" }), ["999999"]);
    const vpnGwId = await makeVpnGw(server.client, site.vpcId);
    await expectRefusal(server, "vpn-conn-not-found", () => reset(conn, { vpnGwId }), [vpnGwId]);
    for (const missing of ["vpcId", "vpnGwId", "vpnConnId"]) {
      await expectRefusal(server, "parameter-invalid", () => reset(conn, { [missing]: "" }), [`[${missing}]`]);
    }
    const reader = await server.addKey({ isReadOnly: true });
    await expectRefusal(server, "permission-denied", () => call(reader, "ResetVpnConnSA", idsOf(conn)));
  });
});
