// ModifyUserGw: api-v2.md 6.3.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { numberAt, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { makeUserGw } from "../support/scene.ts";

let server: LocalServer;
let userGwId: string;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  userGwId = await makeUserGw(server.client);
});
afterAll(() => server.stop());

const modify = (parameters: Readonly<Record<string, string>>) =>
  call(server.client, "ModifyUserGw", { userGwId, userGwName: "x", ...parameters });
const read = async () => rowOf(await call(server.client, "DescribeUserGw", { userGwId }));

describe("ModifyUserGw", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const before = await read();
    const parameters = { userGwId, userGwName: `办公室 ${method}` };
    const { reply } = await sendCall(server.client, "ModifyUserGw", parameters, { method });
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success" });
    expect(await read()).toEqual({ ...before, userGwName: `办公室 ${method}` });
  });

  it("takes the old id, and a name that another has", async () => {
    const twin = rowOf(await call(server.client, "DescribeUserGw", { userGwId: await makeUserGw(server.client) }));
    const id = String(numberAt(await read(), "userGwId"));
    requireSuccess(await modify({ userGwId: id, userGwName: textAt(twin, "userGwName") }));
    expect((await read()).userGwName).toBe(twin.userGwName);
  });

  it.each([
    ["60 characters", "🛣".repeat(60)],
    ["one", "p"],
  ])("takes a name of %s", async (_what, userGwName) => {
    requireSuccess(await modify({ userGwName }));
    expect((await read()).userGwName).toBe(userGwName);
  });

  it.each([
    ["61 letters", "n".repeat(61)],
    ["61 characters beyond the basic plane", "🛣".repeat(61)],
    ["a control character", "a\u001bb"],
  ])("refuses a name of %s", async (_what, userGwName) => {
    await expectRefusal(server, "user-gw-name-invalid", () => modify({ userGwName }));
  });

  it("lets the address be repeated, but not changed", async () => {
    const { userGwAddr } = await read();
    requireSuccess(await modify({ userGwAddr: String(userGwAddr) }));
    const attempt = () => modify({ userGwName: "not taken", userGwAddr: "203.0.113.99" });
    await expectRefusal(server, "parameter-invalid", attempt, ["[userGwAddr]"]);
  });

  it.each(["userGwId", "userGwName"])("refuses a call without %s", async (missing) => {
    await expectRefusal(server, "parameter-invalid", () => modify({ [missing]: "" }), [`[${missing}]`]);
  });

  it.each(["cgw-zzzzzzzz", "999999", "gz_vpc_1"])("refuses %s, which is not there", async (unknown) => {
    await expectRefusal(server, "user-gw-not-found", () => modify({ userGwId: unknown }), [unknown]);
  });

  it("refuses another's", async () => {
    const other = await server.addKey({ account: "other" });
    for (const stranger of [other, { ...server.client, region: "bj" }]) {
      const attempt = () => call(stranger, "ModifyUserGw", { userGwId, userGwName: "x" });
      await expectRefusal(server, "user-gw-not-found", attempt, [userGwId]);
    }
  });
});
