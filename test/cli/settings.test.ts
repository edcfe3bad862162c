// Settings from the command line, the environment and a file: what each may be, and the sentence that refuses the rest.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type ConfigSources, environmentName, readApiEndpoints, readConfig, settings } from "../../src/config.ts";
import { runCulvert } from "../support/command.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const directory = makeTempDir();
afterAll(() => directory.remove());

function writeSettings(text: string): string {
  const file = join(directory.path, "culvert.json");
  writeFileSync(file, text);
  return file;
}

const read = (sources: Partial<ConfigSources>) => readConfig({ options: {}, env: {}, file: undefined, ...sources });

describe("settings", () => {
  it("have defaults that fit together", () => {
    expect(read({})).toMatchObject({
      listen: "127.0.0.1:8080",
      dataplane: "charon",
      region: "gz",
      "quota.vpnConns": 20,
    });
  });

  it("have names in the environment that are all different", () => {
    const names = Object.keys(settings).map(environmentName);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^CULVERT_[A-Z][A-Z_]+[A-Z](_[0-9]+)?$/);
    expect(environmentName("unique.userGwAddresses")).toBe("CULVERT_UNIQUE_USER_GW_ADDRESSES");
  });

  it("stand in the file nested or flat, as numbers, flags or texts", () => {
    const nested = {
      quota: { vpcs: 7, vpnConns: "8" },
      unique: { vpcNames: false },
      hosts: ["a.example", "b.example"],
    };
    const flat = { "quota.userGws": 9, "unique.vpnConnNames": "false" };
    const file = writeSettings(JSON.stringify({ ...nested, ...flat }));
    const expected = {
      "quota.vpcs": 7,
      "quota.vpnConns": 8,
      "quota.userGws": 9,
      "unique.vpcNames": false,
      "unique.vpnConnNames": false,
      "unique.userGwAddresses": true,
      hosts: "a.example,b.example",
    };
    expect(read({ file })).toMatchObject(expected);
    expect(read({ env: { CULVERT_CONFIG: file } })).toMatchObject(expected);
  });

  it("come from the command line, the environment, the file, in this order; what is empty is not given", () => {
    const file = writeSettings(JSON.stringify({ region: "sh", quota: { vpcs: 1 } }));
    const env = { CULVERT_REGION: "bj", CULVERT_QUOTA_VPCS: "" };
    expect(read({ file, env, options: { region: "hk" } })).toMatchObject({ region: "hk", "quota.vpcs": 1 });
    expect(read({ file, env, options: { region: "" } }).region).toBe("bj");
    expect(read({ file }).region).toBe("sh");
  });

  it.each(["127.0.0.1:0", "localhost:8080", "[::1]:8080", "0.0.0.0:0", "[::]:443", "example.org:1"])(
    "listen may be %s",
    (listen) => {
      expect(read({ options: { listen } }).listen).toBe(listen);
    },
  );
});

it("the URLs of the API are read one by one, and be it one", () => {
  expect(readApiEndpoints("https://a.example:8443 , HTTPS://[::1]:8443/")).toEqual([
    "https://a.example:8443",
    "https://[::1]:8443",
  ]);
  expect(read({ env: { CULVERT_API_ENDPOINTS: "https://a.example" } }).apiEndpoints).toBe("https://a.example");
});

