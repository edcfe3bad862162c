// One table of settings: name, type, default, a sentence. The only reader of the environment. What the kinds of settings are, and how the
// file is read, is in config/; the rest of the house knows this door only. Precedence: command line, environment (CULVERT_…), file, default.
import { checkTogether, refuseShownPassword } from "./config/checks.ts";
import { ConfigError } from "./config/error.ts";
import { readSettingsFile } from "./config/file.ts";
import { checked, choice, flag, integer, pool, readable, type Setting, text } from "./config/kinds.ts";
import { readListen } from "./config/listen.ts";
import { parsePublicAttachment, parseVpcAttachments } from "./vpn/attachment.ts";
import { isHostName } from "./vpn/gateway-host.ts";
import { isRegion } from "./vpn/id.ts";
import { parseAddress } from "./vpn/network.ts";

export { isDatabaseUrl, refuseShownPassword } from "./config/checks.ts";
export { ConfigError } from "./config/error.ts";
export type { AddressPool } from "./config/kinds.ts";
export { formatEndpoint, type ListenAddress, readListen, servesPlainHttp } from "./config/listen.ts";

/** What serve prints is one too: its path is the API's. */
function isEndpoint(value: string): boolean {
  return /^https?:\/\/./i.test(value) && URL.canParse(value);
}

/** Whoever asks from elsewhere would learn what only the machine's owner needs. */
function isProbeListen(value: string): boolean {
  try {
    return readListen(value).isLoopback;
  } catch {
    return false;
  }
}

function isMss(value: string): boolean {
  return value === "auto" || value === "off" || (/^[0-9]{3,4}$/.test(value) && +value >= 536 && +value <= 9_000);
}

const quota = [0, 2_147_483_647] as const;
/** For the longest period, 36 months, it still fits into 31 bits. */
const price = [0, 50_000_000] as const;

