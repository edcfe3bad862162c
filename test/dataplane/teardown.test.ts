// `culvert teardown`: refuses while a server runs, then takes the gateways off the machine, and the next start builds them again.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, clientOf } from "../../src/cli/client.ts";
import { listNamespaces } from "../../src/dataplane/charon/ip.ts";
import { instanceOf, type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { type ServerProcess, startServerProcess } from "../../src/demo/server-process.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";

const program = fileURLToPath(new URL("../../bin/culvert", import.meta.url));

let dataDir: string;
let names: Names;
let server: ServerProcess;

function teardown(): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    execFile(program, ["teardown", "--data", dataDir], (error, _stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stderr });
    });
  });
}

function waitForGateway(): Promise<unknown> {
  const client = clientOf(server.keyFile, server.endpoint, "gz");
  return waitFor(
    async () => {
      const { data } = await call(client, "DescribeVpnGw", {});
      return (data as { vpnGwStatus: number }[])[0]?.vpnGwStatus === 6 && existsSync(names.viciSocket(1));
    },
    { timeoutMs: 20_000, what: "the gateway" },
  );
}

describeOnMachine("culvert teardown", () => {
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "culvert-test-"));
    names = namesOf(instanceOf(dataDir));
    server = await startServerProcess(dataDir, "charon");
    const client = clientOf(server.keyFile, server.endpoint, "gz");
    await call(client, "CreateVpc", { vpcName: "office", cidrBlock: "10.0.0.0/16" });
    await call(client, "CreateVpn", { vpcId: "1", name: "gateway", period: "1", bandwidth: "5" });
    await waitForGateway();
  });

  afterAll(async () => {
    await server.stop();
    await removeInstance(names);
    rmSync(dataDir, { recursive: true, force: true });
  });

  test("is refused while a server runs", async () => {
    const { code, stderr } = await teardown();
    expect(code).toBe(2);
    expect(stderr).toContain("another server runs");
    expect(await listNamespaces(names.prefix)).toContain(names.gatewayNamespace(1));
  });

  test("leaves nothing of the instance, and the next start builds the gateway again", async () => {
    await server.stop();
    expect(await listNamespaces(names.prefix)).toContain(names.gatewayNamespace(1));
    expect(await teardown()).toEqual({ code: 0, stderr: "" });
    expect(await listNamespaces(names.prefix)).toEqual([]);
    expect(existsSync(names.runDir)).toBe(false);
    server = await startServerProcess(dataDir, "charon");
    await waitForGateway();
  });
});
