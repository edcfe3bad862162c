// Turns a connection into charon's own words: the load-conn and load-shared messages. Pure. What charon would take without
// looking (addresses, networks: it accepts `10.0.0.0/33`) has been checked by the rules in vpn/ before.
import type { ViciMessage } from "../../vici/codec.ts";
import type {
  DhGroup,
  Identity,
  IkeSettings,
  Integrity,
  IpsecEncryption,
  IpsecSettings,
} from "../../vpn/algorithms.ts";
import type { ChildSpec, ConnectionSpec } from "../dataplane.ts";

/** strongSwan's proposal keywords (https://docs.strongswan.org/docs/5.9/config/proposals.html), one table for all. */
const keywords = {
  encryption: { "3des": "3des", aes128: "aes128", aes192: "aes192", aes256: "aes256", des: "des", null: "null" },
  integrity: { md5: "md5", sha1: "sha1" },
  group: { 1: "modp768", 2: "modp1024", 5: "modp1536", 14: "modp2048", 24: "modp2048s256" },
} as const satisfies {
  encryption: Record<IpsecEncryption, string>;
  integrity: Record<Integrity, string>;
  group: Record<DhGroup, string>;
};

/** Dead peer detection (RFC 3706); both at least 1. */
export interface DeadPeerDetection {
  /** How long a peer may be silent before it is asked whether it lives. */
  readonly delaySeconds: number;
  /** How long it may be silent before it counts as dead. */
  readonly timeoutSeconds: number;
}

/** The load-conn message of a connection with all its children (README of the vici plugin, load-conn). */
export function toLoadConn(connection: ConnectionSpec, dpd: DeadPeerDetection): ViciMessage {
  const { ike } = connection;
  return {
    [connection.name]: {
      version: "1",
      aggressive: ike.exchangeMode === "aggressive" ? "yes" : "no",
      proposals: [ikeProposal(ike)],
      local_addrs: [connection.localAddress],
      remote_addrs: [connection.remoteAddress],
      local: { auth: "psk", id: identityText(ike.localIdentity) },
      remote: { auth: "psk", id: identityText(ike.remoteIdentity) },
      ...ikeLifetime(ike.lifetimeSeconds),
      dpd_delay: String(dpd.delaySeconds),
      dpd_timeout: String(dpd.timeoutSeconds),
      // One try is six packets in 20.7 s, then the IKE_SA is gone: a silent peer does not pile up. The reconciler begins the
      // next.
      keyingtries: "1",
      // A peer that begins in main mode says INITIAL_CONTACT, at which charon ends the IKE_SAs of everybody who says to be the same.
      ...(connection.hasNamesake ? { unique: "never" } : {}),
      children: Object.fromEntries(connection.children.map((child) => [child.name, childSection(child)])),
    },
  };
}

/**
 * The load-shared message of a connection's pre-shared key, under the connection's name. The key goes as the bytes it is in
 * UTF-8: VICI takes them raw, so quotes, spaces and a leading `0x` mean nothing. charon looks for an owner by identity first and by
 * address after that. A peer has one key whatever its identities, and the address alone says whose: two sites behind NAT often call
 * themselves the same, 192.168.1.1, and must not get each other's key. Only in aggressive mode may a peer have several (decision 13),
 * told apart by its identity.
 */
export function toLoadShared(connection: ConnectionSpec): ViciMessage {
  const { remoteAddress, ike, isAddressShared } = connection;
  const owners = new Set([remoteAddress]);
  if (ike.exchangeMode === "aggressive" && isAddressShared) owners.add(identityText(ike.remoteIdentity));
  return {
    id: connection.name,
    type: "IKE",
    data: Buffer.from(connection.preSharedKey.reveal(), "utf8"),
    owners: [...owners],
  };
}

function ikeProposal(ike: IkeSettings): string {
  return [keywords.encryption[ike.encryption], keywords.integrity[ike.integrity], keywords.group[ike.dhGroup]].join(
    "-",
  );
}

/** Without PFS the proposal has no group. */
function espProposal(ipsec: IpsecSettings): string {
  const words: string[] = [keywords.encryption[ipsec.encryption], keywords.integrity[ipsec.integrity]];
  if (ipsec.pfsGroup !== undefined) words.push(keywords.group[ipsec.pfsGroup]);
  return words.join("-");
}

/** The prefix keeps charon from guessing: a name that looks like an address or a DN stays an ID_FQDN (identityParsing.html). */
function identityText(identity: Identity): string {
  switch (identity.type) {
    case "address":
      return identity.value;
    case "fqdn":
      return `fqdn:${identity.value}`;
  }
}

/**
 * Nothing starts, restarts or traps by itself: the reconciler initiates what is missing, and two that do it would make two
 * IKE_SAs.
 */
function childSection(child: ChildSpec): ViciMessage {
  return {
    mode: "tunnel",
    local_ts: [child.localNetwork],
    remote_ts: [child.peerNetwork],
    esp_proposals: [espProposal(child.ipsec)],
    ...ipsecLifetime(child.ipsec),
    start_action: "none",
    close_action: "none",
    dpd_action: "clear",
  };
}

/** For how long after a renewal the old IKE_SA may be there: charon ends it after 10 s (adopt_children_job.c). */
const oldIkeSaSeconds = 12;
/** A peer with strongSwan's percentages renews at 81-90 % of its lifetime (rekey_time 90 %, of which rand_time takes a tenth at most). */
const peersRenewalPercent = 81;

/**
 * What the peer is told is rekey_time + over_time = exactly the lifetime. We renew at 65-70 % of it and most peers at 81-95
 * %, and a short lifetime is renewed so early that the old IKE_SA has gone by then: of two ends that renew phase 1 at the same time
 * one ends with an ESTABLISHED IKE_SA without children (docs/dev/data-plane.md).
 */
function ikeLifetime(seconds: number): ViciMessage {
  const renewal = Math.min(share(seconds, 70), share(seconds, peersRenewalPercent) - oldIkeSaSeconds);
  return {
    rekey_time: String(renewal),
    over_time: String(seconds - renewal),
    rand_time: String(share(seconds, 5)),
  };
}

/** A KB of the contract is 1000 bytes, as on the wire (strongSwan sends life_bytes / 1000). charon takes whole numbers only. */
function ipsecLifetime({ lifetimeSeconds, lifetimeKilobytes }: IpsecSettings): ViciMessage {
  return {
    life_time: String(lifetimeSeconds),
    rekey_time: String(share(lifetimeSeconds, 70)),
    rand_time: String(share(lifetimeSeconds, 5)),
    life_bytes: String(lifetimeKilobytes * 1000),
    rekey_bytes: String(lifetimeKilobytes * 700),
    rand_bytes: String(lifetimeKilobytes * 50),
  };
}

function share(whole: number, percent: number): number {
  return Math.floor((whole * percent) / 100);
}
