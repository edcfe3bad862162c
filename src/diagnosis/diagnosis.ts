// The words of the room: what it is told, and what it finds. It reads charon's log and nothing else, and holds no secret.
import type { IkeSettings, IpsecSettings } from "../vpn/algorithms.ts";
import type { Cause, DiagnosisEvent } from "../vpn/diagnosis.ts";

/** What is known of a connection before anything was tried. A data plane's specification of a connection is one. */
export interface Channel {
  readonly name: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly ike: IkeSettings;
  readonly children: readonly {
    readonly name: string;
    readonly localNetwork: string;
    readonly peerNetwork: string;
    readonly ipsec: IpsecSettings;
  }[];
}

/** One message of charon's log at level 1. */
export interface LogLine {
  /** Name of the IKE_SA, which is its connection's; undefined while charon does not know which one a peer means. */
  readonly connection: string | undefined;
  /** The IKE_SA's unique id; undefined for a message about none. */
  readonly uniqueId: string | undefined;
  readonly text: string;
  readonly atMs: number;
}

/** What a line of the log says about a connection. */
export interface Finding {
  readonly cause: Cause;
  /** What the peer said or did, from the log: at most 300 characters; "" when it said nothing. */
  readonly said: string;
  /** What differs, as far as both ends' settings are known: "encryption", "10.2.0.0/16 === 10.78.0.0/16". */
  readonly differs?: string;
}

/** Why a connection is not up, as far as it is known. Another object whenever it is found to be otherwise. */
export interface Trouble {
  readonly finding: Finding;
  /** When this cause was found first, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** What has happened of late, oldest first; more comes to it. */
  readonly events: readonly DiagnosisEvent[];
}
