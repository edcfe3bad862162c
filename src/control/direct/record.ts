// Writes down what a round found and did: statuses, tasks, what was observed. Always in a transaction that somebody else has begun.
import { recordDiagnoses, recordUnknownPeers } from "../../store/diagnoses.ts";
import type { Db } from "../../store/store.ts";
import { finishConnTasks, finishTasks, listRunningTasks, type RunningTask } from "../../store/tasks.ts";
import { dropFallback, restoreFallback } from "../../store/vpn-conn-fallbacks.ts";
import { deleteVpnConn, recordConnStatus, recordNetStatus } from "../../store/vpn-conns.ts";
import { deleteVpnGw, recordVpnGwStatus, setGwObservedGeneration } from "../../store/vpn-gws.ts";
import type { VpnGw } from "../../vpn/entities.ts";
import { isLeavingGw } from "../../vpn/status.ts";
import type { ConnOutcome, FailureRecorded, RoundOutcome } from "../control.ts";

/** A task fails when its gateway could not carry it out for this long: api-v2.md 8. */
export const taskPatienceMs = 30_000;

/** Whether a task that runs has waited long enough. */
export function isOverdue({ createdAtMs }: RunningTask, nowMs: number): boolean {
  return nowMs - createdAtMs >= taskPatienceMs;
}

/** @param vpnGw as it was read when the round began */
export async function recordRound(db: Db, vpnGw: VpnGw, outcome: RoundOutcome, nowMs: number): Promise<void> {
  const { gatewayStatus, observedGeneration, conns, netStatuses, diagnoses, unknownPeers } = outcome;
  if (gatewayStatus !== undefined) await recordVpnGwStatus(db, vpnGw, gatewayStatus);
  if (observedGeneration !== undefined) await setGwObservedGeneration(db, vpnGw.id, observedGeneration);
  for (const [connId, netStatus] of netStatuses) await recordNetStatus(db, connId, netStatus, nowMs);
  await recordDiagnoses(db, diagnoses);
  if (unknownPeers !== undefined) await recordUnknownPeers(db, vpnGw.id, unknownPeers);
  for (const outcome of conns) await recordConn(db, vpnGw, outcome, ever, nowMs);
}

/** Later than any time, and any generation. */
const ever = Number.MAX_SAFE_INTEGER;

/** @param askedUntilMs tasks of later requests go on */
async function recordConn(
  db: Db,
  vpnGw: VpnGw,
  { connId, generation, status, failure, isModified }: ConnOutcome,
  askedUntilMs: number,
  nowMs: number,
): Promise<void> {
  if (status === undefined) await deleteVpnConn(db, connId);
  // What is said again, after the channel has been modified once more, says nothing of that.
  else if (await recordConnStatus(db, connId, { status, failure, generation })) {
    if (isModified) await dropFallback(db, connId);
    if (status === "modify-failed") await restoreFallback(db, connId);
  }
  // A channel that has gone answers every task, also one that was asked for while it went.
  const upToGeneration = status === undefined ? ever : generation;
  const tasks = { vpnGwId: vpnGw.id, vpnConnId: connId, upToGeneration, askedUntilMs };
  await finishConnTasks(db, tasks, failure, nowMs);
}

/** The gateway has gone from the machine: so do its row and its task. */
export async function recordRemoval(db: Db, vpnGw: VpnGw, nowMs: number): Promise<void> {
  const tasks = await listRunningTasks(db, vpnGw.id);
  const ids = tasks.map((task) => task.id);
  await finishTasks(db, ids, undefined, nowMs);
  await deleteVpnGw(db, vpnGw.id);
}

/**
 * The gateway cannot be made to run, or cannot be removed. Tasks that have waited long enough fail with that reason.
 * @param answers what becomes of each channel with an unanswered change if its task has waited too long
 */
export async function recordFailure(
  db: Db,
  vpnGw: VpnGw,
  failure: string,
  answers: readonly ConnOutcome[],
  nowMs: number,
): Promise<FailureRecorded> {
  const tasks = await listRunningTasks(db, vpnGw.id);
  const overdue = tasks.filter((task) => isOverdue(task, nowMs));
  const isLeavingOverdue = overdue.some((task) => task.vpnConnId === undefined);
  const leavingStatus = isLeavingOverdue ? "delete-failed" : vpnGw.status;
  await recordVpnGwStatus(db, vpnGw, {
    status: isLeavingGw(vpnGw.status) ? leavingStatus : "delivery-failed",
    failure,
  });
  const overdueConnIds = new Set(overdue.map((task) => task.vpnConnId));
  const failed = answers.filter(({ connId }) => overdueConnIds.has(connId));
  for (const outcome of failed) await recordConn(db, vpnGw, outcome, nowMs - taskPatienceMs, nowMs);
  const ids = overdue.filter((task) => task.vpnConnId === undefined).map((task) => task.id);
  await finishTasks(db, ids, failure, nowMs);
  const waiting = tasks
    .filter((task) => !isOverdue(task, nowMs))
    .map((task) => task.createdAtMs + taskPatienceMs - nowMs);
  return {
    failedConnIds: failed.map(({ connId }) => connId),
    nextTaskInMs: waiting.length === 0 ? undefined : Math.min(...waiting),
  };
}
