// `culvert key`: makes, lists and disables keys on the store, beside a server that runs and sees them within a second.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import { readKeyFile } from "../../src/operations/admin-key.ts";
import { runCulvert } from "../support/command.ts";
import { makeVpc } from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(() => server.stop());

const key = (...args: string[]) => runCulvert(["key", ...args, "--data", server.dataDir]);

/** A new key; what the command prints is a key file. */
async function createKey(...args: string[]): Promise<Client> {
  const { code, stdout, stderr } = await key("create", "--json", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^\{.*\}\n$/);
  const file = join(server.dataDir, "made.key.json");
  writeFileSync(file, stdout);
  return { ...readKeyFile(file), endpoint: server.endpoint, region: "gz" };
}

/** Waits for the code that a key's calls get: within a second. */
const waitForCode = (client: Client, code: number) =>
  waitFor(async () => (await call(client, "DescribeVpcEx", {})).code === code, {
    what: `code ${code}`,
    timeoutMs: 1_000,
  });

describe("a key of the command line", () => {
  it("is in the vendor's form, is taken by a running server, and by none that it was disabled for", async () => {
    const client = await createKey();
    expect(client.secretId).toMatch(/^AKID[A-Za-z0-9]{32}$/);
    expect(client.secretKey.reveal()).toMatch(/^[A-Za-z0-9]{32}$/);
    await waitForCode(client, 0);
    await makeVpc(client);
    expect(await key("disable", client.secretId)).toEqual({ code: 0, stdout: "", stderr: "" });
    await waitForCode(client, 4104);
    expect((await key("disable", client.secretId)).code).toBe(0);
    expect((await key("list")).stdout).toMatch(new RegExp(`\n${client.secretId} +default +read, write .* disabled\n`));
  });

  it("may read only, and may be of another account", async () => {
    const reader = await createKey("--read-only", "--account", "other");
    await waitForCode(reader, 0);
    await makeVpc(server.client);
    expect(await call(reader, "DescribeVpcEx", {})).toMatchObject({ code: 0, totalCount: 0 });
    const attempt = await call(reader, "CreateVpc", { vpcName: "v", cidrBlock: "10.0.0.0/16" });
    expect(attempt).toMatchObject({ code: 4101, codeDesc: "AuthFailure" });

    const { stdout } = await key("list", "--json");
    const { secretId } = reader;
    const row = { secretId, account: "other", isReadOnly: true, createdAtMs: expect.any(Number) };
    expect(JSON.parse(stdout)).toContainEqual(row);
    for (const { secretKey } of [reader, server.client]) expect(stdout.includes(secretKey.reveal())).toBe(false);
  });

  it("is shown to people once", async () => {
    const { code, stdout } = await key("create");
    expect(code).toBe(0);
    const [, secretId = "?", secretKey = "?"] =
      /^SecretId {3}(AKID\w{32})\nSecretKey {2}(\w{32})\n$/.exec(stdout) ?? [];
    const table = await key("list");
    expect(table.stdout).toMatch(/^SecretId +account +rights +created +state\n/);
    expect(table.stdout).toMatch(new RegExp(`\n${secretId} +default +read, write +\\S+Z +enabled\n`));
    expect(table.stdout.includes(secretKey)).toBe(false);
  });

  it.each([["list"], ["disable", "AKIDnobody"]])(
    "%s makes nothing where there is no server's data",
    async (...args) => {
      const data = join(server.dataDir, "typo");
      const stderr = `culvert: there is no database ${join(data, "culvert.db")}; --data names the data directory of a server\n`;
      expect(await runCulvert(["key", ...args, "--data", data])).toEqual({ code: 2, stdout: "", stderr });
      expect(existsSync(data)).toBe(false);
    },
  );

  it("that there is not cannot be disabled", async () => {
    const { code, stderr } = await key("disable", "AKIDnobody");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "culvert: there is no key AKIDnobody\n" });
  });
});
