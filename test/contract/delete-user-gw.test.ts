// DeleteUserGw: api-v2.md 6.2.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf, numberAt, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { makeConn, makePlace, makeUserGw, waitForTask } from "../support/scene.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

const deleteUserGw = (userGwId: string) => call(server.client, "DeleteUserGw", { userGwId });

describe("DeleteUserGw", () => {
  it.each(["GET", "POST"] as const)("removes a peer gateway, by %s", async (method) => {
    const userGwId = await makeUserGw(server.client);
    const { reply } = await sendCall(server.client, "DeleteUserGw", { userGwId }, { method });
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success" });
    await expectRefusal(server, "user-gw-not-found", () => deleteUserGw(userGwId), [userGwId]);
  });

  it("takes the old id, and frees the address", async () => {
    const userGwId = await makeUserGw(server.client);
    const row = rowOf(await call(server.client, "DescribeUserGw", { userGwId }));
    requireSuccess(await deleteUserGw(String(numberAt(row, "userGwId"))));
    await makeUserGw(server.client, textAt(row, "userGwAddr"));
  });

  it("refuses one that a channel leads to, until the channel has gone", async () => {
    const place = await makePlace(server.client);
    const conn = await makeConn(server.client, place);
    await expectRefusal(server, "user-gw-in-use", () => deleteUserGw(place.userGwId), [place.userGwId]);
    const vpnConnId = textAt(conn, "unVpnConnId");
    const deletion = dataOf(await call(server.client, "DeleteVpnConn", { ...place, vpnConnId }));
    await waitForTask(server.client, String(deletion.taskId));
    requireSuccess(await deleteUserGw(place.userGwId));
  });

  it.each(["cgw-zzzzzzzz", "999999", "gz_vpc_1"])("refuses %s, which is not there", async (userGwId) => {
    await expectRefusal(server, "user-gw-not-found", () => deleteUserGw(userGwId), [userGwId]);
  });

  it("refuses the old id of a VPC that has its number", async () => {
    const row = rowOf(await call(server.client, "DescribeUserGw", { userGwId: await makeUserGw(server.client) }));
    const id = `gz_vpc_${numberAt(row, "userGwId")}`;
    await expectRefusal(server, "user-gw-not-found", () => deleteUserGw(id), [id]);
  });

  it("refuses another's peer gateway", async () => {
    const userGwId = await makeUserGw(server.client);
    const other = await server.addKey({ account: "other" });
    for (const stranger of [other, { ...server.client, region: "bj" }]) {
      await expectRefusal(server, "user-gw-not-found", () => call(stranger, "DeleteUserGw", { userGwId }));
    }
  });

  it("refuses a call without userGwId", async () => {
    await expectRefusal(server, "parameter-invalid", () => call(server.client, "DeleteUserGw", {}), ["[userGwId]"]);
  });
});
