// Why a channel is not up, as every layer says it, and who knocks at a gateway without being known there. No secret is in any of it.

/** Why a channel is not up, or carries nothing; one at a time. */
export const causes = [
  "gateway-not-running",
  "peer-silent",
  "peer-stopped",
  "ike-proposal",
  "pre-shared-key",
  "identity",
  "exchange-mode",
  /** Identity or exchange mode: the peer refused, and only its own log tells which. */
  "authentication-refused",
  "ipsec-proposal",
  "pfs",
  /** IPsec proposal or PFS: the peer refused, and only its own log tells which. */
  "ipsec-refused",
  "traffic-selectors",
  "peer-deleted",
  "dpd-timeout",
  /** It is up, and a rule of this machine drops what it carries. */
  "blocked-by-policy",
  /** It is up, and packets go out while none come in. */
  "one-way",
  /** It is up, and carries so much that a renewal by volume may come too late. */
  "volume-lifetime",
] as const;

export type Cause = (typeof causes)[number];

/** Which end has to change: ours, the peer's, or either one of the two so that both are the same. */
export type Side = "local" | "peer" | "either";

const sides: Readonly<Record<Cause, Side>> = {
  "gateway-not-running": "local",
  "peer-silent": "peer",
  "peer-stopped": "peer",
  "ike-proposal": "either",
  "pre-shared-key": "either",
  identity: "either",
  "exchange-mode": "either",
  "authentication-refused": "either",
  "ipsec-proposal": "either",
  pfs: "either",
  "ipsec-refused": "either",
  "traffic-selectors": "either",
  "peer-deleted": "peer",
  "dpd-timeout": "peer",
  "blocked-by-policy": "local",
  "one-way": "peer",
  "volume-lifetime": "either",
};

/** Which end has to change. A cause on the way between the two counts as the peer's: it is beyond this machine. */
export function sideOf(cause: Cause): Side {
  return sides[cause];
}

/** The answer for a person. */
export interface Diagnosis {
  readonly cause: Cause;
  /** What is wrong, in one sentence. */
  readonly sentence: string;
  /** What to change, and at which end. */
  readonly fix: string;
  /** When this cause was found first, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** What our end proposes; "" where that does not matter. */
  readonly offered: string;
  /** What the peer said or did, at most 300 characters; "" when nothing came. */
  readonly said: string;
  /** What happened, the newest last: at most 20. */
  readonly events: readonly DiagnosisEvent[];
}

/** A diagnosis as lists show it. */
export type DiagnosisSummary = Omit<Diagnosis, "events">;

export interface DiagnosisEvent {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** At most 300 characters. */
  readonly text: string;
}

/** A peer that begins IKE with a gateway and fits none of its channels. */
export interface UnknownPeer {
  /** Where it knocks from: its IPv4 address. */
  readonly address: string;
  /** What it calls itself; "" when it did not come to that. */
  readonly identity: string;
  /** What it offered; "" when that was not to be read. */
  readonly offered: string;
  /** What our end answered, or why the peer fits nothing; at most 300 characters. */
  readonly said: string;
  /** Milliseconds since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** How often it began, from 1. */
  readonly count: number;
}