/** `https://api-1.example.org:8443,https://api-2.example.org:8443`. @throws Error with what is expected */
export function readApiEndpoints(value: string): string[] {
  const endpoints = value.split(",").map((part) => part.trim());
  return endpoints.map((endpoint) => {
    if (/^https:\/\/[^/?#@]+\/?$/i.test(endpoint) && URL.canParse(endpoint)) return new URL(endpoint).origin;
    throw new Error("URLs such as https://api-1.example.org:8443, separated by commas, are expected");
  });
}

/** Every setting. A name `network.publicPool` is `CULVERT_NETWORK_PUBLIC_POOL` in the environment. */
export const settings = {
  role: choice(["all", "api", "host"], "all", "what a process is: the API, a gateway host that asks it, or both"),
  listen: text("127.0.0.1:8080", "address and port of the API"),
  plainHttp: choice(["off", "loopback", "on"], "loopback", "where plain HTTP is served beside HTTPS"),
  "tls.certFile": text(
    "",
    "file of the certificate and its chain in PEM; empty: <data>/tls/cert.pem, self-signed, made at the first start",
  ),
  "tls.keyFile": text("", "file of the private key of tls.certFile in PEM"),
  data: text("./var", "directory of the database, the keys and the lock"),
  database: text("", "database URL: sqlite:PATH or postgres://user@host/name; empty: sqlite:<data>/culvert.db"),
  databasePasswordFile: text("", "file of the password of a PostgreSQL database; read for each connection"),
  stopDelaySeconds: integer(
    0,
    [0, 300],
    "how long a server that is told to stop goes on, while /readyz says no, so that load balancers notice, in seconds",
  ),
  handOverSeconds: integer(
    20,
    [0, 300],
    "how long a gateway host that is told to stop waits until others run its gateways, in seconds; 0: it keeps them",
  ),
  dataplane: choice(["charon", "simulated"], "charon", "what carries the tunnels"),
  logLevel: choice(["fatal", "error", "warn", "info", "debug", "silent"], "info", "how much is logged"),
  masterKeyFile: text(
    "",
    "file of the key that seals secrets at rest; empty: <data>/master.key, made at the first start",
  ),
  apiEndpoints: readable(
    readApiEndpoints,
    "",
    "URLs of the API that a gateway host asks, https://…, separated by commas",
  ),
  hostTokenFile: text("", "file of the token that a gateway host is known by; see culvert host create"),
  probeListen: checked(
    isProbeListen,
    "a loopback address and a port such as 127.0.0.1:8081",
    "",
    "address and port, on loopback, where a gateway host answers /livez and /readyz; empty: nowhere",
  ),
  hostName: checked(
    isHostName,
    "a name such as vpn1.example.org",
    "",
    "name of the gateway host that a server on PostgreSQL is itself; empty: the machine's",
  ),
  region: checked(isRegion, "a region such as gz or ap-guangzhou", "gz", "region of a request that names none"),
  hosts: text("", "further host names that clients sign, separated by commas"),
  unknownSecretIdCode: choice(["4104", "4100"], "4104", "code that answers a SecretId that is unknown or disabled"),
  rateLimit: integer(0, [0, 1_000_000], "requests per second that a server takes from one key; 0 is unlimited"),
  clockSkewSeconds: integer(7_200, [1, 86_400], "how far a request's Timestamp may be from the clock, in seconds"),
  utcOffsetMinutes: integer(480, [-720, 840], "zone of the times in replies, in minutes east of UTC"),
  reconcilePeriodSeconds: integer(
    30,
    [1, 3_600],
    "how often a gateway is looked at without a cause, and its traffic counted, in seconds",
  ),
  "dpd.delaySeconds": integer(
    30,
    [1, 3_600],
    "how long a peer may be silent before it is asked whether it lives, in seconds",
  ),
  "dpd.timeoutSeconds": integer(120, [1, 86_400], "how long it may be silent before it counts as dead, in seconds"),
  oneWaySeconds: integer(
    60,
    [1, 86_400],
    "how long packets may go out through a tunnel and none come in until it is negotiated anew, in seconds",
  ),
  "lease.seconds": integer(
    30,
    [5, 300],
    "how long a gateway host may run its gateways without a word from the API, in seconds; the same on every server",
  ),
  trafficDays: integer(31, [30, 3_660], "how long the traffic of the channels is kept, in days"),
  simulatedDelayMs: integer(0, [0, 3_600_000], "how long a simulated channel takes to come up, in milliseconds"),
  "quota.vpcs": integer(5, quota, "VPCs per region and account; 0 is unlimited, as for every quota"),
  "quota.subnetsPerVpc": integer(10, quota, "subnets per VPC"),
  "quota.vpnGwsPerVpc": integer(10, quota, "VPN gateways per VPC"),
  "quota.userGws": integer(20, quota, "peer gateways per region and account"),
  "quota.vpnConns": integer(20, quota, "VPN channels per region and account, or per VPN gateway"),
  "quota.vpnConnsScope": choice(["region", "gateway"], "region", "what quota.vpnConns is counted over"),
  "quota.vpnConnsPerUserGw": integer(0, quota, "VPN channels per peer gateway"),
  "quota.spdsPerConn": integer(10, quota, "local networks per VPN channel"),
  "quota.peersPerSpd": integer(50, quota, "peer networks per local network"),
  "unique.vpcNames": flag(true, "a VPC's name may be used once per region and account"),
  "unique.vpnConnNames": flag(true, "a VPN channel's name may be used once per VPC"),
  "unique.userGwAddresses": flag(true, "an address may belong to one peer gateway per region and account"),
  "price.5": integer(380, price, "monthly price of a VPN gateway of 5 Mb/s, in yuan; told, never charged"),
  "price.10": integer(880, price, "the same for 10 Mb/s"),
  "price.20": integer(1_880, price, "the same for 20 Mb/s"),
  "price.50": integer(4_880, price, "the same for 50 Mb/s"),
  "price.100": integer(9_880, price, "the same for 100 Mb/s"),
  allowPrivatePeers: flag(true, "a peer gateway may have a private address"),
  endpoint: checked(
    isEndpoint,
    "a URL such as http://127.0.0.1:8080 or https://vpn.example.org:8443",
    "http://127.0.0.1:8080",
    "URL of the API for the commands that call it",
  ),
  keyFile: text("", "file with the SecretId and SecretKey that calls are signed with; empty: <data>/admin.key.json"),
  caFile: text(
    "",
    "file of the certificates that a call or a gateway host trusts; empty: Node.js's own, and for a call tls/cert.pem beside the key file",
  ),
  "network.publicPool": pool("198.51.100.10-198.51.100.60", "public addresses that VPN gateways are given"),
  "network.publicPrefixLength": integer(24, [8, 31], "length of the public network"),
  "network.publicGateway": checked(
    (value) => parseAddress(value) !== undefined,
    "an IPv4 address",
    "",
    "next hop to the rest of the public side; empty: all of it is on the link",
  ),
  "network.public": readable(
    parsePublicAttachment,
    "own",
    "the public network on this machine (own | bridge:NAME | interface:NAME | vlan:NAME.ID)",
  ),
  "network.publicMtu": integer(1_500, [576, 9_216], "MTU of the gateways' links to the public network, in bytes"),
  "network.vpcs": readable(
    parseVpcAttachments,
    "",
    "VPC=ATTACHMENT, …: VPCs on this machine, by unified id or * (as network.public, and namespace:NAME@ADDRESS)",
    { isMap: true },
  ),
  "network.mss": checked(
    isMss,
    "auto, off or a number of bytes from 536 to 9000",
    "auto",
    "largest TCP segment that connections through gateways agree on; auto: what fits by network.publicMtu",
  ),
  "network.esp": choice(
    ["auto", "kernel", "userspace"],
    "auto",
    "who encrypts the tunnels' packets; auto: the kernel where it can",
  ),
} as const;

type Settings = typeof settings;
export type SettingName = keyof Settings;
export type Config = { readonly [Name in SettingName]: Settings[Name] extends Setting<infer T> ? T : never };

/** Where settings come from. Options of the command line that were not given are undefined. */
export interface ConfigSources {
  readonly options: Readonly<Partial<Record<SettingName, string | undefined>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file whose keys are setting names; sections may be nested objects. */
  readonly file: string | undefined;
}

/** `network.publicPool` -> `CULVERT_NETWORK_PUBLIC_POOL`. */
export function environmentName(name: string): string {
  return `CULVERT_${name
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
}

/** The process's environment, for those who hand it on. */
export function readEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/** Names in the environment that look like settings and are none, nor among `others`: mostly slips of the pen. */
export function unknownVariables(env: ConfigSources["env"], others: readonly string[]): string[] {
  const known = new Set([...Object.keys(settings).map(environmentName), "CULVERT_CONFIG", ...others]);
  return Object.keys(env).filter((name) => name.startsWith("CULVERT_") && !known.has(name));
}

/** @throws ConfigError */
export function readConfig({ options, env, file }: ConfigSources): Config {
  const configFile = file ?? env.CULVERT_CONFIG;
  const fromFile =
    configFile === undefined || configFile === "" ? new Map<string, string>() : readSettingsFile(configFile, isMap);
  for (const name of fromFile.keys()) {
    if (!Object.hasOwn(settings, name)) throw new ConfigError(`${configFile}: there is no setting ${name}`);
  }
  refuseShownPassword(options.database, "databasePasswordFile", "database");
  const entries = Object.entries<Setting<unknown>>(settings).map(([name, setting]) => {
    const given = [
      { value: options[name as SettingName], from: `option ${name}` },
      { value: env[environmentName(name)], from: environmentName(name) },
      { value: fromFile.get(name), from: `${configFile}: ${name}` },
    ].find(({ value }) => value !== undefined && value !== "");
    return [name, given?.value === undefined ? setting.fallback : parseSetting(setting, given.value, given.from)];
  });
  const config: Config = Object.fromEntries(entries);
  checkTogether(config);
  return config;
}

function parseSetting(setting: Setting<unknown>, value: string, from: string): unknown {
  try {
    return setting.parse(value);
  } catch (cause) {
    throw new ConfigError(`${from}: ${cause instanceof Error ? cause.message : cause}, not ${JSON.stringify(value)}`);
  }
}

function isMap(name: string): boolean {
  return Object.hasOwn(settings, name) && "isMap" in settings[name as SettingName];
}
