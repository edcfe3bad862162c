// DescribeVpcTaskResult: api-v2.md 8.
import { getTask } from "../../operations/get-task.ts";
import type { Action } from "../action.ts";
import { taskStatusNumbers } from "../status.ts";

/** "The operation on the resource failed." */
const taskErrorCode = 5100;

export const describeVpcTaskResult: Action = {
  name: "DescribeVpcTaskResult",
  isWrite: false,
  parameterOf: { task: "taskId" },
  async run(context, caller, parameters) {
    const { status, failure } = await getTask(context, caller, { taskId: parameters.requireInteger("taskId") });
    const output = failure === undefined ? {} : { output: { errorCode: taskErrorCode, errorMsg: failure } };
    return { data: { status: taskStatusNumbers[status], ...output } };
  },
};
