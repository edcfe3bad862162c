// Waiting for something the machine gives no event for: a process to end, a daemon to answer.
import { setTimeout as pause } from "node:timers/promises";

const pollMs = 2;

/** Asks until the answer is not undefined, or until `boundMs` have passed: then undefined. Asks at least once. */
export async function poll<T>(boundMs: number, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() >= deadline) return answer;
    await pause(pollMs);
  }
}
