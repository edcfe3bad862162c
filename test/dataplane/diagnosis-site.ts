// Our loop with a real charon and a store, and a strongSwan of its own as the peer, whose administrator may have written anything.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { findCharon, startCharon, stopCharon, viciSocketOf } from "../../src/dataplane/charon/charon-process.ts";
import { run } from "../../src/dataplane/charon/ip.ts";
import { DirectHost } from "../../src/host/direct-host.ts";
import { createVpc } from "../../src/operations/create-vpc.ts";
import type { CreateVpnConn } from "../../src/operations/create-vpn-conn.ts";
import { deleteVpnConn } from "../../src/operations/delete-vpn-conn.ts";
import { findDiagnoses, listUnknownPeers } from "../../src/store/diagnoses.ts";
import type { Cause, Diagnosis, UnknownPeer } from "../../src/vpn/diagnosis.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { makeSqlite, type TestDatabase } from "../store/databases.ts";
import { makeConn, makeOperator, makeUserGw, makeVpnGw, type Operator, type Place } from "../support/operations.ts";
import { waitFor } from "../support/wait-for.ts";
import { cleanUp, makeNames } from "./instance.ts";
import { publicNetwork } from "./specs.ts";
import { makeHost } from "./wires.ts";

export const key = "correct horse battery staple";
export const peerAddress = "198.51.100.200";
export const ownNetwork = "10.1.0.0/16";
export const peerNetwork = "10.2.0.0/16";
/** Answers a ping through the tunnel. */
export const peerHost = "10.2.0.1";

/** What the peer's administrator wrote; what is right unless told. */
export interface Peer {
  readonly version?: string;
  readonly aggressive?: string;
  readonly ike?: string;
  readonly esp?: string;
  readonly ownId?: string;
  readonly ourId?: string;
  readonly network?: string;
  readonly ourNetwork?: string;
  readonly key?: string;
}

/** The channel: what is right unless told. */
export type Changes = Partial<Pick<CreateVpnConn, "ike" | "ipsec">>;

