// What should be on one gateway, kept from its rows: channels grouped into strongSwan connections by IKE identity.
// A host's memory is bounded by its own gateways; only rows that changed are read again.
import { createHash } from "node:crypto";
import type { ChildSpec, ConnectionSpec } from "../dataplane/dataplane.ts";
import type { DesiredVpnConn, VpnConn } from "../vpn/entities.ts";

/** A connection to be, with fingerprints that tell whether what is loaded is still right. Kept in memory only. */
export interface DesiredConnection {
  readonly spec: ConnectionSpec;
  readonly secretFingerprint: string;
  readonly connectionFingerprint: string;
}

type Neighbours = Required<Pick<ConnectionSpec, "isAddressShared" | "hasNamesake">>;

/** A channel and the CHILD_SAs it is made of. */
export interface HeldConn {
  readonly conn: VpnConn;
  readonly connectionName: string;
  readonly children: readonly ChildSpec[];
  /** Of the children, for the fingerprint of their connection. */
  readonly digest: string;
}

/** Whether a channel is on its way out; one whose removal failed still is. */
export function isLeaving(conn: VpnConn): boolean {
  return conn.status === "deleting" || conn.status === "delete-failed";
}

/** Twelve digits: a channel may have thousands of pairs, and two of one name would be one to charon. */
function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/**
 * `ike-198.51.100.100-1f2e3d4c5b6a`: the peer for people, the hash for the rest of the identity and the generation of its settings.
 * charon keeps an IKE_SA under the name it was made with, so one that was made with other settings is another connection's.
 */
export function connectionName({ conn, ikeIdentity, peerAddress }: DesiredVpnConn): string {
  return `ike-${peerAddress}-${shortHash(`${ikeIdentity} ${conn.ikeGeneration}`)}`;
}

/**
 * One child per pair, named after its channel, its networks and the generation of its settings: a pair keeps its name when others come and
 * go, and a CHILD_SA that was made with other settings is another child's.
 */
export function childSpecs(conn: VpnConn): ChildSpec[] {
  return conn.spds.flatMap(({ local, peers }) =>
    peers.map((peer) => ({
      name: `${conn.uid}-${shortHash(`${local}=${peer} ${conn.ipsecGeneration}`)}`,
      localNetwork: local,
      peerNetwork: peer,
      ipsec: conn.ipsec,
    })),
  );
}

/** The unified id of the channel that a child is named after, whatever its settings were then. */
export function uidOf(child: string): string {
  return child.slice(0, child.lastIndexOf("-"));
}

/** The desired state of one gateway's channels. */
export class DesiredConns {
  readonly #held = new Map<number, HeldConn & { readonly peerAddress: string }>();
  readonly #connections = new Map<string, DesiredConnection | undefined>();
  #hasChanged = false;
  #all: ReadonlyMap<string, DesiredConnection> = new Map();
  /** The channel that each child belongs to, by the child's name. */
  readonly #ownerOf = new Map<string, number>();
  readonly #idOf = new Map<string, number>();
  readonly #members = new Map<string, Set<number>>();
  /** How many children use each local network. */
  readonly #localNetworks = new Map<string, number>();
  readonly #publicAddress: string;

  constructor(publicAddress: string) {
    this.#publicAddress = publicAddress;
  }

  /** Takes a row that changed. A channel on its way out is desired no more. */
  take(row: DesiredVpnConn): void {
    const { conn, peerAddress } = row;
    this.drop(conn.id);
    if (isLeaving(conn)) return;
    const name = connectionName(row);
    const children = childSpecs(conn);
    const digest = shortHash(JSON.stringify(children));
    this.#held.set(conn.id, { conn, connectionName: name, children, digest, peerAddress });
    this.#idOf.set(conn.uid, conn.id);
    for (const child of children) this.#ownerOf.set(child.name, conn.id);
    this.#hasChanged = true;
    this.#countLocalNetworks(children, 1);
    const members = this.#members.get(name) ?? new Set();
    this.#members.set(name, members.add(conn.id));
    this.#connections.set(name, undefined);
  }

  drop(connId: number): void {
    const held = this.#held.get(connId);
    if (held === undefined) return;
    this.#held.delete(connId);
    this.#idOf.delete(held.conn.uid);
    for (const child of held.children) this.#ownerOf.delete(child.name);
    this.#hasChanged = true;
    this.#countLocalNetworks(held.children, -1);
    const members = this.#members.get(held.connectionName);
    members?.delete(connId);
    this.#connections.set(held.connectionName, undefined);
    if (members?.size === 0) {
      this.#members.delete(held.connectionName);
      this.#connections.delete(held.connectionName);
    }
  }

