import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../test/support/temp-dir.ts";
import {
  type Config,
  ConfigError,
  environmentName,
  formatEndpoint,
  readConfig,
  readEnvironment,
  readListen,
  type SettingName,
  servesPlainHttp,
  settings,
} from "./config.ts";
import { formatAddress, parseAddress } from "./vpn/network.ts";

let dir: TempDir;
let files = 0;

beforeAll(() => {
  dir = makeTempDir();
});
afterAll(() => dir.remove());

function writeFile(value: unknown): string {
  files += 1;
  const path = join(dir.path, `${files}.json`);
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

type Options = Readonly<Partial<Record<SettingName, string>>>;
type Environment = Readonly<Record<string, string>>;

function read(options: Options = {}, env: Environment = {}, file?: string): Config {
  return readConfig({ options, env, file });
}

function refuse(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error("it was not refused");
}

const names = Object.keys(settings) as SettingName[];

/** A value that is not the default, for each setting. */
const samples: Readonly<Record<SettingName, string>> = {
  role: "api",
  apiEndpoints: "https://api-1.example.org:8443,https://api-2.example.org:8443",
  hostTokenFile: "/etc/culvert/token",
  hostName: "vpn1.example.org",
  listen: "127.0.0.2:9",
  plainHttp: "off",
  "tls.certFile": "cert.pem",
  "tls.keyFile": "key.pem",
  unknownSecretIdCode: "4100",
  rateLimit: "50",
  caFile: "ca.pem",
  endpoint: "https://vpn.example:8443",
  keyFile: "key.json",
  data: "elsewhere",
  database: "sqlite:elsewhere.db",
  databasePasswordFile: "password",
  stopDelaySeconds: "10",
  handOverSeconds: "0",
  dataplane: "simulated",
  logLevel: "debug",
  masterKeyFile: "key",
  region: "bj",
  probeListen: "127.0.0.1:9",
  hosts: "vpc.api.qcloud.com",
  clockSkewSeconds: "300",
  utcOffsetMinutes: "-60",
  reconcilePeriodSeconds: "5",
  oneWaySeconds: "90",
  "lease.seconds": "60",
  trafficDays: "40",
  simulatedDelayMs: "100",
  "quota.vpcs": "1",
  "quota.subnetsPerVpc": "7",
  "quota.vpnGwsPerVpc": "2",
  "quota.userGws": "3",
  "quota.vpnConns": "4",
  "quota.vpnConnsScope": "gateway",
  "quota.vpnConnsPerUserGw": "7",
  "quota.spdsPerConn": "5",
  "quota.peersPerSpd": "6",
  "unique.vpcNames": "false",
  "unique.vpnConnNames": "false",
  "unique.userGwAddresses": "false",
  "price.5": "1",
  "price.10": "2",
  "price.20": "3",
  "price.50": "4",
  "price.100": "0",
  allowPrivatePeers: "false",
  "dpd.delaySeconds": "10",
  "dpd.timeoutSeconds": "45",
  "network.publicPool": "198.51.100.20-198.51.100.30",
  "network.publicPrefixLength": "25",
  "network.publicGateway": "198.51.100.1",
  "network.public": "bridge:br-public",
  "network.publicMtu": "1400",
  "network.vpcs": "vpc-2ari9m7h=vlan:eno1.20",
  "network.mss": "1300",
  "network.esp": "userspace",
};

/** What a setting is read as, by what its default is and what its text looks like. */
function readSample(name: SettingName, text: string): unknown {
  if (typeof settings[name].fallback === "number") return Number(text);
  if (text === "false") return false;
  const [first, last] = text.split("-").map(parseAddress);
  return first !== undefined && last !== undefined ? { first, last } : text;
}

describe("every setting", () => {
  test("has a default that would be taken if it were given", () => {
    const config = read();
    for (const name of names) {
      const { fallback } = settings[name];
      expect(config[name]).toEqual(fallback);
      const text =
        typeof fallback === "object"
          ? `${formatAddress(fallback.first)}-${formatAddress(fallback.last)}`
          : String(fallback);
      expect([name, read({ [name]: text })[name]]).toEqual([name, fallback]);
    }
  });

  test("has a sentence about it, and is one of the samples below", () => {
    for (const name of names) expect(settings[name].about.length).toBeGreaterThan(10);
    expect(Object.keys(samples).toSorted()).toEqual(names.toSorted());
  });

  test("has a name of its own in the environment", () => {
    const inEnvironment = names.map(environmentName);
    expect(new Set(inEnvironment).size).toBe(names.length);
    for (const name of inEnvironment) expect(name).toMatch(/^CULVERT(_[A-Z]+)+(_[0-9]+)?$/);
    expect(inEnvironment).not.toContain("CULVERT_CONFIG");
  });

  test.each<[SettingName, string]>([
    ["listen", "CULVERT_LISTEN"],
    ["logLevel", "CULVERT_LOG_LEVEL"],
    ["simulatedDelayMs", "CULVERT_SIMULATED_DELAY_MS"],
    ["quota.vpnGwsPerVpc", "CULVERT_QUOTA_VPN_GWS_PER_VPC"],
    ["unique.userGwAddresses", "CULVERT_UNIQUE_USER_GW_ADDRESSES"],
    ["network.publicPool", "CULVERT_NETWORK_PUBLIC_POOL"],
  ])("%s is %s", (name, expected) => {
    expect(environmentName(name)).toBe(expected);
  });

  test.each(names)("%s is taken from the command line, the environment and the file", (name) => {
    const text = samples[name];
    const expected = readSample(name, text);
    expect(expected).not.toEqual(settings[name].fallback);
    expect(read({ [name]: text })[name]).toEqual(expected);
    expect(read({}, { [environmentName(name)]: text })[name]).toEqual(expected);
    expect(read({}, {}, writeFile({ [name]: text }))[name]).toEqual(expected);
  });
});

describe("the operator's network", () => {
  test("has its VPCs as an object in the file, and as a text elsewhere", () => {
    const vpcs = { "vpc-2ari9m7h": "vlan:eno1.20", "*": "bridge:br-vpc{number}" };
    const text = "vpc-2ari9m7h=vlan:eno1.20,*=bridge:br-vpc{number}";
    expect(read({}, {}, writeFile({ network: { vpcs } }))["network.vpcs"]).toBe(text);
    expect(read({}, { CULVERT_NETWORK_VPCS: text })["network.vpcs"]).toBe(text);
  });

  test.each<[Options, string]>([
    [
      { "network.public": "br0" },
      "option network.public: own, bridge:NAME, interface:NAME or vlan:NAME.ID is expected",
    ],
    [{ "network.public": "namespace:x@10.0.0.2" }, "option network.public: own, bridge:NAME"],
    [{ "network.vpcs": "10.0.0.0/16=bridge:br0" }, "option network.vpcs: VPC=ATTACHMENT is expected"],
    [{ "network.publicMtu": "575" }, "option network.publicMtu: a whole number from 576 to 9216"],
    [{ "network.mss": "535" }, "option network.mss: auto, off or a number of bytes from 536 to 9000 is expected"],
    [{ "network.mss": "none" }, "option network.mss: auto, off or"],
    [{ "network.esp": "hardware" }, "option network.esp: one of auto, kernel, userspace is expected"],
  ])("%o is refused", (options, words) => {
    expect(refuse(() => read(options))).toContain(words);
  });

  test("has no VPC on the public network", () => {
    const both = { "network.public": "bridge:br0", "network.vpcs": "vpc-2ari9m7h=bridge:br0" };
    expect(refuse(() => read(both))).toBe("network.vpcs: vpc-2ari9m7h cannot have bridge:br0, which is network.public");
    const wires = { "network.public": "own", "network.vpcs": "vpc-2ari9m7h=own" };
    expect(read(wires)["network.vpcs"]).toBe("vpc-2ari9m7h=own");
  });
});

describe("of several places", () => {
  const file = () => writeFile({ region: "file", data: "file", hosts: "file" });
  const env = { CULVERT_REGION: "env", CULVERT_DATA: "env" };

  test("the command line comes first, then the environment, then the file, then the default", () => {
    const config = read({ region: "option" }, env, file());
    const { region, data, hosts, logLevel } = config;
    expect({ region, data, hosts, logLevel }).toEqual({
      region: "option",
      data: "env",
      hosts: "file",
      logLevel: "info",
    });
  });

  test("an empty text is none", () => {
    const { region, data, hosts } = read(
      { region: "" },
      { ...env, CULVERT_DATA: "" },
      writeFile({ data: "file", hosts: "" }),
    );
    expect({ region, data, hosts }).toEqual({ region: "env", data: "file", hosts: "" });
  });

  test("what is wrong in a place that does not count is not looked at", () => {
    expect(read({ "quota.vpcs": "7" }, { CULVERT_QUOTA_VPCS: "many" })["quota.vpcs"]).toBe(7);
  });

  test("the file may be named in the environment; the one on the command line counts before it", () => {
    const [one, other] = [writeFile({ region: "one" }), writeFile({ region: "other" })];
    expect(read({}, { CULVERT_CONFIG: one }).region).toBe("one");
    expect(read({}, { CULVERT_CONFIG: one }, other).region).toBe("other");
    expect(read({}, { CULVERT_CONFIG: "" }).region).toBe("gz");
  });
});

describe("the file", () => {
  test("may have sections, to any depth, and names with dots; numbers, booleans and lists", () => {
    const path = writeFile({
      quota: { vpcs: 7, vpnConns: "8" },
      "quota.userGws": 9,
      unique: { vpcNames: false },
      network: { publicPool: "198.51.100.20-198.51.100.30", publicPrefixLength: 25 },
      hosts: ["a.example", "b.example"],
      allowPrivatePeers: false,
    });
    expect(read({}, {}, path)).toMatchObject({
      "quota.vpcs": 7,
      "quota.vpnConns": 8,
      "quota.userGws": 9,
      "unique.vpcNames": false,
      "network.publicPrefixLength": 25,
      hosts: "a.example,b.example",
      allowPrivatePeers: false,
    });
  });

  test.each<[string, unknown, string]>([
    ["a setting that there is not", { listn: "x" }, "there is no setting listn"],
    ["a section that there is not", { quotas: { vpcs: 1 } }, "there is no setting quotas.vpcs"],
    ["a section in the place of a setting", { listen: { host: "x" } }, "there is no setting listen.host"],
    ["a setting in the place of a section", { quota: 5 }, "there is no setting quota"],
    ["a name that every object has", { constructor: "x" }, "there is no setting constructor"],
    [
      "a name that every object has, in a section",
      { toString: { valueOf: 1 } },
      "there is no setting toString.valueOf",
    ],
    ["a prototype", '{"__proto__": "x"}', "there is no setting __proto__"],
    ["a VPC at no attachment", { network: { vpcs: { "*": "bridge:br0" } } }, "network.vpcs: * stands for many VPCs"],
    ["null", { masterKeyFile: null }, "masterKeyFile: a value is expected, not null"],
    ["null in a section", { quota: { vpcs: null } }, "quota.vpcs: a value is expected, not null"],
    ["a list", [], "an object of settings is expected"],
    ["a text", '"listen"', "an object of settings is expected"],
    ["nothing", "", "cannot be read as JSON"],
    ["no JSON", "listen: x", "cannot be read as JSON"],
    ["a value out of range", { quota: { vpcs: -1 } }, "quota.vpcs: a whole number from 0 to 2147483647 is expected"],
    ["a fraction", { quota: { vpcs: 1.5 } }, "quota.vpcs: a whole number"],
    ["a large number", { quota: { vpcs: 1e21 } }, "quota.vpcs: a whole number"],
  ])("that holds %s is refused by its path", (_what, value, words) => {
    const path = writeFile(value);
    const message = refuse(() => read({}, {}, path));
    expect(message).toContain(`${path}: `);
    expect(message).toContain(words);
  });

  test("that is not there is refused by its path", () => {
    const path = join(dir.path, "missing.json");
    expect(refuse(() => read({}, {}, path))).toBe(`${path}: cannot be read as JSON`);
    expect(refuse(() => read({}, { CULVERT_CONFIG: path }))).toContain(path);
  });
});

describe("a value that cannot be", () => {
  const wrong: readonly [SettingName, string, string][] = [
    ["logLevel", "verbose", "one of fatal, error, warn, info, debug, silent is expected"],
    ["logLevel", "INFO", "one of fatal"],
    ["dataplane", "constructor", "one of charon, simulated is expected"],
    ["clockSkewSeconds", "0", "a whole number from 1 to 86400 is expected"],
    ["clockSkewSeconds", "86401", "a whole number from 1 to 86400"],
    ["clockSkewSeconds", "1e3", "a whole number"],
    ["clockSkewSeconds", "0x10", "a whole number"],
    ["clockSkewSeconds", " 5", "a whole number"],
    ["clockSkewSeconds", "9".repeat(400), "a whole number"],
    ["utcOffsetMinutes", "-721", "a whole number from -720 to 840"],
    ["quota.vpcs", "unlimited", "a whole number"],
    ["unique.vpcNames", "yes", "true or false is expected"],
    ["unique.vpcNames", "constructor", "true or false is expected"],
    ["allowPrivatePeers", "on", "true or false is expected"],
    ["region", "GZ", "a region such as gz"],
    ["region", "gz_1", "a region such as gz"],
    ["lease.seconds", "4", "a whole number from 5 to 300"],
    ["lease.seconds", "301", "a whole number from 5 to 300"],
    ["dpd.delaySeconds", "0", "a whole number from 1 to 3600"],
    ["dpd.timeoutSeconds", "0", "a whole number from 1 to 86400"],
    ["network.publicPool", "198.51.100.10", "two IPv4 addresses"],
    ["network.publicPool", "198.51.100.0/24", "two IPv4 addresses"],
    ["network.publicPool", "198.51.100.60-198.51.100.10", "two IPv4 addresses"],
    ["network.publicPool", "198.51.100.10-198.51.100.20-198.51.100.30", "two IPv4 addresses"],
    ["network.publicPool", "198.51.100.10-198.51.100.300", "two IPv4 addresses"],
    ["network.publicPrefixLength", "32", "a whole number from 8 to 31"],
    ["network.publicGateway", "router", "an IPv4 address is expected"],
    ["network.publicGateway", "198.51.100.1/24", "an IPv4 address is expected"],
  ];

  test.each(wrong)("%s: %j is refused with the name of where it came from", (name, value, words) => {
    const shown = `, not ${JSON.stringify(value)}`;
    const byOption = refuse(() => read({ [name]: value }));
    expect(byOption).toContain(`option ${name}: ${words}`);
    expect(byOption).toContain(shown);
    expect(refuse(() => read({}, { [environmentName(name)]: value }))).toContain(`${environmentName(name)}: ${words}`);
    const path = writeFile({ [name]: value });
    expect(refuse(() => read({}, {}, path))).toContain(`${path}: ${name}: ${words}`);
  });

  test("flags are true, false, 1 and 0, in any case", () => {
    const values = ["true", "TRUE", "1", "false", "False", "0"];
    const flags = values.map((value) => read({ allowPrivatePeers: value }).allowPrivatePeers);
    expect(flags).toEqual([true, true, true, false, false, false]);
  });

  test.each(["mysql://host/db", "postgres:", "postgres://", "sqlite", "sqlite:", "sqlite::memory:", "culvert.db"])(
    "the database cannot be %s",
    (database) => {
      const expected = "database: sqlite:PATH or postgres://user@host/name is expected";
      expect(refuse(() => read({ database }))).toBe(expected);
    },
  );

  test.each(["sqlite:culvert.db", "postgres://host/db", "postgresql://me@host:5433/db?sslmode=verify-full"])(
    "the database can be %s",
    (database) => {
      expect(read({ database }).database).toBe(database);
    },
  );

  test.each(["postgres://me:pass-word@host/db", "postgresql://host/db?user=me&password=pass-word"])(
    "the database's password is not taken from the command line, where others see it, but from the environment: %s",
    (database) => {
      const message = refuse(() => read({ database }));
      expect(message).toContain("databasePasswordFile");
      expect(message).not.toContain("pass-word");
      expect(read({}, { CULVERT_DATABASE: database }).database).toBe(database);
    },
  );
});

describe("the address of probes", () => {
  test.each(["127.0.0.1:0", "[::1]:8081", "localhost:8081"])("is on loopback: %s", (probeListen) => {
    expect(read({ probeListen }).probeListen).toBe(probeListen);
  });
  test.each(["0.0.0.0:8081", "192.0.2.1:8081", "8081"])("is not %s", (probeListen) => {
    expect(() => read({ probeListen })).toThrow("a loopback address and a port such as 127.0.0.1:8081");
  });
});

describe("the address to listen on", () => {
  test.each<[string, string, number]>([
    ["127.0.0.1:8080", "127.0.0.1", 8080],
    ["127.255.255.254:1", "127.255.255.254", 1],
    ["localhost:0", "localhost", 0],
    ["[::1]:65535", "::1", 65_535],
  ])("%s is of this machine", (text, host, port) => {
    expect(readListen(text)).toEqual({ host, port, isLoopback: true });
    expect(read({ listen: text }).listen).toBe(text);
  });

  test.each([
    "0.0.0.0:8080",
    "[::]:8080",
    "192.168.0.1:80",
    "128.0.0.1:80",
    "126.255.255.255:80",
    "example.com:80",
    "localhost.example:80",
    "127.1:80",
    "0127.0.0.1:80",
  ])("%s is of the network", (text) => {
    expect(readListen(text).isLoopback).toBe(false);
    expect(read({ listen: text }).listen).toBe(text);
  });

  test.each([
    ["127.0.0.1:1", { off: false, loopback: true, on: true }],
    ["0.0.0.0:1", { off: false, loopback: false, on: true }],
  ])("%s serves plain HTTP as plainHttp says", (listen, expected) => {
    const answers = ["off", "loopback", "on"].map((plainHttp) => [
      plainHttp,
      servesPlainHttp(read({ listen, plainHttp })),
    ]);
    expect(Object.fromEntries(answers)).toEqual(expected);
  });

  test("is part of an endpoint, in brackets where it has to be", () => {
    expect(formatEndpoint("https", { host: "::1", port: 9 })).toBe("https://[::1]:9");
    expect(formatEndpoint("http", { host: "vpn.example", port: 9 })).toBe("http://vpn.example:9");
  });

  test.each([
    "8080",
    ":8080",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:http",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "127.0.0.1:1:2",
    "::1:8080",
    "[::1]",
    "[::1:8080",
    "[]:8080",
    "http://127.0.0.1:8080",
    "127.0.0.1:8080\n",
  ])("%j is none", (text) => {
    expect(refuse(() => readListen(text))).toContain(`not ${JSON.stringify(text)}`);
    expect(refuse(() => read({ listen: text }))).toContain("an address and a port such as 127.0.0.1:8080");
  });
});

describe("dead peer detection", () => {
  test("gives a peer longer than it takes to ask it", () => {
    const even = { "dpd.delaySeconds": "30", "dpd.timeoutSeconds": "30" };
    expect(refuse(() => read(even))).toContain("dpd.timeoutSeconds: more than dpd.delaySeconds, 30, is expected");
    expect(() => read({ ...even, "dpd.timeoutSeconds": "31" })).not.toThrow();
  });
});

describe("the pool of public addresses", () => {
  const pool = (range: string, prefixLength: string, more: Options = {}) =>
    read({ "network.publicPool": range, "network.publicPrefixLength": prefixLength, ...more });

  test.each([
    ["198.51.100.1-198.51.100.254", "24"],
    ["198.51.100.7-198.51.100.7", "24"],
    ["198.51.100.129-198.51.100.190", "26"],
    ["223.0.0.1-223.255.255.254", "8"],
    ["198.51.100.6-198.51.100.7", "31"],
    [" 198.51.100.1 - 198.51.100.2 ", "30"],
  ])("%s lies in one /%s", (range, prefixLength) => {
    expect(() => pool(range, prefixLength)).not.toThrow();
  });

  test.each([
    ["198.51.100.200-198.51.101.10", "24"],
    ["198.51.100.60-198.51.100.70", "26"],
    ["9.0.0.1-10.0.0.1", "8"],
    ["198.51.100.5-198.51.100.6", "31"],
  ])("%s does not lie in one /%s", (range, prefixLength) => {
    const message = refuse(() => pool(range, prefixLength));
    expect(message).toMatch(/^network\.publicPool: .* are not in one/);
    for (const address of range.split("-")) expect(message).toContain(address);
    expect(message).toContain(`/${prefixLength}`);
  });

  test.each([
    ["198.51.100.0-198.51.100.10", "24"],
    ["198.51.100.10-198.51.100.255", "24"],
    ["198.51.100.64-198.51.100.70", "26"],
    ["198.51.100.4-198.51.100.5", "30"],
  ])("%s holds an address of the /%s that no host can have", (range, prefixLength) => {
    expect(refuse(() => pool(range, prefixLength))).toMatch(
      /^network\.publicPool: .* network or the broadcast address/,
    );
  });

  test("does not hold the next hop, which may be anywhere else", () => {
    const range = "198.51.100.10-198.51.100.60";
    for (const hop of ["198.51.100.9", "198.51.100.61", "203.0.113.1"]) {
      expect(() => pool(range, "24", { "network.publicGateway": hop })).not.toThrow();
    }
    for (const hop of ["198.51.100.10", "198.51.100.33", "198.51.100.60"]) {
      const message = refuse(() => pool(range, "24", { "network.publicGateway": hop }));
      expect(message).toBe(`network.publicGateway: ${hop} is in network.publicPool`);
    }
  });
});

test("the process's environment is handed on as it is", () => {
  expect(readEnvironment()).toBe(process.env);
});
