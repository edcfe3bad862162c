// The doctor on a real machine: well, without strongSwan, without one of its plugins, without rights, with a gateway that cannot be made.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { call, clientOf, type Reply } from "../../src/cli/client.ts";
import { readConfig } from "../../src/config.ts";
import { makeNamespace, removeNamespace } from "../../src/dataplane/charon/bridges.ts";
import { charonProgram, startCharon } from "../../src/dataplane/charon/charon-process.ts";
import { listNamespaces } from "../../src/dataplane/charon/ip.ts";
import { instanceOf, type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { stageOf } from "../../src/dataplane/charon/stage.ts";
import { startServerProcess } from "../../src/demo/server-process.ts";
import type { Check } from "../../src/doctor/check.ts";
import { runDoctor } from "../../src/doctor/doctor.ts";
import { culvert, environment } from "../support/command.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

interface Examination {
  readonly code: number | null;
  readonly checks: ReadonlyMap<string, Check>;
}

/** Debian's libssl3 has it. */
const [legacyProvider = ""] = globSync("/usr/lib/*/ossl-modules/legacy.so");

let directory: TempDir;
let names: Names;

/** Runs the doctor where `hidden` are not what they were: in a mount namespace of its own, /dev/null stands in their place. */
async function examine(hidden: readonly string[] = []): Promise<Examination> {
  const script = `${hidden.map((path) => `mount --bind /dev/null ${path} && `).join("")}exec "$@"`;
  const doctor = [culvert, "doctor", "--json", "--data", directory.path, "--listen", "127.0.0.1:0"];
  const child = spawn("unshare", ["--mount", "sh", "-c", script, "sh", ...doctor], { env: environment() });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, checks: byName(JSON.parse(stdout).checks) };
}

function byName(checks: readonly Check[]): Map<string, Check> {
  return new Map(checks.map((check) => [check.name, check]));
}

async function listTraces(): Promise<string[]> {
  const dirs = readdirSync(dirname(dirname(names.runDir))).filter((name) => name === "culvert");
  const inside = dirs.length === 0 ? [] : readdirSync(dirname(names.runDir));
  return [...dirs, ...inside.filter((name) => name === names.instance), ...(await listNamespaces(names.prefix))];
}

