import { describe, expect, it } from "vitest";
import { findExpiredCounter, isLive, longestGapMs, look, noWatch, type Watch } from "./watch.ts";

const termMs = 30_000;
const one = 7;

/** Looks every second from a moment on, and once at its end; a host's counter is as `counterAt` says. */
function watchFor(watch: Watch, fromMs: number, toMs: number, counterAt: (nowMs: number) => number): Watch {
  let seen = watch;
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 1_000) seen = look(seen, nowMs, new Map([[one, counterAt(nowMs)]]));
  return look(seen, toMs, new Map([[one, counterAt(toMs)]]));
}

const expired = (watch: Watch) => findExpiredCounter(watch, one, termMs);
const lives = (watch: Watch) => isLive(watch, one, termMs);

describe("a host that does not renew", () => {
  it("is expired after a term and a tenth, and not a millisecond before", () => {
    expect(expired(watchFor(noWatch, 0, 32_999, () => 5))).toBeUndefined();
    expect(expired(watchFor(noWatch, 0, 33_000, () => 5))).toBe(5);
    expect(expired(watchFor(noWatch, 0, 90_000, () => 5))).toBe(5);
  });

  it("is watched from the look on that saw it renew last", () => {
    const renewedAt = (nowMs: number) => (nowMs < 20_000 ? 5 : 6);
    expect(expired(watchFor(noWatch, 0, 52_999, renewedAt))).toBeUndefined();
    expect(expired(watchFor(noWatch, 0, 53_000, renewedAt))).toBe(6);
  });

  it("is watched anew when its counter has gone back, as after a database that had forgotten something", () => {
    expect(expired(watchFor(noWatch, 0, 40_000, (nowMs) => (nowMs < 20_000 ? 5 : 4)))).toBeUndefined();
  });

  it("takes no gateways after half a term", () => {
    const renewedAt = (nowMs: number) => (nowMs < 10_000 ? 5 : 6);
    expect(lives(watchFor(noWatch, 0, 24_999, renewedAt))).toBe(true);
    expect(lives(watchFor(noWatch, 0, 25_000, renewedAt))).toBe(false);
  });
});

describe("a host that renews", () => {
  it("lives, and is never expired, every sixth of a term or every last moment of one", () => {
    const often = watchFor(noWatch, 0, 600_000, (nowMs) => Math.floor(nowMs / 5_000));
    expect([lives(often), expired(often)]).toEqual([true, undefined]);
    for (let toMs = 0; toMs < 120_000; toMs += 1_000) {
      expect(expired(watchFor(noWatch, 0, toMs, (nowMs) => Math.floor(nowMs / 32_000)))).toBeUndefined();
    }
  });

  it("is not known to live before it was seen to", () => {
    expect(lives(watchFor(noWatch, 0, 4_000, () => 5))).toBe(false);
    expect(lives(watchFor(noWatch, 0, 4_000, (nowMs) => (nowMs < 4_000 ? 5 : 6)))).toBe(true);
    expect(lives(noWatch)).toBe(false);
  });

  it("lives when it is new and has renewed since the last look", () => {
    const before = look(noWatch, 0, new Map());
    expect(lives(look(before, 1_000, new Map([[one, 1]])))).toBe(true);
    expect(lives(look(before, 1_000, new Map([[one, 0]])))).toBe(false);
    expect(lives(look(noWatch, 1_000, new Map([[one, 1]])))).toBe(false);
  });
});

describe("a watch that was interrupted", () => {
  it("begins anew: nobody is expired for what happened in between", () => {
    const before = watchFor(noWatch, 0, 30_000, () => 5);
    const gap = 30_000 + longestGapMs + 1;
    const after = watchFor(before, gap, gap + 32_999, () => 5);
    expect(expired(after)).toBeUndefined();
    expect(
      lives(
        look(
          watchFor(noWatch, 0, 3_000, (ms) => ms),
          5_001,
          new Map([[one, 9_000]]),
        ),
      ),
    ).toBe(false);
    expect(expired(watchFor(before, gap, gap + 33_000, () => 5))).toBe(5);
  });

  it("for two seconds is none", () => {
    const before = watchFor(noWatch, 0, 30_000, () => 5);
    expect(expired(watchFor(before, 30_000 + longestGapMs, 33_000, () => 5))).toBe(5);
  });
});

it("hosts are watched each for itself, and forgotten when they go", () => {
  let watch = noWatch;
  for (let nowMs = 0; nowMs <= 33_000; nowMs += 1_000) {
    watch = look(watch, nowMs, new Map([[1, 5], [2, nowMs], ...(nowMs < 20_000 ? [] : ([[3, 1]] as const))]));
  }
  expect([1, 2, 3, 4].map((id) => findExpiredCounter(watch, id, termMs))).toEqual([5, undefined, undefined, undefined]);
  expect(look(watch, 34_000, new Map([[2, 0]])).hosts.size).toBe(1);
});