  /** Numbers of all channels. */
  ids(): number[] {
    return [...this.#held.keys()];
  }

  get(connId: number): HeldConn | undefined {
    return this.#held.get(connId);
  }

  /** The channel that a child belongs to, by the child's name; undefined: none wants it. */
  ownerOf(child: string): HeldConn | undefined {
    const connId = this.#ownerOf.get(child);
    return connId === undefined ? undefined : this.#held.get(connId);
  }

  /** The number of the channel that a child belongs to, or belonged to before its settings changed. */
  connIdOf(child: string): number | undefined {
    return this.#idOf.get(uidOf(child));
  }

  /** The channels that one connection is made of. */
  members(connection: string): readonly HeldConn[] {
    return [...(this.#members.get(connection) ?? [])].flatMap((id) => this.#held.get(id) ?? []);
  }

  /** Networks inside the VPC that some channel uses. */
  localNetworks(): Set<string> {
    return new Set(this.#localNetworks.keys());
  }

  #countLocalNetworks(children: readonly ChildSpec[], change: 1 | -1): void {
    for (const { localNetwork } of children) {
      const count = (this.#localNetworks.get(localNetwork) ?? 0) + change;
      if (count === 0) this.#localNetworks.delete(localNetwork);
      else this.#localNetworks.set(localNetwork, count);
    }
  }

  /** Connections by name; built anew only where a member changed. */
  connections(): ReadonlyMap<string, DesiredConnection> {
    if (!this.#hasChanged) return this.#all;
    const all = new Map<string, DesiredConnection>();
    for (const [name, built] of this.#connections) {
      const connection = built ?? this.#build(name);
      if (connection === undefined) continue;
      all.set(name, connection);
    }
    this.#seeNeighbours(all);
    this.#all = all;
    this.#hasChanged = false;
    return all;
  }

  /** What a connection has to know of the others of its gateway. */
  #seeNeighbours(all: Map<string, DesiredConnection>): void {
    const count = (keyOf: (spec: ConnectionSpec) => string) => {
      const counts = new Map<string, number>();
      for (const { spec } of all.values()) counts.set(keyOf(spec), (counts.get(keyOf(spec)) ?? 0) + 1);
      return (spec: ConnectionSpec) => (counts.get(keyOf(spec)) ?? 0) > 1;
    };
    const isAddressShared = count(({ remoteAddress }) => remoteAddress);
    const hasNamesake = count(identitiesOf);
    for (const [name, connection] of all) {
      const { spec } = connection;
      const neighbours = { isAddressShared: isAddressShared(spec), hasNamesake: hasNamesake(spec) };
      const isSame = spec.isAddressShared === neighbours.isAddressShared && spec.hasNamesake === neighbours.hasNamesake;
      const seen = isSame ? connection : this.#build(name, neighbours);
      if (seen !== undefined) all.set(name, seen);
      this.#connections.set(name, seen);
    }
  }

  #build(
    name: string,
    neighbours: Neighbours = { isAddressShared: false, hasNamesake: false },
  ): DesiredConnection | undefined {
    const members = [...(this.#members.get(name) ?? [])].sort((a, b) => a - b);
    const held = members.flatMap((id) => this.#held.get(id) ?? []);
    const [first] = held;
    if (first === undefined) return undefined;
    const { ike, preSharedKey } = first.conn;
    const { isAddressShared, hasNamesake } = neighbours;
    const ends = { name, localAddress: this.#publicAddress, remoteAddress: first.peerAddress, ike };
    const owners = [ends.remoteAddress, ike.remoteIdentity.value, isAddressShared];
    return {
      spec: { ...ends, preSharedKey, children: held.flatMap(({ children }) => children), ...neighbours },
      secretFingerprint: shortHash(`${preSharedKey.reveal()} ${owners.join(" ")}`),
      connectionFingerprint: shortHash(JSON.stringify([ends, hasNamesake, held.map(({ digest }) => digest)])),
    };
  }
}

function identitiesOf({ ike: { localIdentity, remoteIdentity } }: ConnectionSpec): string {
  return `${localIdentity.type} ${localIdentity.value} ${remoteIdentity.type} ${remoteIdentity.value}`;
}
