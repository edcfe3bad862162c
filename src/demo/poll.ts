// Waits for a condition, with a bound.
import { setTimeout as pause } from "node:timers/promises";

const betweenLooksMs = 10;

/** Asks until there is an answer, or until the bound. @returns undefined when the bound came first */
export async function poll<T>(boundMs: number, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const endMs = performance.now() + boundMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() >= endMs) return answer;
    await pause(betweenLooksMs);
  }
}
