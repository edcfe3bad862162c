import { describe, expect, it } from "vitest";
import { RateLimiter } from "./rate.ts";

const admitted = (limiter: RateLimiter, key: string, nowMs: number, calls: number) =>
  Array.from({ length: calls }, () => limiter.admit(key, nowMs)).filter(Boolean).length;

describe("RateLimiter", () => {
  it("takes a second's calls at once, and then as many as come in", () => {
    const limiter = new RateLimiter(10);
    expect(admitted(limiter, "a", 1_000, 50)).toBe(10);
    expect(admitted(limiter, "a", 1_099, 50)).toBe(0);
    expect(admitted(limiter, "a", 1_100, 50)).toBe(1);
    expect(admitted(limiter, "a", 1_600, 50)).toBe(5);
  });

  it("saves no more than a second's calls", () => {
    const limiter = new RateLimiter(10);
    expect(admitted(limiter, "a", 0, 10)).toBe(10);
    expect(admitted(limiter, "a", 3_600_000, 50)).toBe(10);
  });

  it("lets many calls at the limit pass, none beyond it", () => {
    const limiter = new RateLimiter(10);
    let passed = 0;
    for (let ms = 0; ms < 100_000; ms += 20) passed += admitted(limiter, "a", ms, 1);
    // 50 calls a second for 100 seconds.
    expect(passed).toBeGreaterThanOrEqual(1_000);
    expect(passed).toBeLessThanOrEqual(1_010);
  });

  it("counts each key for itself", () => {
    const limiter = new RateLimiter(1);
    expect([limiter.admit("a", 0), limiter.admit("b", 0), limiter.admit("a", 0)]).toEqual([true, true, false]);
  });

  it("gives nothing for a clock that is put back, and does not stop for it", () => {
    const limiter = new RateLimiter(1);
    expect(limiter.admit("a", 1_000_000)).toBe(true);
    expect(limiter.admit("a", 0)).toBe(false);
    expect(limiter.admit("a", 1_000)).toBe(true);
  });

  it("has no limit at 0", () => {
    expect(admitted(new RateLimiter(0), "a", 0, 100_000)).toBe(100_000);
  });
});
