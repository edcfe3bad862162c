// `culvert doctor` without a machine: addresses, data directories, servers and failed gateways, on the simulated data plane.
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import type { Check } from "../../src/doctor/check.ts";
import { runCulvert } from "../support/command.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { startLocalServer } from "../support/local-server.ts";
import { makeVpc } from "../support/scene.ts";
import { type Environment, ServerProcess } from "../support/server.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

interface Examination {
  readonly code: number | null;
  readonly ok: boolean;
  readonly checks: ReadonlyMap<string, Check>;
}

async function examine(data: string, listen = "127.0.0.1:0", env: Environment = {}): Promise<Examination> {
  const args = ["doctor", "--json", "--dataplane", "simulated", "--data", data, "--listen", listen];
  const { code, stdout, stderr } = await runCulvert(args, { env });
  expect(stderr).toBe("");
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  expect(code).toBe(ok ? 0 : 1);
  return { code, ok, checks: new Map(checks.map((check) => [check.name, check])) };
}

let directory: TempDir;

beforeEach(() => {
  directory = makeTempDir();
});
afterEach(() => directory.remove());

describe("culvert doctor", () => {
  it("has nothing against a machine before the first start, and makes nothing on it", async () => {
    const data = join(directory.path, "a", "b");
    const { ok, checks } = await examine(data);
    expect(ok).toBe(true);
    expect([...checks.keys()]).toEqual(["node", "system", "machine", "listen", "data"]);
    expect(checks.get("machine")?.found).toContain("Not looked at");
    expect(data).not.toSatisfy(existsSync);
  });

  it("speaks to people in lines", async () => {
    const { code, stdout } = await runCulvert(["doctor", "--dataplane", "simulated", "--data", directory.path]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {4}node {5,}Node\.js 24/);
    expect(stdout).toMatch(/\d+ checks, \d+ to look at, 0 failed\.\n$/);
  });

  it("cannot run on settings that make no sense", async () => {
    const { code, stderr } = await runCulvert(["doctor", "--listen", "nonsense", "--data", directory.path]);
    expect(code).toBe(2);
    expect(stderr).toContain("an address and a port");
  });

  it("knows a running server, by its lock and by its address", async () => {
    const server = await ServerProcess.start();
    const listen = new URL(server.endpoint).host;
    const beside = await examine(server.dataDir, listen);
    expect(beside.checks.get("server")?.found).toContain(`(process ${server.pid})`);
    expect(beside.checks.get("listen")).toMatchObject({ status: "ok", found: `A Culvert answers at ${listen}.` });
    expect(beside.checks.get("keys")).toMatchObject({ status: "ok" });
    const elsewhere = await examine(directory.path, listen);
    expect(elsewhere.checks.get("listen")).toMatchObject({ status: "warn", fix: expect.stringContaining("--listen") });
    await server.kill("SIGKILL");
    const { checks } = await examine(server.dataDir, listen);
    expect(checks.get("server")?.found).toContain("No server runs");
    expect(checks.get("listen")).toMatchObject({ status: "ok", found: `${listen} is free.` });
    chmodSync(server.keyFile, 0o644);
    expect((await examine(server.dataDir)).checks.get("keys")).toMatchObject({ status: "fail" });
    rmSync(join(server.dataDir, "master.key"));
    expect((await examine(server.dataDir)).checks.get("keys")?.fix).toContain("backup");
    expect(join(server.dataDir, "master.key")).not.toSatisfy(existsSync);
    await server.stop();
  });

  it("asks a gateway host's API nodes, and looks for no database", async () => {
    const api = await ServerProcess.start({}, ["--role", "api"]);
    const created = await runCulvert(["host", "create", "vpn1", "--data", api.dataDir, "--json"]);
    const { token } = JSON.parse(created.stdout) as { token: string };
    const tokenFile = join(directory.path, "host.token");
    const env = {
      CULVERT_ROLE: "host",
      CULVERT_API_ENDPOINTS: api.endpoint.replace(/^http:/, "https:"),
      CULVERT_HOST_TOKEN_FILE: tokenFile,
      CULVERT_CA_FILE: join(api.dataDir, "tls", "cert.pem"),
    };
    const look = (settings: Environment = {}) => examine(directory.path, undefined, { ...env, ...settings });
    try {
      expect((await look()).checks.get("api")?.found).toContain(`${tokenFile} cannot be read (ENOENT)`);
      writeFileSync(tokenFile, token, { mode: 0o600 });
      const { ok, checks } = await look();
      expect(ok).toBe(true);
      expect([...checks.keys()]).toEqual(["node", "system", "machine", "api", "data", "server"]);
      expect(checks.get("api")).toMatchObject({ status: "ok", found: expect.stringContaining("takes the token") });
      // It has renewed nothing, and so joined nothing.
      const { stdout } = await runCulvert(["host", "list", "--data", api.dataDir, "--json"]);
      expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ name: "vpn1", isJoined: false })]);
      const distrustful = await look({ CULVERT_CA_FILE: "" });
      expect(distrustful.checks.get("api")).toMatchObject({ status: "fail", fix: expect.stringContaining("caFile") });
      writeFileSync(tokenFile, "another-token-than-its-own");
      const refused = await look();
      expect(refused.checks.get("api")).toMatchObject({ status: "fail", fix: expect.stringContaining("host token") });
      expect(JSON.stringify([...refused.checks])).not.toContain("another-token");
      await api.kill("SIGTERM");
      expect((await look()).checks.get("api")?.found).toContain("ECONNREFUSED");
    } finally {
      await api.stop();
    }
  });

  it("does not ask of an API node what only tunnels need", async () => {
    const args = ["doctor", "--json", "--data", directory.path, "--listen", "127.0.0.1:0"];
    const { code, stdout } = await runCulvert(args, { env: { CULVERT_ROLE: "api" } });
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    expect(checks.map(({ name }) => name)).toEqual([
      ...["node", "system", "machine", "listen", "data"],
      ...["keys", "server", "gateways", "volumes"],
    ]);
    expect(checks.find(({ name }) => name === "machine")?.found).toContain("an API node carries no tunnels");
    expect(code).toBe(0);
  });

  it("tells a stranger at the address from a Culvert", async () => {
    const stranger = createServer((_request, response) => response.end("hello"));
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const { port } = stranger.address() as AddressInfo;
    const { checks } = await examine(directory.path, `127.0.0.1:${port}`);
    expect(checks.get("listen")).toMatchObject({ status: "fail", found: expect.stringContaining("no Culvert") });
    stranger.close();
  });

  it("shows why a gateway does not run", async () => {
    const dataplane = new HeldDataplane();
    const server = await startLocalServer({}, dataplane);
    dataplane.fail(() => new DataplaneError("gateway", "charon did not start in cv-1-gw1: no such plugin"));
    const order = { vpcId: await makeVpc(server.client), bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" };
    await call(server.client, "RunVpnGw", { ...order, name: "second" });
    const { checks, ok } = await waitFor(
      async () => {
        const found = await examine(server.dataDir);
        return found.ok ? undefined : found;
      },
      { what: "a gateway that failed", timeoutMs: 15_000 },
    );
    expect(ok).toBe(false);
    const [uid, check] = [...checks].find(([name]) => name.startsWith("vpngw-")) ?? [];
    expect(uid).toMatch(/^vpngw-[a-z0-9]{8}$/);
    expect(check).toMatchObject({
      status: "fail",
      found: "It could not be made to run: charon did not start in cv-1-gw1: no such plugin.",
    });
    expect(checks.get("gateways")).toMatchObject({ status: "warn" });
    await server.stop();
  });
});
