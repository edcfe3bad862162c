// Writes down what a round found and did: statuses, tasks, what was observed. One transaction a round, which does not wait for the disk:
// what a power failure takes back of it, the next round finds again (docs/decisions/0010-records-do-not-wait.md).
import { recordDiagnoses, recordUnknownPeers } from "../store/diagnoses.ts";
import type { Db, Store } from "../store/store.ts";
import { finishConnTasks, finishTasks, listRunningTasks, type RunningTask } from "../store/tasks.ts";
import { dropFallback, restoreFallback } from "../store/vpn-conn-fallbacks.ts";
import { deleteVpnConn, recordConnStatus, recordNetStatus } from "../store/vpn-conns.ts";
import { deleteVpnGw, recordVpnGwStatus, setGwObservedGeneration } from "../store/vpn-gws.ts";
import type { UnknownPeer } from "../vpn/diagnosis.ts";
import type { VpnGw } from "../vpn/entities.ts";
import type { NetStatus, VpnConnStatus, VpnGwStatus } from "../vpn/status.ts";
import type { DiagnosisChanges } from "./channel-diagnoses.ts";

/** What came of one channel's change. */
export interface ConnOutcome {
  readonly connId: number;
  /** The change it answers; a later one is left alone. */
  readonly generation: number;
  /** undefined: the channel has gone. */
  readonly status: VpnConnStatus | undefined;
  readonly failure: string | undefined;
  /** It answers a modification that was accepted. */
  readonly isModified?: boolean;
}

export interface RoundOutcome {
  readonly gatewayStatus: { readonly status: VpnGwStatus; readonly failure: string | undefined } | undefined;
  /** The generation that has been taken as a whole. */
  readonly observedGeneration: number | undefined;
  readonly conns: readonly ConnOutcome[];
  readonly netStatuses: ReadonlyMap<number, NetStatus>;
  readonly diagnoses: DiagnosisChanges;
  /** All that knock in vain; undefined: as recorded before. */
  readonly unknownPeers: readonly UnknownPeer[] | undefined;
}

/** A task fails when its gateway could not carry it out for this long: api-v2.md 8. */
export const taskPatienceMs = 30_000;

/** @param vpnGw as it was read when the round began */
export async function recordRound(store: Store, vpnGw: VpnGw, outcome: RoundOutcome, nowMs: number): Promise<void> {
  const { gatewayStatus, observedGeneration, conns, netStatuses, diagnoses, unknownPeers } = outcome;
  const isOfChannels = conns.length > 0 || netStatuses.size > 0 || diagnoses.size > 0;
  if (gatewayStatus === undefined && !isOfChannels && unknownPeers === undefined) return;
  await store.transaction(
    async (db) => {
      if (gatewayStatus !== undefined) await recordVpnGwStatus(db, vpnGw, gatewayStatus);
      if (observedGeneration !== undefined) await setGwObservedGeneration(db, vpnGw.id, observedGeneration);
      for (const [connId, netStatus] of netStatuses) await recordNetStatus(db, connId, netStatus, nowMs);
      await recordDiagnoses(db, diagnoses);
      if (unknownPeers !== undefined) await recordUnknownPeers(db, vpnGw.id, unknownPeers);
      for (const outcome of conns) await recordConn(db, vpnGw, outcome, ever, nowMs);
    },
    "later",
    vpnGw.accountId,
  );
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
  else await recordConnStatus(db, connId, { status, failure, generation });
  if (isModified) await dropFallback(db, connId);
  if (status === "modify-failed") await restoreFallback(db, connId);
  // A channel that has gone answers every task, also one that was asked for while it went.
  const upToGeneration = status === undefined ? ever : generation;
  const tasks = { vpnGwId: vpnGw.id, vpnConnId: connId, upToGeneration, askedUntilMs };
  await finishConnTasks(db, tasks, failure, nowMs);
}

/** The gateway has gone from the machine: so do its row and its task. */
export async function recordRemoval(store: Store, vpnGw: VpnGw, nowMs: number): Promise<void> {
  await store.transaction(
    async (db) => {
      const tasks = await listRunningTasks(db, vpnGw.id);
      const ids = tasks.map((task) => task.id);
      await finishTasks(db, ids, undefined, nowMs);
      await deleteVpnGw(db, vpnGw.id);
    },
    "later",
    vpnGw.accountId,
  );
}

/**
 * The gateway cannot be made to run, or cannot be removed. Tasks that have waited long enough fail with that reason.
 * @returns when the next task will have waited long enough, in milliseconds since 1970
 */
export async function recordGatewayFailure(
  store: Store,
  vpnGw: VpnGw,
  failure: string,
  failedConns: (connIds: ReadonlySet<number>) => readonly ConnOutcome[],
  nowMs: number,
): Promise<number | undefined> {
  const isLeaving = vpnGw.status === "deleting" || vpnGw.status === "delete-failed";
  return store.transaction(
    async (db) => {
      const tasks = await listRunningTasks(db, vpnGw.id);
      const isOverdue = (task: RunningTask) => nowMs - task.createdAtMs >= taskPatienceMs;
      const overdue = tasks.filter(isOverdue);
      const isLeavingOverdue = overdue.some((task) => task.vpnConnId === undefined);
      const leavingStatus = isLeavingOverdue ? "delete-failed" : vpnGw.status;
      await recordVpnGwStatus(db, vpnGw, { status: isLeaving ? leavingStatus : "delivery-failed", failure });
      const conns = failedConns(new Set(overdue.flatMap((task) => task.vpnConnId ?? [])));
      for (const outcome of conns) await recordConn(db, vpnGw, outcome, nowMs - taskPatienceMs, nowMs);
      const ids = overdue.filter((task) => task.vpnConnId === undefined).map((task) => task.id);
      await finishTasks(db, ids, failure, nowMs);
      const waiting = tasks.filter((task) => !isOverdue(task)).map((task) => task.createdAtMs + taskPatienceMs);
      return waiting.length === 0 ? undefined : Math.min(...waiting);
    },
    "later",
    vpnGw.accountId,
  );
}
