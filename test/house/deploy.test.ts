// What an operator copies: the unit, the networks and the settings of deploy/ are of one piece with the program and with the guide.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildCommandLine } from "../../src/cli/command-line.ts";
import { type Config, readApiEndpoints, readConfig, readListen } from "../../src/config.ts";
import { checkRemoteHost } from "../../src/host/remote-host.ts";
import { parsePublicAttachment } from "../../src/vpn/attachment.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const unit = read("deploy/systemd/culvert.service");
const guide = read("docs/guide/deploy.md");
const scaleOut = read("docs/guide/scale-out.md");
const installed = "/opt/culvert/";

/** All values of one setting of a unit, in their order. */
function valuesOf(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

let dir: TempDir;
beforeAll(() => {
  dir = makeTempDir();
});
afterAll(() => dir.remove());

describe("the unit", () => {
  test("starts a program, a command and options that there are", () => {
    const [program = "", name, ...args] = valuesOf(unit, "ExecStart")[0]?.split(" ") ?? [];
    expect(program.startsWith(installed)).toBe(true);
    expect(existsSync(join(root, program.slice(installed.length)))).toBe(true);
    const command = buildCommandLine(() => Promise.reject(new TypeError("nothing is started here"))).commands.find(
      (each) => each.name() === name,
    );
    const options = command?.options.map(({ long }) => long) ?? [];
    expect(options).toEqual(expect.arrayContaining(args.filter((arg) => arg.startsWith("--"))));
    expect(valuesOf(unit, "Documentation")[0]).toBe(`file://${installed}docs/guide/deploy.md`);
  });

  test("leaves the charons alone when it ends, and shares the machine's mounts", () => {
    expect(valuesOf(unit, "KillMode")).toEqual(["process"]);
    expect(valuesOf(unit, "OOMPolicy")).toEqual(["continue"]);
    expect(unit).not.toMatch(
      /^(RuntimeDirectory|Private\w*|Protect\w*|ReadOnly\w*|Mount\w*|Temporary\w*|DynamicUser)=/m,
    );
  });

  const analyze = "/usr/bin/systemd-analyze";
  test.skipIf(!existsSync(analyze))("is what systemd understands (needs systemd-analyze)", () => {
    // verify looks for the programs: here they are where this checkout is.
    const path = join(dir.path, "culvert.service");
    writeFileSync(path, unit.replaceAll(installed, `${root}/`));
    const { status, stderr } = spawnSync(analyze, ["verify", "--man=no", path], { encoding: "utf8" });
    const ours = stderr.split("\n").filter((line) => line.includes(path) || line.includes("culvert.service"));
    expect(ours).toEqual([]);
    expect(status).toBe(0);
  });
});

describe("the settings", () => {
  test("are settings, on the bridge that the networks make", () => {
    const config = readConfig({ options: {}, env: {}, file: join(root, "deploy/culvert.json") });
    const attachment = parsePublicAttachment(config["network.public"]);
    expect(attachment.kind).toBe("bridge");
    const name = "bridge" in attachment ? attachment.bridge : "";
    expect(valuesOf(read(`deploy/networkd/50-${name}.netdev`), "Name")).toEqual([name]);
    expect(valuesOf(read("deploy/networkd/50-eno1.network"), "Bridge")).toEqual([name]);
    expect(`/var/lib/${valuesOf(unit, "StateDirectory")[0]}`).toBe(config.data);
  });
});

describe("the settings of several machines", () => {
  const readAll = (name: string) => readConfig({ options: {}, env: {}, file: join(root, "deploy", name) });
  const [one, api, host] = ["culvert.json", "culvert-api.json", "culvert-host.json"].map(readAll);
  if (one === undefined || api === undefined || host === undefined) throw new TypeError("three are expected");

  test("say what each is, and the unit fits both", () => {
    expect([one.role, api.role, host.role]).toEqual(["all", "api", "host"]);
    expect(() => checkRemoteHost(host)).not.toThrow();
    expect([api.data, host.data]).toEqual([one.data, one.data]);
    // Longer than the program itself gives its stop.
    expect(Number(valuesOf(unit, "TimeoutStopSec")[0])).toBeGreaterThan(api.stopDelaySeconds + 10);
  });

  test("are of one piece: a host finds the nodes and trusts what they show, and its gateways are as on one machine", () => {
    const { port } = readListen(api.listen);
    const endpoints = readApiEndpoints(host.apiEndpoints);
    expect(endpoints.map((each) => Number(new URL(each).port))).toEqual(endpoints.map(() => port));
    for (const endpoint of endpoints) expect(scaleOut).toContain(`IP:${new URL(endpoint).hostname}`);
    expect(host.caFile).toBe(api["tls.certFile"]);
    const networkOf = (config: Config) => Object.entries(config).filter(([name]) => name.startsWith("network."));
    expect(networkOf(host)).toEqual(networkOf(one));
    expect(api["network.publicPool"]).toEqual(one["network.publicPool"]);
    expect(api.database).toBe(/--to (postgres:\S+)/.exec(scaleOut)?.[1]);
    expect(scaleOut).toContain(` ${api.databasePasswordFile}`);
    expect(scaleOut).toContain(` ${host.hostTokenFile}`);
  });
});

test("the guides install every file of deploy/, where the unit looks for it", () => {
  for (const path of ["deploy/culvert.json", "deploy/systemd/culvert.service", "deploy/networkd/*"]) {
    expect(guide).toContain(`${installed}${path}`);
  }
  const configFile = valuesOf(unit, "ExecStart")[0]?.split("--config ")[1] ?? "";
  expect(guide).toContain(`${installed}deploy/culvert.json ${configFile}`);
  for (const name of ["culvert-api.json", "culvert-host.json"]) {
    expect(scaleOut).toContain(`${installed}deploy/${name} ${configFile}`);
  }
  const files = ["culvert-api.json", "culvert-host.json", "culvert.json", "networkd", "systemd"];
  expect(readdirSync(join(root, "deploy")).toSorted()).toEqual(files);
});
