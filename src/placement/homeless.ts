// What is recorded of gateways that nobody holds, in place of the host that they do not have: that they do not run, which tasks have waited
// too long, and that one which was to be removed has gone.
import { keepLease } from "../store/gateway-leases.ts";
import type { Db } from "../store/store.ts";
import { finishConnTasks, finishTasks, listRunningTasks, type RunningTask } from "../store/tasks.ts";
import { restoreFallback } from "../store/vpn-conn-fallbacks.ts";
import { listChangedConns, recordConnStatus } from "../store/vpn-conns.ts";
import { deleteVpnGw, findVpnGwById, recordVpnGwStatus } from "../store/vpn-gws.ts";
import type { VpnGw } from "../vpn/entities.ts";
import { failedStatus, isLeavingGw } from "../vpn/status.ts";

/** A task fails when its gateway could not carry it out for this long: api-v2.md 8. */
export const taskPatienceMs = 30_000;

/** The gateway and whether it is still nobody's, until the transaction ends. */
async function findHomeless(db: Db, gatewayId: number): Promise<VpnGw | undefined> {
  const lease = await keepLease(db, gatewayId);
  if (lease === undefined || lease.hostId !== undefined) return undefined;
  return (await findVpnGwById(db, gatewayId))?.vpnGw;
}

/** A gateway that was to be removed is on no machine: so its row goes, and its task succeeds. */
export async function removeHomeless(db: Db, gatewayId: number, nowMs: number): Promise<void> {
  const vpnGw = await findHomeless(db, gatewayId);
  if (vpnGw === undefined || !isLeavingGw(vpnGw.status)) return;
  const tasks = await listRunningTasks(db, gatewayId);
  await finishTasks(
    db,
    tasks.map(({ id }) => id),
    undefined,
    nowMs,
  );
  await deleteVpnGw(db, gatewayId);
}

/** The gateway cannot be made to run, for want of a host. Tasks that have waited long enough fail with that reason. */
export async function recordHomeless(db: Db, gatewayId: number, failure: string, nowMs: number): Promise<void> {
  const vpnGw = await findHomeless(db, gatewayId);
  if (vpnGw === undefined || isLeavingGw(vpnGw.status)) return;
  await recordVpnGwStatus(db, vpnGw, { status: "delivery-failed", failure });
  const askedUntilMs = nowMs - taskPatienceMs;
  const overdue = (await listRunningTasks(db, gatewayId)).filter(({ createdAtMs }) => createdAtMs <= askedUntilMs);
  await failConns(db, vpnGw, overdue, failure, nowMs);
  const ofGateway = overdue.filter(({ vpnConnId }) => vpnConnId === undefined).map(({ id }) => id);
  await finishTasks(db, ofGateway, failure, nowMs);
}

async function failConns(
  db: Db,
  { id: vpnGwId }: VpnGw,
  overdue: readonly RunningTask[],
  failure: string,
  nowMs: number,
): Promise<void> {
  const ofConns = overdue.filter(({ vpnConnId }) => vpnConnId !== undefined);
  if (ofConns.length === 0) return;
  const connIds = new Set(ofConns.map(({ vpnConnId }) => vpnConnId));
  const before = Math.min(...ofConns.map(({ generation }) => generation)) - 1;
  for (const { conn } of await listChangedConns(db, vpnGwId, before)) {
    if (!connIds.has(conn.id)) continue;
    const { generation } = conn;
    const status = failedStatus(conn.status);
    await recordConnStatus(db, conn.id, { status, failure, generation });
    if (status === "modify-failed") await restoreFallback(db, conn.id);
    const tasks = { vpnGwId, vpnConnId: conn.id, upToGeneration: generation, askedUntilMs: nowMs - taskPatienceMs };
    await finishConnTasks(db, tasks, failure, nowMs);
  }
}
