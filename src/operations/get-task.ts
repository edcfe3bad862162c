// Reads how a task stands.
import { getTask as getTaskRow } from "../tasks/tasks.ts";
import type { Task } from "../vpn/entities.ts";
import type { Caller, Context } from "./context.ts";

/** @throws ApiError task-not-found */
export function getTask({ store }: Context, caller: Caller, input: { taskId: number }): Promise<Task> {
  return getTaskRow(store.db, caller.accountId, input.taskId);
}
