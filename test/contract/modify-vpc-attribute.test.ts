// ModifyVpcAttribute: api-v2.md 7.3, 11 (5).
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { makeVpc } from "../support/scene.ts";

let server: LocalServer;
let vpcId: string;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  vpcId = await makeVpc(server.client);
});
afterAll(() => server.stop());

const modify = (parameters: Readonly<Record<string, string>>) =>
  call(server.client, "ModifyVpcAttribute", { vpcId, vpcName: "x", ...parameters });
const read = async (id = vpcId) => rowOf(await call(server.client, "DescribeVpcEx", { vpcId: id }));

describe("ModifyVpcAttribute", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const before = await read();
    const parameters = { vpcId, vpcName: `办公室 ${method}` };
    const { reply } = await sendCall(server.client, "ModifyVpcAttribute", parameters, { method });
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success" });
    expect(await read()).toEqual({ ...before, vpcName: `办公室 ${method}` });
  });

  it("takes every form of id", async () => {
    const old = textAt(await read(), "vpcId");
    for (const id of [vpcId, old, old.replace("gz_vpc_", ""), old.replace("gz", "ap-guangzhou")]) {
      requireSuccess(await modify({ vpcId: id, vpcName: `by ${id}` }));
      expect((await read()).vpcName).toBe(`by ${id}`);
    }
  });

  it.each([
    ["60 characters", "🛣".repeat(60)],
    ["one", "v"],
  ])("takes a name of %s", async (_what, vpcName) => {
    requireSuccess(await modify({ vpcName }));
    expect((await read()).vpcName).toBe(vpcName);
  });

  it.each([
    ["61 letters", "n".repeat(61)],
    ["61 characters beyond the basic plane", "🛣".repeat(61)],
    ["a control character", "a\u0007b"],
  ])("refuses a name of %s", async (_what, vpcName) => {
    await expectRefusal(server, "vpc-name-invalid", () => modify({ vpcName }));
  });

  it("refuses a name that is in use, frees the old one, and lets a VPC keep its own", async () => {
    const other = await makeVpc(server.client, "10.0.0.0/16", "taken");
    await expectRefusal(server, "vpc-name-in-use", () => modify({ vpcName: "taken" }));
    requireSuccess(await modify({ vpcId: other, vpcName: "taken" }));
    requireSuccess(await modify({ vpcId: other, vpcName: "elsewhere" }));
    requireSuccess(await modify({ vpcName: "taken" }));
    const again = () => call(server.client, "CreateVpc", { vpcName: "taken", cidrBlock: "10.0.0.0/16" });
    await expectRefusal(server, "vpc-name-in-use", again);
  });

  it("takes a name of another region or account", async () => {
    const stranger = await server.addKey({ account: "stranger" });
    await makeVpc(stranger, "10.0.0.0/16", "far away");
    await makeVpc({ ...server.client, region: "bj" }, "10.0.0.0/16", "far away");
    requireSuccess(await modify({ vpcName: "far away" }));
  });

  it("lets one of several have a name that they want at once", async () => {
    const ids = [await makeVpc(server.client), await makeVpc(server.client), await makeVpc(server.client)];
    const replies = await Promise.all(ids.map((id) => modify({ vpcId: id, vpcName: "wanted" })));
    const answers = replies.map(({ codeDesc }) => codeDesc).sort();
    expect(answers).toEqual(["InvalidVpcName.InUse", "InvalidVpcName.InUse", "Success"]);
  });

  it("lets several have one name where the settings allow it", async () => {
    const free = await startLocalServer({ "unique.vpcNames": "false" });
    try {
      await makeVpc(free.client, "10.0.0.0/16", "one");
      const second = await makeVpc(free.client, "10.0.0.0/16", "two");
      requireSuccess(await call(free.client, "ModifyVpcAttribute", { vpcId: second, vpcName: "one" }));
      expect(await call(free.client, "DescribeVpcEx", { vpcName: "one" })).toMatchObject({ totalCount: 2 });
    } finally {
      await free.stop();
    }
  });

  it("takes isMulticast when it is off, and refuses it when it is on", async () => {
    for (const isMulticast of ["0", "False"]) requireSuccess(await modify({ isMulticast }));
    for (const isMulticast of ["1", "true", "maybe"]) {
      const attempt = () => modify({ vpcName: "not taken", isMulticast });
      await expectRefusal(server, "parameter-invalid", attempt, ["[isMulticast]"]);
    }
  });

  it.each(["vpcId", "vpcName"])("refuses a call without %s", async (missing) => {
    await expectRefusal(server, "parameter-invalid", () => modify({ [missing]: "" }), [`[${missing}]`]);
  });

  it("refuses what is not there, or another's", async () => {
    for (const unknown of ["vpc-zzzzzzzz", "gz_vpc_999999", "999999"]) {
      await expectRefusal(server, "vpc-not-found", () => modify({ vpcId: unknown }), [unknown]);
    }
    const other = await server.addKey({ account: "other" });
    for (const stranger of [other, { ...server.client, region: "bj" }]) {
      const attempt = () => call(stranger, "ModifyVpcAttribute", { vpcId, vpcName: "x" });
      await expectRefusal(server, "vpc-not-found", attempt);
    }
  });
});
