// Rows of tasks.
import type { Selectable } from "kysely";
import type { Task } from "../vpn/entities.ts";
import type { TaskStatus } from "../vpn/status.ts";
import { onlyRow, pick, prepare } from "./prepared.ts";
import type { Schema } from "./schema.ts";
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
  return onlyRow(await insertRow(db, row)).id;
}

const columns = [
  "account_id",
  "vpn_gw_id",
  "vpn_conn_id",
  "action",
  "generation",
  "status",
  "failure",
  "created_at",
  "finished_at",
] as const;

const insertRow = prepare((sql, row: Omit<Selectable<Schema["tasks"]>, "id">) =>
  sql.insertInto("tasks").values(pick(row, columns)).returning("id"),
);

/** A task runs as long as it is not known when it ended: so the index of those that run says it. */
const selectRunning = prepare((sql, { vpnGwId }: { vpnGwId: number }) =>
  sql
    .selectFrom("tasks")
    .select(["id", "vpn_conn_id", "generation", "created_at"])
    .where("vpn_gw_id", "=", vpnGwId)
    .where("finished_at", "is", null),
);

interface TaskEnd {
  readonly id: number;
  readonly running: TaskStatus;
  readonly status: TaskStatus;
  readonly failure: string | null;
  readonly finishedAt: number;
}

const updateRunning = prepare((sql, row: TaskEnd) =>
  sql
    .updateTable("tasks")
    .set({ status: row.status, failure: row.failure, finished_at: row.finishedAt })
    .where("id", "=", row.id)
    // Not "finished_at is null": PostgreSQL would go through the index of all that run, which it may take for empty.
    .where("status", "=", row.running),
);

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
  const rows = await selectRunning(db, { vpnGwId });
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
  const status: TaskStatus = failure === undefined ? "succeeded" : "failed";
  const end = { running: "running", status, failure: failure ?? null, finishedAt: nowMs } as const;
  for (const id of ids) await updateRunning(db, { ...end, id });
}

/** Tasks of one channel that are answered together. */
export interface ConnTasks {
  readonly vpnGwId: number;
  readonly vpnConnId: number;
  /** Those of later changes go on. */
  readonly upToGeneration: number;
  /** Those that were asked for later than this go on; milliseconds since 1970. */
  readonly askedUntilMs: number;
}

/** Ends a channel's tasks; one that has ended already is left as it is. */
export async function finishConnTasks(
  db: Db,
  tasks: ConnTasks,
  failure: string | undefined,
  nowMs: number,
): Promise<void> {
  const status: TaskStatus = failure === undefined ? "succeeded" : "failed";
  await updateRunningOfConn(db, { ...tasks, status, failure: failure ?? null, finishedAt: nowMs });
}

interface ConnTasksEnd extends ConnTasks {
  readonly status: string;
  readonly failure: string | null;
  readonly finishedAt: number;
}

const updateRunningOfConn = prepare((sql, end: ConnTasksEnd) =>
  sql
    .updateTable("tasks")
    .set({ status: end.status, failure: end.failure, finished_at: end.finishedAt })
    .where("vpn_gw_id", "=", end.vpnGwId)
    .where("finished_at", "is", null)
    .where("vpn_conn_id", "=", end.vpnConnId)
    .where("generation", "<=", end.upToGeneration)
    .where("created_at", "<=", end.askedUntilMs),
);

export async function deleteTasksFinishedBefore(db: Db, finishedBeforeMs: number): Promise<void> {
  await db.sql.deleteFrom("tasks").where("finished_at", "<", finishedBeforeMs).execute();
}