describeOnMachine("the doctor", () => {
  beforeEach(() => {
    directory = makeTempDir();
    names = namesOf(instanceOf(directory.path));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await removeInstance(names);
    directory.remove();
  });

  it("finds a machine well on which all other tests run, and leaves it as it was", async () => {
    const before = await listTraces();
    const { code, checks } = await examine();
    const bad = [...checks.values()].filter(({ status }) => status === "fail");
    expect(bad).toEqual([]);
    expect(code).toBe(0);
    for (const name of [
      "rights",
      "programs",
      "tun",
      "strongswan",
      "namespaces",
      "packet filter",
      "lease guard",
      "charon",
      "plugins",
      "algorithms",
    ]) {
      expect(checks.get(name), name).toMatchObject({ status: "ok" });
    }
    expect(checks.get("packets")).toEqual({
      name: "packets",
      status: "ok",
      found:
        "A packet crossed with each of the 12 pairs of cipher and hash, and phase 1 came up with each of 10 choices.",
    });
    expect(checks.get("esp")).toMatchObject({ status: "ok", found: expect.stringContaining("userspace") });
    expect(await listTraces()).toEqual(before);
  });

  it("names what to install where there is no strongSwan", async () => {
    const { code, checks } = await examine([charonProgram]);
    expect(code).toBe(1);
    expect(checks.get("strongswan")).toMatchObject({
      status: "fail",
      found: expect.stringContaining("strongSwan is not installed"),
      fix: "Run `sh scripts/bootstrap.sh dataplane` as root in Culvert's directory.",
    });
    expect(checks.get("charon")).toMatchObject({ status: "warn", found: "Not looked at: there is no charon." });
    expect([...checks.values()].filter(({ status }) => status === "fail")).toHaveLength(1);
    expect(await listNamespaces(names.prefix)).toEqual([]);
  });

  it("sees that a charon without ESP in userspace is of no use", async () => {
    const { code, checks } = await examine(["/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"]);
    expect(code).toBe(1);
    expect(checks.get("charon")).toMatchObject({ status: "ok" });
    expect(checks.get("plugins")?.found).toBe("charon did not load kernel-libipsec.");
    expect(checks.get("esp")).toMatchObject({ status: "fail" });
  });

  it("finds by trying that DES carries nothing without OpenSSL's legacy provider", async () => {
    const { code, checks } = await examine([legacyProvider]);
    expect(code).toBe(1);
    expect(checks.get("algorithms")).toMatchObject({ status: "ok" });
    const { status, found, fix } = checks.get("packets") ?? {};
    expect(status).toBe("fail");
    const failed = "des-cbc in phase 1, des-cbc with md5 in phase 2, des-cbc with sha1 in phase 2";
    const why = "charon has not loaded OpenSSL's legacy provider";
    expect(found).toBe(`strongSwan cannot do ${failed}: ${why}. Channels that ask for it are refused.`);
    expect(fix).toContain("legacy.so");
    expect([...checks.values()].filter((check) => check.status === "fail")).toHaveLength(1);
    expect(await listNamespaces(names.prefix)).toEqual([]);
  });

  it("says once that it is not root, and what it therefore did not look at", async () => {
    vi.spyOn(process, "getuid").mockReturnValue(1000);
    const options = { data: directory.path, listen: "127.0.0.1:0" };
    const report = await runDoctor(readConfig({ options, env: {}, file: undefined }));
    expect(report.ok).toBe(false);
    const failed = report.checks.filter(({ status }) => status === "fail");
    expect(failed).toMatchObject([{ name: "rights", fix: expect.stringContaining("sudo bin/culvert doctor") }]);
    const skipped = report.checks.filter(({ found }) => found.startsWith("Not looked at: that needs the rights above"));
    const names = skipped.map(({ name }) => name);
    expect(names).toEqual([
      ...[
        "tun",
        "namespaces",
        "link kinds",
        "packet filter",
        "lease guard",
        "charon",
        "plugins",
        "algorithms",
        "esp",
        "packets",
      ],
      ...["networks", "public addresses", "leftovers"],
    ]);
  });

  it("takes over what a doctor that was killed has left", async () => {
    const [stage] = stageOf(names, "doctor");
    await makeNamespace(stage.namespace);
    const pid = await startCharon(stage);
    const { code } = await examine();
    expect(code).toBe(0);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(await listTraces()).not.toContain(stage.namespace);
  });

  it("shows why a gateway cannot be made, the gateways that nobody runs, and those that nobody asked for", async () => {
    const server = await startServerProcess(directory.path, "charon");
    try {
      const client = clientOf(server.keyFile, server.endpoint, "gz");
      const ask = async (action: string, parameters: Record<string, string>): Promise<Reply> => {
        const reply = await call(client, action, parameters);
        expect(reply).toMatchObject({ code: 0 });
        return reply;
      };
      const vpc = await ask("CreateVpc", { vpcName: "office", cidrBlock: "10.0.0.0/16" });
      const order = { vpcId: String(vpc.unVpcId), period: "1", bandwidth: "5" };
      await ask("CreateVpn", { ...order, name: "first" });
      // A file stands in the place of its directory.
      writeFileSync(names.gatewayDir(2), "");
      await ask("CreateVpn", { ...order, name: "second" });
      const statuses = async () => {
        const { data } = await ask("DescribeVpnGw", { orderField: "vpnGwName", orderDirection: "asc" });
        return data as { vpnGwStatus: number; unVpnGwId: string }[];
      };
      const [first, second] = await waitFor(
        async () => {
          const rows = await statuses();
          return rows.map(({ vpnGwStatus }) => vpnGwStatus).join() === "6,3" ? rows : undefined;
        },
        { what: "one gateway to run and one to fail" },
      );
      const beside = await examine();
      expect(beside.code).toBe(1);
      expect(beside.checks.get(second?.unVpnGwId ?? "")).toMatchObject({
        status: "fail",
        found: expect.stringContaining("It could not be made to run: "),
        fix: "Mend that; the server tries again by itself.",
      });
      expect(beside.checks.get("leftovers")).toMatchObject({ status: "ok" });
      await server.stop();
      await makeNamespace(names.gatewayNamespace(77));
      await removeNamespace(names.gatewayNamespace(1));
      const { checks } = await examine();
      expect(checks.get(first?.unVpnGwId ?? "")?.found).toBe("It is to run, but its charon does not.");
      expect(checks.get("leftovers")?.found).toBe(`No row speaks of ${names.gatewayNamespace(77)}.`);
    } finally {
      await server.stop();
      rmSync(names.gatewayDir(2), { force: true });
    }
  });

  it("does not need the data directory to be there", async () => {
    const absent = join(directory.path, "absent");
    const options = { data: absent, listen: "127.0.0.1:0" };
    const { checks, ok } = await runDoctor(readConfig({ options, env: {}, file: undefined }));
    expect(ok).toBe(true);
    expect(byName(checks).get("charon")).toMatchObject({ status: "ok" });
    mkdirSync(absent);
    expect(await listNamespaces(namesOf(instanceOf(absent)).prefix)).toEqual([]);
  });
});
