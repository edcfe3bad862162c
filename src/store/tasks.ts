// Rows of tasks.
import type { Task } from "../vpn/entities.ts";
import type { TaskStatus } from "../vpn/status.ts";
import type { Db } from "./store.ts";

export interface NewTask {
  readonly accountId: number;
  readonly vpnGwId: number;
  /** undefined: a task of the gateway itself. */
  readonly vpnConnId: number | undefined;
  readonly action: string;
  /** The task is finished when this generation, or a later one, has been accepted. */
  readonly generation: number;
  readonly createdAtMs: number;
}

/** @returns the task's number: one rising sequence over all actions (api-v2.md 3.1) */
export async function insertTask(db: Db, task: NewTask): Promise<number> {
  const row = {
    account_id: task.accountId,
    vpn_gw_id: task.vpnGwId,
    vpn_conn_id: task.vpnConnId ?? null,
    action: task.action,
    generation: task.generation,
    status: "running" satisfies TaskStatus,
    failure: null,
    created_at: task.createdAtMs,
    finished_at: null,
  };
  const { id } = await db.sql.insertInto("tasks").values(row).returning("id").executeTakeFirstOrThrow();
  return id;
}

export async function findTask(db: Db, accountId: number, id: number): Promise<Task | undefined> {
  const row = await db.sql
    .selectFrom("tasks")
    .select(["id", "status", "failure"])
    .where("id", "=", id)
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  return row === undefined ? undefined : { id, status: row.status as TaskStatus, failure: row.failure ?? undefined };
}

/** A task that still runs. */
export interface RunningTask {
  readonly id: number;
  readonly vpnConnId: number | undefined;
  readonly generation: number;
  readonly createdAtMs: number;
}

export async function listRunningTasks(db: Db, vpnGwId: number): Promise<RunningTask[]> {
  const rows = await db.sql
    .selectFrom("tasks")
    .select(["id", "vpn_conn_id", "generation", "created_at"])
    .where("vpn_gw_id", "=", vpnGwId)
    .where("status", "=", "running" satisfies TaskStatus)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    vpnConnId: row.vpn_conn_id ?? undefined,
    generation: row.generation,
    createdAtMs: row.created_at,
  }));
}

/** Ends tasks; one that has ended already is left as it is. */
export async function finishTasks(
  db: Db,
  ids: readonly number[],
  failure: string | undefined,
  nowMs: number,
): Promise<void> {
  if (ids.length === 0) return;
  const status: TaskStatus = failure === undefined ? "succeeded" : "failed";
  await db.sql
    .updateTable("tasks")
    .set({ status, failure: failure ?? null, finished_at: nowMs })
    .where("id", "in", ids)
    .where("status", "=", "running" satisfies TaskStatus)
    .execute();
}

export async function deleteTasksFinishedBefore(db: Db, finishedBeforeMs: number): Promise<void> {
  await db.sql.deleteFrom("tasks").where("finished_at", "<", finishedBeforeMs).execute();
}
