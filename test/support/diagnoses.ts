// Diagnoses for tests that show them, and rows compared without them.
import type { Cause, Diagnosis, UnknownPeer } from "../../src/vpn/diagnosis.ts";
import type { Row } from "./reply.ts";

export function makeDiagnosis(cause: Cause, sinceMs: number, given: Partial<Diagnosis> = {}): Diagnosis {
  return {
    cause,
    sentence: `What is wrong: ${cause}.`,
    fix: "What to change, and where.",
    sinceMs,
    offered: "aes128-sha1-modp1024",
    said: "NO_PROPOSAL_CHOSEN",
    events: [
      { atMs: sinceMs, text: "began" },
      { atMs: sinceMs + 2_000, text: "was refused" },
    ],
    ...given,
  };
}

export function makeUnknownPeer(address: string, firstMs: number, given: Partial<UnknownPeer> = {}): UnknownPeer {
  return {
    address,
    identity: "branch.example",
    offered: "aes256-sha256-modp2048",
    said: "no channel has this address",
    firstMs,
    lastMs: firstMs + 61_000,
    count: 3,
    ...given,
  };
}

/** A row of DescribeVpnConn without what comes and goes by itself: a peer that is silent is found out at its own time. */
export function withoutDiagnosis({ diagnosis: _, ...row }: Row): Row {
  return row;
}
