// Secrets stay where they belong: nothing of them in what a server prints, nothing of them in clear in its database.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { runCulvert } from "../support/command.ts";
import { sendCall, sendRaw, sendText, signedText, v2Path } from "../support/raw-call.ts";
import { checkRefusal } from "../support/refusal.ts";
import { dataOf, textAt } from "../support/reply.ts";
import { addVpnConn, makeConn, makePlace, nextNetwork, waitForTask } from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";

/** Keys that no program would print by chance. */
const keys = {
  get: "PSK-get-5f0c2e",
  post: "PSK-post-91ab77",
  modified: "PSK-modified-8b1d0e",
  refused: "PSK-refused-3de1c8",
  unsigned: "PSK-unsigned-c0ffee",
  malformed: "PSK-malformed-77d2aa",
  tooLong: `PSK-long-${"x".repeat(200)}`,
} as const;

let server: ServerProcess;
let generated: string;
let madeKey: string;
beforeAll(async () => {
  server = await ServerProcess.start({ CULVERT_LOG_LEVEL: "debug" });
  const { client } = server;
  const place = await makePlace(client);
  const network = () => ({ "userGwCidrBlock.0": nextNetwork() });

  // Calls that go well, that are refused late, early, and before anything was understood.
  const inGet = { ...place, ...network(), preSharedKey: keys.get, userGwId: "", userGwAddr: "203.0.113.10" };
  dataOf((await sendCall(client, "AddVpnConnEx", inGet, { method: "GET" })).reply);
  const conn = await makeConn(client, place, { preSharedKey: keys.post, vpnConnName: "in clear" });
  const other = { preSharedKey: keys.refused, ...network() };
  checkRefusal(await call(client, "AddVpnConnEx", { ...place, ...other }), "parameter-invalid", ["[preSharedKey]"]);
  const tooLong = { ...place, ...network(), preSharedKey: keys.tooLong };
  checkRefusal(await call(client, "AddVpnConnEx", tooLong), "parameter-invalid", ["[preSharedKey]"]);
  const unsigned = { ...place, ...network(), preSharedKey: keys.unsigned };
  const text = signedText(client, "AddVpnConnEx", unsigned, { method: "GET" });
  checkRefusal((await sendText(server.endpoint, "GET", `${text}&x=1`)).reply, "signature-wrong");
  const query = `preSharedKey=${keys.malformed}&%zz`;
  checkRefusal((await sendText(server.endpoint, "GET", query)).reply, "parameter-invalid");
  checkRefusal((await sendText(server.endpoint, "POST", query)).reply, "parameter-invalid");
  const elsewhere = await sendRaw(server.endpoint, { method: "GET", path: `/elsewhere?${query}` });
  expect(elsewhere.status).toBe(404);
  const put = await sendRaw(server.endpoint, { method: "PUT", path: `${v2Path}?${query}`, body: query });
  checkRefusal(put.reply, "parameter-invalid");

  generated = textAt(
    (await addVpnConn(client, { ...place, userGwId: "" }, { userGwAddr: "203.0.113.9" })).data,
    "preSharedKey",
  );
  const ios = { vendorname: "cisco", platform: "ios", software: "V15.4" };
  expect((await call(client, "GetVpnConnConfig", { vpnConnId: textAt(conn, "unVpnConnId"), ...ios })).code).toBe(0);
  const ids = { vpcId: place.vpcId, vpnGwId: place.vpnGwId, vpnConnId: textAt(conn, "unVpnConnId") };
  const change = { ...ids, preSharedKey: keys.modified };
  await waitForTask(client, String(dataOf(await call(client, "ModifyVpnConnEx", change)).taskId));
  await waitForTask(client, String(dataOf(await call(client, "DeleteVpnConn", ids)).taskId));
  const created = await runCulvert(["key", "create", "--json", "--data", server.dataDir]);
  madeKey = String(JSON.parse(created.stdout).secretKey);
  const keyed = { ...client, secretId: String(JSON.parse(created.stdout).secretId) };
  checkRefusal(await call(keyed, "DescribeVpcEx", {}), "signature-wrong");
  await server.restart();
  await server.database.settle();
});
afterAll(() => server.stop());

const secrets = () => [...Object.values(keys), generated, madeKey, server.client.secretKey.reveal()];

describe("a server's output", () => {
  it("tells of the calls, by action and code", () => {
    expect(server.output).toMatch(/"action":"AddVpnConnEx","code":0/);
    expect(server.output).toMatch(/"action":"AddVpnConnEx","code":4000/);
  });

  it("holds no secret, whole or in part, and no query", () => {
    for (const secret of secrets()) {
      expect(server.output.includes(secret)).toBe(false);
      expect(server.output.includes(encodeURIComponent(secret))).toBe(false);
      expect(server.output.includes(secret.slice(0, 16))).toBe(false);
    }
    expect(server.output).not.toMatch(/PSK-|preSharedKey|Signature=|secretKey/i);
  });
});

describe("a server's database", () => {
  it("holds names in clear, so that this test can see", async () => {
    expect((await server.database.readBytes()).includes("203.0.113.9")).toBe(true);
  });

  it("holds no secret in clear, not in its log either", async () => {
    const bytes = await server.database.readBytes();
    const master = readFileSync(join(server.dataDir, "master.key"));
    for (const secret of [...secrets(), master, master.toString("utf8").trim()]) {
      for (const form of [secret, Buffer.from(secret).toString("base64"), Buffer.from(secret).toString("hex")]) {
        expect(bytes.includes(form)).toBe(false);
      }
    }
    expect(bytes.includes("PSK-")).toBe(false);
  });
});