export class DiagnosisSite {
  readonly names = makeNames();
  readonly peerPlace = { namespace: `${this.names.prefix}remote`, dir: join(this.names.runDir, "remote") };
  readonly #dataplane = new CharonDataplane({
    names: this.names,
    network: publicNetwork,
    esp: "userspace",
    dpd: { delaySeconds: 1, timeoutSeconds: 3 },
    log: { info: () => {}, warn: () => {} },
  });
  readonly #database: TestDatabase;
  readonly #host: DirectHost;
  #operator: Operator | undefined;
  #place: Place | undefined;

  /** @param oneWayMs as of the loop */
  static async make(oneWayMs: number): Promise<DiagnosisSite> {
    const site = new DiagnosisSite(await makeSqlite(), oneWayMs);
    await site.#prepare();
    return site;
  }

  private constructor(database: TestDatabase, oneWayMs: number) {
    this.#database = database;
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const [store, dataplane] = [database.store, this.#dataplane];
    const times = { clock: Date.now, periodMs: 1_000, keepTrafficMs: 86_400_000, oneWayMs };
    this.#host = new DirectHost({ store, dataplane, log, ...times });
  }

  get place(): Place {
    if (this.#place === undefined) throw new TypeError("not prepared");
    return this.#place;
  }

  get gatewayPlace() {
    const { id } = this.place.vpnGw;
    return { namespace: this.names.gatewayNamespace(id), dir: this.names.gatewayDir(id) };
  }

  async #prepare(): Promise<void> {
    this.#operator = await makeOperator(this.#database.store, { nudge: (id) => this.#host.nudge(id) });
    await this.#host.start();
    const { context, caller } = this.#operator;
    const vpc = await createVpc(context, caller, { name: "office", cidr: ownNetwork });
    const vpnGw = await makeVpnGw(this.#operator, vpc);
    this.#place = { vpc, vpnGw, userGw: await makeUserGw(this.#operator, peerAddress) };
    await waitFor(() => findCharon(this.gatewayPlace), { what: "the gateway's charon" });
    const commands = [`address add ${peerHost}/32 dev lo`];
    await makeHost(this.names, "remote", this.names.publicNamespace, `${peerAddress}/24`, commands);
    await mkdir(this.peerPlace.dir, { recursive: true, mode: 0o700 });
    await startCharon(this.peerPlace);
  }

  async remove(): Promise<void> {
    await this.#host.stop();
    await stopCharon(this.peerPlace);
    await cleanUp(this.names);
    await this.#database.remove();
  }

  async swanctl(...args: string[]): Promise<string> {
    return await run("/usr/sbin/swanctl", [...args, "--uri", `unix://${viciSocketOf(this.peerPlace)}`]);
  }

  /** What fails is what is tested; it may also wait in vain. */
  async beginAtPeer(timeoutSeconds = 1): Promise<void> {
    const args = ["--initiate", "--child", "r", "--timeout", `${timeoutSeconds}`];
    await this.swanctl(...args).catch(() => undefined);
  }

  async configurePeer(peer: Peer): Promise<void> {
    const conf = join(this.peerPlace.dir, "swanctl.conf");
    await writeFile(conf, swanctlConf(peer, this.place.vpnGw.publicAddress), { mode: 0o600 });
    await this.swanctl("--load-all", "--clear", "--file", conf);
  }

  /** The peer is as it should be, and begins anew. */
  async mendPeer(peer: Peer): Promise<void> {
    await this.configurePeer(peer);
    await this.swanctl("--terminate", "--ike", "r", "--force").catch(() => undefined);
    await this.beginAtPeer(5);
  }

  /** A channel, which our end begins at once. @returns its number */
  async makeChannel(changes: Changes = {}): Promise<number> {
    const ike = { encryption: "aes128", integrity: "sha1", dhGroup: 2, ...changes.ike } as const;
    const ipsec = { encryption: "aes128", integrity: "sha1", pfsGroup: null, ...changes.ipsec } as const;
    const conn = { ike, ipsec, preSharedKey: new Secret(key), peers: [peerNetwork] };
    if (this.#operator === undefined) throw new TypeError("not prepared");
    await makeConn(this.#operator, this.place, conn);
    const rows = await this.#database.store.db.sql.selectFrom("vpn_conns").select("id").execute();
    return rows[0]?.id ?? Number.NaN;
  }

  /** No channel is left, and no IKE_SA at the peer. */
  async clear(): Promise<void> {
    const { sql } = this.#database.store.db;
    const { vpc, vpnGw } = this.place;
    for (const { uid } of await sql.selectFrom("vpn_conns").select("uid").execute()) {
      if (this.#operator === undefined) continue;
      const { context, caller } = this.#operator;
      await deleteVpnConn(context, caller, { vpc: vpc.uid, vpnGw: vpnGw.uid, vpnConn: uid });
    }
    const isEmpty = async () => (await sql.selectFrom("vpn_conns").select("id").execute()).length === 0;
    await waitFor(isEmpty, { what: "the end of the channel", timeoutMs: 10_000 });
    await this.swanctl("--terminate", "--ike", "r", "--force").catch(() => undefined);
  }

  async recorded(connId: number): Promise<Diagnosis | undefined> {
    return (await findDiagnoses(this.#database.store.db, [connId])).get(connId);
  }

  /** Waits until this cause is recorded. */
  async explained(connId: number, cause: Cause, timeoutMs = 8_000): Promise<Diagnosis> {
    const find = async () => {
      const diagnosis = await this.recorded(connId);
      return diagnosis?.cause === cause ? diagnosis : undefined;
    };
    return await waitFor(find, { what: cause, timeoutMs }).catch(async (error) => {
      throw new Error(`${error.message}; recorded: ${JSON.stringify(await this.recorded(connId))}`);
    });
  }

  /** Waits until the channel is up and nothing is recorded any more. */
  async mended(connId: number, timeoutMs = 8_000): Promise<void> {
    const { sql } = this.#database.store.db;
    const isUp = async () => {
      const query = sql.selectFrom("vpn_conn_observations").select("net_status").where("vpn_conn_id", "=", connId);
      const row = await query.executeTakeFirst();
      return row?.net_status === "available" && (await this.recorded(connId)) === undefined;
    };
    await waitFor(isUp, { what: "the end of the cause", timeoutMs });
  }

  /** Waits until it is recorded that the peer has knocked so often. */
  async knocked(count: number): Promise<UnknownPeer> {
    const find = async () => (await this.#peers()).find((peer) => peer.address === peerAddress && peer.count >= count);
    return await waitFor(find, { what: `${count} knocks`, timeoutMs: 10_000 });
  }

  async nobodyKnocked(): Promise<void> {
    const isEmpty = async () => (await this.#peers()).length === 0;
    await waitFor(isEmpty, { what: "the end of the list", timeoutMs: 10_000 });
  }

  #peers(): Promise<UnknownPeer[]> {
    return listUnknownPeers(this.#database.store.db, this.place.vpnGw.id);
  }

  /** Forbids in a namespace what an nft(8) rule drops on the way out, while `work` goes on. */
  async whileForbidden<T>(namespace: string, rule: string, work: () => Promise<T>): Promise<T> {
    const nft = (...args: string[]) => run("ip", ["netns", "exec", namespace, "nft", ...args]);
    await nft("add", "table", "ip", "test");
    await nft("add", "chain", "ip", "test", "out", "{ type filter hook output priority 0; }");
    await nft("add", "rule", "ip", "test", "out", ...rule.split(" "), "drop");
    try {
      return await work();
    } finally {
      await nft("delete", "table", "ip", "test");
    }
  }

  /** The gateway pings the peer's host through the tunnel, five times a second, while `work` goes on. */
  async whilePinging<T>(work: () => Promise<T>): Promise<T> {
    const ping = ["ping", "-n", "-q", "-i", "0.2", "-w", "60", "-I", this.place.vpnGw.vpcAddress, peerHost];
    const child = spawn("ip", ["netns", "exec", this.gatewayPlace.namespace, ...ping], { stdio: "ignore" });
    const exit = once(child, "exit");
    try {
      return await work();
    } finally {
      child.kill();
      await exit;
    }
  }
}

function swanctlConf(peer: Peer, gatewayAddress: string): string {
  const { version = "1", aggressive = "no", ike = "aes128-sha1-modp1024", esp = "aes128-sha1" } = peer;
  const { ownId = peerAddress, ourId = gatewayAddress, network = peerNetwork, ourNetwork = ownNetwork } = peer;
  return `connections { r { version = ${version}
    aggressive = ${aggressive}
    proposals = ${ike}
    local_addrs = ${peerAddress}
    remote_addrs = ${gatewayAddress}
    local { auth = psk
      id = "${ownId}" }
    remote { auth = psk
      id = "${ourId}" }
    children { r { local_ts = ${network}
      remote_ts = ${ourNetwork}
      esp_proposals = ${esp} } } } }
secrets { ike-r { secret = "${peer.key ?? key}" } }
`;
}
