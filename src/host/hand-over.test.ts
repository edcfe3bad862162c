import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HandOver } from "./hand-over.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A hand-over that has begun. */
function begin(patienceMs = 60_000) {
  const handOver = new HandOver(patienceMs);
  const seen = { hasEnded: false };
  void handOver.ended.then(() => {
    seen.hasEnded = true;
  });
  const note = (gatewayIds: readonly number[], leavingIds: readonly number[], mayEnd?: boolean) =>
    handOver.note({ termMs: 30_000, gatewayIds, leavingIds, mayEnd });
  return { note, seen };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("a hand-over", () => {
  it("ends when the host may end, and not because it holds nothing", async () => {
    const { note, seen } = begin();
    note([1, 2], [], false);
    note([], [1, 2], false);
    note([], [], false);
    await pass(5_000);
    expect(seen.hasEnded).toBe(false);
    note([], [], true);
    await pass(0);
    expect(seen.hasEnded).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("goes on as long as something changes, and then for ten seconds", async () => {
    const { note, seen } = begin();
    for (const left of [[1, 2, 3], [1, 2], [1]]) {
      await pass(9_000);
      note(left, [], false);
    }
    await pass(9_000);
    note([1], [], false);
    expect(seen.hasEnded).toBe(false);
    await pass(1_000);
    expect(seen.hasEnded).toBe(true);
  });

  it("ends when nobody answers, and learns nothing from leases that are over", async () => {
    const { note, seen } = begin();
    await pass(9_000);
    note([], []);
    expect(seen.hasEnded).toBe(false);
    await pass(1_000);
    expect(seen.hasEnded).toBe(true);
  });

  it("takes no longer than it may, whatever changes", async () => {
    const { note, seen } = begin(20_000);
    for (let count = 0; count < 19; count += 1) {
      await pass(1_000);
      note([count], [], false);
    }
    expect(seen.hasEnded).toBe(false);
    await pass(1_000);
    expect(seen.hasEnded).toBe(true);
  });
});
