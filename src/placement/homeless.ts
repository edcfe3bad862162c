// What is recorded of gateways that nobody holds, in place of the host that they do not have: that they do not run, which tasks have waited
// too long, and that one which was to be removed has gone.
import type { ConnOutcome } from "../control/control.ts";
import { isOverdue, recordFailure, recordRemoval } from "../control/direct/record.ts";
import { keepLease } from "../store/gateway-leases.ts";
import type { Db } from "../store/store.ts";
import { listRunningTasks } from "../store/tasks.ts";
import { listChangedConns } from "../store/vpn-conns.ts";
import { findVpnGwById } from "../store/vpn-gws.ts";
import type { VpnGw } from "../vpn/entities.ts";
import { failedStatus, isLeavingGw } from "../vpn/status.ts";

/** The gateway and whether it is still nobody's, until the transaction ends. */
async function findHomeless(db: Db, gatewayId: number): Promise<VpnGw | undefined> {
  const lease = await keepLease(db, gatewayId);
  if (lease === undefined || lease.hostId !== undefined) return undefined;
  return (await findVpnGwById(db, gatewayId))?.vpnGw;
}

/** A gateway that was to be removed is on no machine: so its row goes, and its task succeeds. */
export async function removeHomeless(db: Db, gatewayId: number, nowMs: number): Promise<void> {
  const vpnGw = await findHomeless(db, gatewayId);
  if (vpnGw !== undefined && isLeavingGw(vpnGw.status)) await recordRemoval(db, vpnGw, nowMs);
}

/** The gateway cannot be made to run, for want of a host. Tasks that have waited long enough fail with that reason. */
export async function recordHomeless(db: Db, gatewayId: number, failure: string, nowMs: number): Promise<void> {
  const vpnGw = await findHomeless(db, gatewayId);
  if (vpnGw === undefined || isLeavingGw(vpnGw.status)) return;
  await recordFailure(db, vpnGw, failure, await listAnswers(db, gatewayId, failure, nowMs), nowMs);
}

/** What becomes of channels whose tasks have waited long enough. */
async function listAnswers(db: Db, gatewayId: number, failure: string, nowMs: number): Promise<ConnOutcome[]> {
  const overdue = (await listRunningTasks(db, gatewayId)).filter((task) => isOverdue(task, nowMs));
  const ofConns = overdue.filter(({ vpnConnId }) => vpnConnId !== undefined);
  if (ofConns.length === 0) return [];
  const before = Math.min(...ofConns.map(({ generation }) => generation)) - 1;
  const changed = await listChangedConns(db, gatewayId, before);
  return changed.map(({ conn: { id, generation, status } }) => ({
    connId: id,
    generation,
    status: failedStatus(status),
    failure,
  }));
}