describe("a sentence refuses", () => {
  it.each(["nonsense", "127.0.0.1", ":8080", "127.0.0.1:99999", "127.0.0.1:http", "::1:80"])("listen %s", (listen) => {
    expect(() => read({ options: { listen } })).toThrow(/^listen: an address and a port .* are expected/);
  });

  it.each([
    ["CULVERT_QUOTA_VPN_CONNS", "-1"],
    ["CULVERT_QUOTA_VPN_CONNS", "1.5"],
    ["CULVERT_QUOTA_VPN_CONNS", "2147483648"],
    ["CULVERT_CLOCK_SKEW_SECONDS", "0"],
    ["CULVERT_RECONCILE_PERIOD_SECONDS", "0"],
    ["CULVERT_UTC_OFFSET_MINUTES", "841"],
    ["CULVERT_UNIQUE_VPC_NAMES", "perhaps"],
    ["CULVERT_UNIQUE_VPC_NAMES", "constructor"],
    ["CULVERT_LOG_LEVEL", "loud"],
    ["CULVERT_PLAIN_HTTP", "true"],
    ["CULVERT_UNKNOWN_SECRET_ID_CODE", "4000"],
    ["CULVERT_RATE_LIMIT", "-1"],
    ["CULVERT_DATAPLANE", "other"],
    ["CULVERT_ROLE", "gateway"],
    ["CULVERT_API_ENDPOINTS", "http://api.example.org"],
    ["CULVERT_API_ENDPOINTS", "https://api.example.org,"],
    ["CULVERT_API_ENDPOINTS", "https://api.example.org/v2/index.php"],
    ["CULVERT_API_ENDPOINTS", "https://user@api.example.org"],
    ["CULVERT_HOST_NAME", "no name"],
    ["CULVERT_REGION", "Gz"],
    ["CULVERT_NETWORK_PUBLIC_POOL", "198.51.100.9-198.51.100.1"],
    ["CULVERT_NETWORK_PUBLIC_POOL", "198.51.100.9"],
    ["CULVERT_NETWORK_PUBLIC_GATEWAY", "nowhere"],
  ])("%s=%s, by name and value", (name, value) => {
    expect(() => read({ env: { [name]: value } })).toThrow(new RegExp(`^${name}: .*expected, not "${value}"$`));
  });

  it("what does not fit together", () => {
    const wide = { CULVERT_NETWORK_PUBLIC_POOL: "198.51.100.9-198.51.101.1" };
    expect(() => read({ env: wide })).toThrow(/^network\.publicPool: /);
    expect(read({ env: { ...wide, CULVERT_NETWORK_PUBLIC_PREFIX_LENGTH: "23" } })["network.publicPrefixLength"]).toBe(
      23,
    );
    expect(() => read({ env: { CULVERT_DATABASE: "mysql://localhost/culvert" } })).toThrow(/^database: /);
  });

  it.each([
    ['{"quota":{"vpc":1}}', /there is no setting quota\.vpc$/],
    ['{"Listen":"127.0.0.1:0"}', /there is no setting Listen$/],
    ['{"toString":1}', /there is no setting toString$/],
    ['{"quota":{"vpcs":"many"}}', /quota\.vpcs: a whole number .* not "many"$/],
    ['{"quota":', /cannot be read as JSON$/],
    ["[]", /an object of settings is expected$/],
  ])("the file %s, by its path", (text, sentence) => {
    const file = writeSettings(text);
    expect(() => read({ file })).toThrow(sentence);
    expect(() => read({ file })).toThrow(file);
  });

  it("a file that is not there", () => {
    expect(() => read({ file: "/nowhere/culvert.json" })).toThrow("/nowhere/culvert.json: cannot be read");
  });
});

describe("a variable CULVERT_… that is no setting", () => {
  const data = join(directory.path, "none");
  const run = (env: Record<string, string>) => runCulvert(["key", "list", "--data", data], { env });

  it("is told by its name, once, and never by its value", async () => {
    const env = { CULVERT_DATAPLAN: "a-value", CULVERT_PUBLIC_POOL: "another-value", CULVERT_LOG_LEVEL: "warn" };
    const { code, stderr } = await run(env);
    const lines = stderr.split("\n").filter((line) => line.includes("warning"));
    expect(lines.toSorted()).toEqual([
      "culvert: warning: CULVERT_DATAPLAN is not a setting and has no effect",
      "culvert: warning: CULVERT_PUBLIC_POOL is not a setting and has no effect",
    ]);
    expect(stderr).not.toContain("-value");
    expect(code).toBe(2); // for want of a database, as without it
    expect(existsSync(data)).toBe(false);
  });

  it("is none that an option has, nor CULVERT_CONFIG, nor another program's", async () => {
    const file = writeSettings("{}");
    const known = { CULVERT_CONFIG: file, CULVERT_JSON: "1", CULVERT_ACCOUNT: "a", CULVERT_READ_ONLY: "1" };
    const { stderr } = await run({ ...known, CULVERT_VPC: "vpc-1", CULVERTED: "1" });
    expect(stderr).not.toContain("warning");
  });
});
