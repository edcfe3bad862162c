// The error that a piece of work ends with, for tests that look at more than its message.
import { ApiError } from "../../src/errors.ts";

/** The refusal that `work` throws. @throws Error when it throws none, and whatever else it throws */
export function catchRefusal(work: () => unknown): ApiError {
  try {
    work();
  } catch (error) {
    return requireRefusal(error);
  }
  throw new Error("it was not refused");
}

/** The refusal that a promise is rejected with. */
export async function awaitRefusal(work: Promise<unknown>): Promise<ApiError> {
  const [result] = await Promise.allSettled([work]);
  if (result.status === "fulfilled") throw new Error("it was not refused");
  return requireRefusal(result.reason);
}

function requireRefusal(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

/** Whether `work` is refused; whatever else it throws is thrown. */
export function isRefused(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch (error) {
    requireRefusal(error);
    return true;
  }
}
