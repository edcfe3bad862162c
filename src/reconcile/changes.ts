// What becomes of a change to a channel. Pure.
import type { ConnOutcome } from "../control/control.ts";
import type { DesiredVpnConn, VpnConn } from "../vpn/entities.ts";
import { failedStatus, type VpnConnStatus } from "../vpn/status.ts";
import { isLeaving } from "./desired.ts";

/** A channel as it was changed last, and the connection that it is, or was, part of. */
export interface Change {
  readonly conn: VpnConn;
  readonly connectionName: string;
  /** A modification only: what the channel goes back to if it fails; undefined when it changes no setting. */
  readonly fallback?: DesiredVpnConn | undefined;
  /** Why it has gone back, or is not desired at all. */
  readonly refusal?: string | undefined;
}

/**
 * Whether nothing more is to be said about a channel. One whose modification has failed goes on as it was, and says so until it is
 * changed again (api-v2.md 9.7).
 */
export function isAnswered(status: VpnConnStatus): boolean {
  return status === "running" || status === "modify-failed";
}

/**
 * What came of a change, now that all steps are done; undefined when nothing is new.
 * @param refused what charon said, by connection name or by the channel's unified id
 */
export function answerChange(change: Change, refused: ReadonlyMap<string, string>): ConnOutcome | undefined {
  const { conn, connectionName, refusal } = change;
  const { id: connId, generation } = conn;
  const failure = refusal ?? refused.get(connectionName) ?? refused.get(conn.uid);
  if (failure === undefined) {
    const isModified = conn.status === "modifying";
    return { connId, generation, status: isLeaving(conn) ? undefined : "running", failure, isModified };
  }
  const status = failedStatus(conn.status);
  return status === conn.status && failure === conn.failure ? undefined : { connId, generation, status, failure };
}
