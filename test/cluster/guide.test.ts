// docs/guide/scale-out.md followed word by word, from one machine with a tunnel that carries packets all the while to a PostgreSQL, two API
// nodes and two gateway hosts, each a namespace. Left out are apt-get, and systemctl, whose part the reader takes (guide-reader.ts); the
// balancer's settings are no commands. Terms are 5 s instead of 30, the pause that
// hangs on them is as much shorter, and API nodes that are stopped wait for no balancer.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { instanceOf, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { readBlocks } from "../support/checkout.ts";
import { HandMadePeer } from "../support/hand-made-peer.ts";
import { describeOnMachine } from "../support/machine.ts";
import { command, PostgresServer, postgresReason } from "../support/postgres-server.ts";
import { waitFor } from "../support/wait-for.ts";
import { GuideReader, type GuideStep, readSteps } from "./guide-reader.ts";
import { Machines } from "./machines.ts";
import { TunnelWitness } from "./witness.ts";

const guide = "docs/guide/scale-out.md";
const steps = readSteps(guide);
const timeoutMs = 30_000;

const addresses = { db: "192.0.2.5", "api-1": "192.0.2.11", "api-2": "192.0.2.12" } as const;
const hostAddresses = { "vpn-1": "192.0.2.21", "vpn-2": "192.0.2.22" } as const;
const vpc = { cidr: "10.0.0.0/16", hostAddress: "10.0.0.10" } as const;
const site = { address: "203.0.113.7", network: "10.56.20.0/24", hostAddress: "10.56.20.10" } as const;
const preSharedKey = "a long secret";
const administratorPassword = "of the tests";

const shorterTimes = (text: string) =>
  text.replace('"seconds": 30', '"seconds": 5').replace('"stopDelaySeconds": 10', '"stopDelaySeconds": 0');
const shorterPause = (text: string) => text.replace("sleep 33", "sleep 6");

let directory: string;
let machines: Machines;
let database: PostgresServer;
let peer: HandMadePeer;
let reader: GuideReader;
let tunnel: TunnelWitness;
let psql: Readonly<Record<string, string>>;

async function addMachines(): Promise<Record<string, string>> {
  const namespaces: Record<string, string> = {};
  for (const [name, address] of Object.entries(addresses)) {
    namespaces[name] = await machines.add(name, { eth0: `${address}/24` });
  }
  for (const [name, address] of Object.entries(hostAddresses)) {
    const bridges = ["br-public", "br-vpc1"].flatMap((bridge) => [
      `link add ${bridge} type bridge`,
      `link set ${bridge} up`,
    ]);
    const ports = ["link set pub0 master br-public", "link set vpc0 master br-vpc1"];
    const cards = { eth0: `${address}/24`, pub0: "", vpc0: "" };
    namespaces[name] = await machines.add(name, cards, [...bridges, ...ports]);
  }
  // The router of the public network, and the peer behind it.
  namespaces.peer = await machines.add("peer", { pub0: "198.51.100.1/24" }, [
    `address add ${site.address}/32 dev lo`,
    `address add ${site.hostAddress}/24 dev lo`,
  ]);
  namespaces.office = await machines.add("office", { vpc0: `${vpc.hostAddress}/16` }, [
    "route add default via 10.0.0.1",
  ]);
  return namespaces;
}

/** Debian's: an administrator `postgres`, and pg_hba.conf where the guide has it. */
async function startDatabase(namespace: string): Promise<void> {
  const place = join(directory, "postgres");
  mkdirSync(place, { mode: 0o700 });
  database = await PostgresServer.start(place, { namespace, address: addresses.db, network: "127.0.0.1/32" });
  psql = { PGHOST: place, PGUSER: "postgres", PGPASSWORD: administratorPassword, PGDATABASE: "postgres" };
  await command(database.urlOf("postgres"), `create role postgres superuser login password '${administratorPassword}'`);
  await command(asAdministrator(), "alter role culvert rename to tests");
  const settings = reader.pathOf("db", "/etc/postgresql/15/main");
  mkdirSync(settings, { recursive: true });
  symlinkSync(join(place, "data", "pg_hba.conf"), join(settings, "pg_hba.conf"));
}

function asAdministrator(): string {
  return database.urlOf("postgres").replace("culvert@", `postgres:${encodeURIComponent(administratorPassword)}@`);
}

/** What deploy.md leaves: a server on one machine, with a tunnel. */
async function setUpOneMachine(namespaces: Readonly<Record<string, string>>): Promise<void> {
  peer = new HandMadePeer({
    namespace: namespaces.peer ?? "",
    directory: join(directory, "peer"),
    ...{ address: site.address, network: site.network, preSharedKey },
  });
  await peer.start(vpc.cidr);
  await reader.run("vpn-1", "install -D -m 600 /opt/culvert/deploy/culvert.json /etc/culvert/culvert.json");
  await reader.start("vpn-1");
  await reader.run(
    "vpn-1",
    `culvert call CreateVpc vpcName=office cidrBlock=${vpc.cidr}
     culvert call RunVpnGw vpcId=1 name=gateway bandwidth=5 chargeType=POSTPAID_BY_HOUR
     culvert call AddUserGw userGwName=site userGwAddr=${site.address}
     printf '${preSharedKey}' | culvert call AddVpnConnEx vpcId=1 vpnGwId=1 userGwId=1 userGwCidrBlock.0=${site.network} preSharedKey=- vpnConnName=kept \
       IKESet.propoEncryAlgorithm=aes-cbc-128 IKESet.propoAuthenAlgorithm=sha IKESet.dhGroupName=group2 \
       IPSECSet.encryptAlgorithm=aes-cbc-128 IPSECSet.integrityAlgorith=sha`,
  );
  tunnel = new TunnelWitness(namespaces.office ?? "", site.hostAddress);
  await waitForTunnel("of one machine");
}

