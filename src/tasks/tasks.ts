// Durable tasks: a row written in the transaction of the change it reports on, finished by the reconciler.
import { ApiError } from "../errors.ts";
import type { Db } from "../store/store.ts";
import { findTask, insertTask } from "../store/tasks.ts";
import type { Task, VpnGw } from "../vpn/entities.ts";

/** The change that a task reports on. */
export interface TaskRequest {
  readonly action: "create-vpn-conn" | "modify-vpn-conn" | "delete-vpn-conn" | "delete-vpn-gw";
  readonly vpnGw: VpnGw;
  readonly vpnConnId: number | undefined;
  readonly generation: number;
}

/** Writes the task into the transaction in hand. @returns its number */
export function enqueueTask({ clock }: { clock: () => number }, db: Db, request: TaskRequest): Promise<number> {
  return insertTask(db, {
    accountId: request.vpnGw.accountId,
    vpnGwId: request.vpnGw.id,
    vpnConnId: request.vpnConnId,
    action: request.action,
    generation: request.generation,
    createdAtMs: clock(),
  });
}

/** @throws ApiError task-not-found */
export async function getTask(db: Db, accountId: number, id: number): Promise<Task> {
  const task = await findTask(db, accountId, id);
  if (task === undefined) throw new ApiError("task-not-found", `task ${id} does not exist`, { field: "task" });
  return task;
}
