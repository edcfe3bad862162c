// A whole installation on machines of its own, each a namespace: PostgreSQL, two API nodes, three gateway hosts, a peer on the public
// network and a host on the VPC. Nothing is shared but the wires. The clocks on the wall are up to 20 s apart.
import { chmodSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/dataplane/charon/ip.ts";
import { instanceOf, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { makeSelfSigned } from "../../src/http/self-signed.ts";
import { runCulvert } from "../support/command.ts";
import { HandMadePeer } from "../support/hand-made-peer.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { Machines } from "./machines.ts";
import { CulvertNode } from "./node.ts";

export const vpc = { cidr: "10.1.0.0/16", hostAddress: "10.1.0.10" } as const;
export const site = { address: "198.51.100.100", network: "10.56.20.0/24", hostAddress: "10.56.20.10" } as const;
export const apiNames = ["api1", "api2"] as const;
export const hostNames = ["host1", "host2", "host3"] as const;
export type ApiName = (typeof apiNames)[number];
export type HostName = (typeof hostNames)[number];

const addresses = { database: "10.200.0.2", api1: "10.200.0.11", api2: "10.200.0.12" } as const;
const hostAddresses = { host1: "10.200.0.21", host2: "10.200.0.22", host3: "10.200.0.23" } as const;
const preSharedKey = "key of the cluster";
/** How far each machine's wall clock is from the database's. */
const clockOffsets = { api1: "+0s", api2: "+10s", host1: "+10s", host2: "-10s", host3: "+0s" } as const;
const clockLibrary = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1")[0];

/** Why there can be no cluster on this machine; undefined when there can. */
export const clusterReason =
  clockLibrary === undefined ? "faketime is not installed (apt-get install faketime)" : undefined;

interface Parts {
  readonly directory: string;
  readonly machines: Machines;
  readonly database: PostgresServer;
  readonly leaseSeconds: number;
}

export class Cluster {
  readonly machines: Machines;
  readonly database: PostgresServer;
  readonly api: Readonly<Record<ApiName, CulvertNode>>;
  readonly hosts: Readonly<Record<HostName, CulvertNode>>;
  readonly vpcHost: string;
  readonly preSharedKeyFile: string;
  readonly certificateFile: string;
  readonly #directory: string;
  readonly #peer: HandMadePeer;

  /** Makes the machines, and starts everything but the hosts. @param leaseSeconds term of the leases */
  static async make(leaseSeconds: number): Promise<Cluster> {
    const directory = mkdtempSync(join(tmpdir(), "culvert-test-"));
    // PostgreSQL, who is not root, has his directory in it.
    chmodSync(directory, 0o711);
    const machines = await Machines.make(`cvcl-${process.pid}-`);
    const namespaces = await addMachines(machines);
    const databaseDirectory = join(directory, "database");
    mkdirSync(databaseDirectory, { mode: 0o700 });
    const place = { namespace: namespaces.database ?? "", address: addresses.database, network: "10.200.0.0/24" };
    const database = await PostgresServer.start(databaseDirectory, place);
    const cluster = new Cluster(
      { directory, machines, database, leaseSeconds },
      namespaces,
      await writeFiles(directory),
    );
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.remove();
      throw error;
    }
  }

  private constructor(
    { directory, machines, database, leaseSeconds }: Parts,
    namespaces: Readonly<Record<string, string>>,
    files: Files,
  ) {
    const placeOf = (name: string) => ({ namespace: namespaces[name] ?? "", directory: join(directory, name) });
    this.#directory = directory;
    this.machines = machines;
    this.preSharedKeyFile = files.preSharedKeyFile;
    this.certificateFile = files.certificateFile;
    this.vpcHost = namespaces.office ?? "";
    this.database = database;
    const ends = { address: site.address, network: site.network, preSharedKey };
    this.#peer = new HandMadePeer({ ...placeOf("peer"), ...ends });
    const apiNode = (name: ApiName) =>
      new CulvertNode({
        ...placeOf(name),
        settings: {
          role: "api",
          listen: `${addresses[name]}:8443`,
          database: `postgres://culvert@${addresses.database}/postgres`,
          masterKeyFile: files.masterKeyFile,
          tls: { certFile: files.certificateFile, keyFile: files.certificateKeyFile },
          lease: { seconds: leaseSeconds },
          quota: { vpnConns: 0 },
        },
        env: atOffset(name),
        isUpWhenSaid: "the API is at ",
      });
    this.api = { api1: apiNode("api1"), api2: apiNode("api2") };
    const host = (name: HostName) =>
      new CulvertNode({
        ...placeOf(name),
        settings: {
          role: "host",
          apiEndpoints: apiNames.map((api) => `https://${addresses[api]}:8443`).join(","),
          hostTokenFile: this.#tokenFile(name),
          caFile: files.certificateFile,
          reconcilePeriodSeconds: 2,
          network: { public: "interface:pub0", vpcs: { "*": "bridge:br-vpc{number}" } },
        },
        env: atOffset(name),
        isUpWhenSaid: "gateway host",
      });
    this.hosts = { host1: host("host1"), host2: host("host2"), host3: host("host3") };
  }

  /** Where a client calls. */
  endpointOf(name: ApiName): string {
    return `https://${addresses[name]}:8443`;
  }

  /** `culvert ARGUMENTS` on the store directly, as an administrator would beside an API node. */
  async administer(...args: readonly string[]): Promise<string> {
    const place = ["--data", this.api.api1.data, "--database", this.database.urlOf("postgres")];
    const env = { CULVERT_MASTER_KEY_FILE: join(this.#directory, "master.key") };
    const { code, stdout, stderr } = await runCulvert([...args, ...place], { env });
    if (code !== 0) throw new Error(`culvert ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** A machine without power: no process, no link, nothing in its namespaces. */
  async cutPower(name: HostName): Promise<void> {
    for (const card of ["eth0", "pub0", "vpc0"] as const) await this.machines.plug(name, card, false);
    await this.hosts[name].stop("SIGKILL");
    await this.#clear(name);
  }

  async restorePower(name: HostName): Promise<void> {
    for (const card of ["eth0", "pub0", "vpc0"] as const) await this.machines.plug(name, card, true);
    await this.hosts[name].start();
  }

  /** What is known of the tunnel's ends, for whoever has to find out why it is not up. */
  async describe(): Promise<string> {
    const logs = Object.entries({ ...this.hosts, ...this.api }).map(
      ([name, node]) => `--- ${name}\n${node.log.slice(-4_000)}`,
    );
    const uri = `unix://${join(this.#directory, "peer", "charon.vici")}`;
    const sas = await run("/usr/sbin/swanctl", ["--list-sas", "--uri", uri]).catch(String);
    const hosts = await this.administer("host", "list").catch(String);
    return [...logs, `--- peer\n${sas}`, hosts, ""].join("\n");
  }

  async remove(): Promise<void> {
    for (const host of Object.values(this.hosts)) await host.stop("SIGKILL");
    for (const api of Object.values(this.api)) await api.stop();
    for (const name of hostNames) await this.#clear(name);
    await this.database.remove();
    await this.#peer.stop();
    await this.machines.remove();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    await this.#peer.start(vpc.cidr);
    await Promise.all(Object.values(this.api).map((node) => node.start()));
    for (const name of hostNames) {
      const { token } = JSON.parse(await this.administer("host", "create", name, "--json")) as { token: string };
      writeFileSync(this.#tokenFile(name), token, { mode: 0o600 });
    }
    await Promise.all(Object.values(this.hosts).map((node) => node.start()));
  }

  async #clear(name: HostName): Promise<void> {
    await removeInstance(namesOf(instanceOf(this.hosts[name].data)));
  }

  #tokenFile(name: HostName): string {
    return join(this.#directory, `${name}.token`);
  }
}

function atOffset(name: ApiName | HostName): Record<string, string> {
  if (clockLibrary === undefined) throw new Error(clusterReason);
  return { LD_PRELOAD: clockLibrary, FAKETIME: clockOffsets[name], FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}

async function addMachines(machines: Machines): Promise<Record<string, string>> {
  const namespaces: Record<string, string> = {};
  for (const [name, address] of Object.entries(addresses)) {
    namespaces[name] = await machines.add(name, { eth0: `${address}/24` });
  }
  for (const [name, address] of Object.entries(hostAddresses)) {
    namespaces[name] = await machines.add(name, { eth0: `${address}/24`, pub0: "", vpc0: "" }, [
      // Of the first VPC, and there is no other.
      "link add br-vpc1 type bridge",
      "link set br-vpc1 up",
      "link set vpc0 master br-vpc1",
    ]);
  }
  const siteHost = [`address add ${site.hostAddress}/24 dev lo`];
  namespaces.peer = await machines.add("peer", { pub0: `${site.address}/24` }, siteHost);
  const toGateway = ["route add default via 10.1.0.1"];
  namespaces.office = await machines.add("office", { vpc0: `${vpc.hostAddress}/16` }, toGateway);
  return namespaces;
}

interface Files {
  readonly preSharedKeyFile: string;
  readonly masterKeyFile: string;
  readonly certificateFile: string;
  readonly certificateKeyFile: string;
}

async function writeFiles(directory: string): Promise<Files> {
  const { cert, key } = await makeSelfSigned([addresses.api1, addresses.api2], Date.now());
  const write = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    preSharedKeyFile: write("psk", preSharedKey),
    // The first node makes it.
    masterKeyFile: join(directory, "master.key"),
    certificateFile: write("cert.pem", cert),
    certificateKeyFile: write("key.pem", key),
  };
}
