// The security policies of a channel: rules of one local network and its peer networks, and what they must keep to.
// api-v2.md 9.4. Pure; rules over all channels of a gateway need the store and live in operations/.
import { refuseField } from "../errors.ts";
import {
  contains,
  findOverlap,
  formatNetwork,
  type Network,
  overlap,
  parseNetwork,
  reservedReason,
  storedNetwork,
} from "./network.ts";

/** One rule: a network inside the VPC, and the peer networks it may talk to. */
export interface Spd {
  readonly local: Network;
  readonly peers: readonly Network[];
}

/** A rule as a caller writes it. No local network: the whole VPC. */
export interface SpdRequest {
  readonly local: string | undefined;
  readonly peers: readonly string[];
}

/**
 * Pairs of all channels of one IKE identity together. They are the children of one strongSwan connection, which is loaded with one VICI
 * message of 512 KiB at most: connection-message.test.ts.
 */
export const pairsPerIdentity = 1_500;

export interface SpdLimits {
  /** Rules per channel, and peer networks per rule; 0 is unlimited. */
  readonly spdsPerConn: number;
  readonly peersPerSpd: number;
}

/** One (local, peer) pair: one CHILD_SA. */
export interface SpdPair {
  readonly local: Network;
  readonly peer: Network;
}

const field = "spds";

/** A rule whose texts have been read; no local network still means the whole VPC. */
export interface ReadSpd {
  readonly local: Network | undefined;
  readonly peers: readonly Network[];
}

/**
 * Reads the texts of a channel's rules; host bits are cut off.
 * @throws ApiError parameter-invalid, naming field `spds`
 */
export function readSpds(requests: readonly SpdRequest[]): ReadSpd[] {
  if (requests.length === 0) throw refuseField(field, "at least one peer network is needed");
  return requests.map(({ local, peers }) => {
    if (peers.length === 0) throw refuseField(field, `local network ${local ?? "of the VPC"} has no peer network`);
    return { local: local === undefined ? undefined : readEnd(local), peers: peers.map(readEnd) };
  });
}

function readEnd(text: string): Network {
  const network = parseNetwork(text.trim());
  if (network === undefined) throw refuseField(field, `${quote(text)} is not a network such as 10.0.0.0/24`);
  const reason = reservedReason(network);
  if (reason !== undefined) throw refuseField(field, `${formatNetwork(network)} cannot be used: ${reason}`);
  return network;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 50 ? `${text.slice(0, 50)}…` : text);
}

/**
 * The rules of one channel inside one VPC.
 * @throws ApiError parameter-invalid, naming field `spds` and the networks at fault
 */
export function completeSpds(spds: readonly ReadSpd[], vpc: Network, limits: SpdLimits): Spd[] {
  refuseAbove(limits.spdsPerConn, spds.length, "local networks in one channel");
  const complete = spds.map(({ local = vpc, peers }) => {
    if (!contains(vpc, local)) {
      throw refuseField(field, `local network ${formatNetwork(local)} is not inside the VPC's ${formatNetwork(vpc)}`);
    }
    refuseAbove(limits.peersPerSpd, peers.length, "peer networks for one local network");
    const inside = peers.find((peer) => overlap(peer, vpc));
    if (inside !== undefined) {
      throw refuseField(field, `peer network ${formatNetwork(inside)} overlaps the VPC's ${formatNetwork(vpc)}`);
    }
    refuseOverlapAmong(peers, "peer networks");
    return { local, peers };
  });
  refuseOverlapAmong(
    complete.map((spd) => spd.local),
    "local networks",
  );
  return complete;
}

function refuseAbove(limit: number, count: number, what: string): void {
  if (limit > 0 && count > limit) throw refuseField(field, `${count} ${what}; at most ${limit} are allowed`);
}

function refuseOverlapAmong(networks: readonly Network[], what: string): void {
  const found = findOverlap(networks);
  if (found !== undefined) throw refuseField(field, `${what} ${found.map(formatNetwork).join(" and ")} overlap`);
}

/** Every pair of the rules, in order of entry. */
export function spdPairs(spds: readonly Spd[]): SpdPair[] {
  return spds.flatMap(({ local, peers }) => peers.map((peer) => ({ local, peer })));
}

/** The distinct peer networks, in order of entry. */
export function distinctNetworks(networks: readonly string[]): string[] {
  return [...new Set(networks)];
}

/** Rules as they are kept and shown: texts of network addresses. */
export interface StoredSpd {
  readonly local: string;
  readonly peers: readonly string[];
}

/** The pairs of stored rules. */
export function storedPairs(spds: readonly StoredSpd[]): SpdPair[] {
  return spdPairs(spds.map(({ local, peers }) => ({ local: storedNetwork(local), peers: peers.map(storedNetwork) })));
}

export function storeSpds(spds: readonly Spd[]): StoredSpd[] {
  return spds.map(({ local, peers }) => ({ local: formatNetwork(local), peers: peers.map(formatNetwork) }));
}