async function waitForTunnel(which: string): Promise<void> {
  await waitFor(() => tunnel.isAnswered, { what: `the tunnel ${which}`, timeoutMs });
}

/** What systemd would do. */
async function control(machine: string, line: string): Promise<void> {
  switch (line) {
    case "systemctl stop culvert":
      return await reader.stop(machine);
    case "systemctl start culvert":
    case "systemctl enable --now culvert":
      return await reader.start(machine);
    case "systemctl restart postgresql":
      // Its address is on its command line here.
      return await command(asAdministrator(), "select pg_reload_conf()");
    default:
      throw new Error(`${line}: the test does not know that`);
  }
}

async function follow({ machines: where, text }: GuideStep): Promise<void> {
  const commands = text.slice(text.indexOf("\n") + 1);
  if (commands.startsWith("apt-get ")) return;
  const followOn = async (machine: string) => {
    if (commands.startsWith("systemctl ")) await control(machine, commands.trim());
    else await reader.run(machine, shorterPause(commands), machine === "db" ? psql : {});
  };
  await Promise.all(where.map(followOn));
}

/** Which host runs how many gateways. */
async function listGateways(): Promise<Record<string, number>> {
  const hosts = JSON.parse(await reader.run("api-1", "culvert host list --json")) as {
    readonly name: string;
    readonly gateways: number;
  }[];
  return Object.fromEntries(hosts.map(({ name, gateways }) => [name, gateways]));
}

/** What has to be so after the first step that has these words. */
const checks: ReadonlyMap<string, () => Promise<void>> = new Map([
  ["culvert import", () => waitForTunnel("without a server")],
  [
    "on vpn-1\nsystemctl start culvert",
    async () => {
      await waitFor(async () => (await listGateways())["vpn-1"] === 1, { what: "a gateway on vpn-1", timeoutMs });
      await waitForTunnel("of the first gateway host");
    },
  ],
  [
    "culvert host drain vpn-1",
    async () => {
      expect(await listGateways()).toEqual({ "vpn-1": 0, "vpn-2": 1 });
      await waitForTunnel("of the second gateway host");
    },
  ],
  [
    "sleep 33",
    // The hosts' leases are over, as the guide says.
    async () => expect(tunnel.isAnswered).toBe(false),
  ],
  [
    "on api-1 and api-2\nsystemctl start culvert",
    async () => {
      await waitForTunnel("of the backup");
      expect(await listGateways()).toEqual({ "vpn-1": 0, "vpn-2": 1 });
    },
  ],
]);

const isSkipped = postgresReason !== undefined;
if (isSkipped) process.stderr.write(`The guide to several machines is not followed: ${postgresReason}.\n`);

describeOnMachine("the guide to several machines", () => {
  beforeAll(async () => {
    if (isSkipped) return;
    directory = mkdtempSync(join(tmpdir(), "culvert-test-"));
    // PostgreSQL, who is not root, has his directory in it.
    chmodSync(directory, 0o711);
    machines = await Machines.make(`cvgd-${process.pid}-`);
    const namespaces = await addMachines();
    reader = new GuideReader(directory, namespaces);
    for (const machine of [...Object.keys(addresses), ...Object.keys(hostAddresses)]) {
      const settings = { "culvert.json": (text: string) => text, "culvert-host.json": (text: string) => text };
      reader.prepare(machine, { ...settings, "culvert-api.json": shorterTimes });
    }
    await startDatabase(namespaces.db ?? "");
    await setUpOneMachine(namespaces);
  }, 60_000);

  afterAll(async () => {
    if (isSkipped) return;
    await tunnel?.stop();
    await Promise.all(["vpn-1", "vpn-2", "api-1", "api-2"].map((machine) => reader?.stop(machine)));
    for (const machine of ["vpn-1", "vpn-2"]) {
      await removeInstance(namesOf(instanceOf(reader.pathOf(machine, "/var/lib/culvert"))));
    }
    await database?.remove();
    await peer?.stop();
    await machines?.remove();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  it("has commands, each of which says where it is run", () => {
    const others = readBlocks(guide).filter(
      ({ kind, line }) => kind === "sh" && !steps.some((each) => each.line === line),
    );
    expect(others.map(({ text }) => text)).toEqual(["export CULVERT_CONFIG=/etc/culvert/culvert.json\n"]);
    expect(steps.length).toBeGreaterThan(20);
  });

  it.skipIf(isSkipped)("moves a tunnel from one machine to several", { timeout: 120_000 }, async () => {
    const ran = new Set<string>();
    for (const step of steps) {
      await follow(step);
      const [, check] = [...checks].find(([words]) => step.text.includes(words) && !ran.has(words)) ?? [];
      for (const words of checks.keys()) if (step.text.includes(words)) ran.add(words);
      await check?.();
    }
    expect([...ran].toSorted()).toEqual([...checks.keys()].toSorted());
    const { data } = JSON.parse(await reader.run("api-2", "culvert call DescribeVpnConn --json")) as {
      data: unknown[];
    };
    expect(data).toEqual([expect.objectContaining({ netStatus: "available", vpnConnName: "kept" })]);
  });
});
