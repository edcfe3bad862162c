// Instead of sleeping: waits for a condition, with a bound.
import { setTimeout as pause } from "node:timers/promises";

const pollMs = 10;

/** What to wait for, in words (for the failure), and for how long: 5000 ms unless told. */
export interface WaitOptions {
  readonly what: string;
  readonly timeoutMs?: number;
}

/**
 * Asks until the answer is something other than undefined and false, and gives it.
 * @throws Error that says what did not come, when the time is up
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 5_000 }: WaitOptions,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await pause(pollMs);
  }
}
