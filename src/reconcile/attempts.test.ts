import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { IkeSa } from "../dataplane/dataplane.ts";
import { Attempts, connectDeadlineMs, quickModeMs } from "./attempts.ts";

const startMs = 1_000_000;
let attempts: Attempts;

beforeEach(() => {
  attempts = new Attempts();
});

function sa(state: string, uniqueId = "1"): IkeSa {
  return { connection: "ike", uniqueId, state, children: [] };
}

/** When a child that was started at `atMs` may be tried again. */
function dueAfter(child: string, atMs: number, ikeSas: readonly IkeSa[] = []): number {
  const verdict = attempts.judge(child, ikeSas, atMs);
  if (verdict.kind !== "wait") throw new Error(`to ${verdict.kind}`);
  expect(attempts.judge(child, ikeSas, verdict.untilMs - 1).kind).toBe("wait");
  expect(attempts.judge(child, ikeSas, verdict.untilMs).kind).not.toBe("wait");
  return verdict.untilMs - atMs;
}

describe("a child that is not there", () => {
  test("is initiated at once the first time, whatever the IKE_SA does", () => {
    for (const ikeSas of [[], [sa("CONNECTING")], [sa("ESTABLISHED")], [sa("DELETING")]]) {
      expect(attempts.judge("child", ikeSas, startMs)).toEqual({ kind: "initiate" });
    }
  });

  test("that is to be made anew is tried at once, whatever was tried before; the others wait as they did", () => {
    for (const child of ["child", "other"]) attempts.start(child, startMs);
    attempts.forget("child");
    attempts.forget("unknown");
    expect(attempts.judge("child", [], startMs)).toEqual({ kind: "initiate" });
    expect(attempts.judge("other", [], startMs).kind).toBe("wait");
  });

  test("is tried again after 1, 2, 4 … and at most 60 seconds", () => {
    const delays: number[] = [];
    let nowMs = startMs;
    for (let count = 0; count < 14; count += 1) {
      attempts.start("child", nowMs);
      delays.push(dueAfter("child", nowMs) / 1_000);
      nowMs += (delays.at(-1) ?? 0) * 1_000;
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60, 60]);
  });

  test("is given the time of a quick mode when its IKE_SA is up, and longer after many failures", () => {
    const established = [sa("ESTABLISHED")];
    attempts.start("child", startMs);
    expect(dueAfter("child", startMs, established)).toBe(quickModeMs);
    for (let count = 0; count < 4; count += 1) attempts.start("child", startMs);
    expect(dueAfter("child", startMs, established)).toBe(16_000);
  });

  test("does not wait for an IKE_SA that is going", () => {
    attempts.start("child", startMs);
    expect(dueAfter("child", startMs, [sa("DELETING")])).toBe(1_000);
  });
});

describe("an IKE_SA that is connecting", () => {
  test("is waited for, and given up at the deadline", () => {
    const connecting = [sa("CONNECTING")];
    attempts.start("child", startMs);
    attempts.see(connecting, startMs);
    expect(dueAfter("child", startMs, connecting)).toBe(connectDeadlineMs);
    const late = startMs + connectDeadlineMs;
    expect(attempts.judge("child", connecting, late)).toEqual({ kind: "give-up" });
    expect(attempts.isOverdue(sa("CONNECTING"), late)).toBe(true);
    expect(attempts.isOverdue(sa("CONNECTING"), late - 1)).toBe(false);
    expect(attempts.isOverdue(sa("ESTABLISHED"), late)).toBe(false);
  });

  test("is not given up because of an attempt of ours that is long past: the peer has begun it", () => {
    attempts.start("child", startMs);
    const laterMs = startMs + 10 * connectDeadlineMs;
    const ofPeer = [sa("CONNECTING", "2")];
    attempts.see(ofPeer, laterMs);
    expect(attempts.judge("child", ofPeer, laterMs)).toEqual({ kind: "wait", untilMs: laterMs + connectDeadlineMs });
  });

  test("is not given up when it has not been seen before", () => {
    attempts.start("child", startMs);
    const laterMs = startMs + 10 * connectDeadlineMs;
    expect(attempts.judge("child", [sa("CONNECTING")], laterMs).kind).toBe("wait");
  });

  test("counts from when it was seen first; one that has come to an end in between is another", () => {
    const connecting = [sa("CONNECTING")];
    attempts.start("child", startMs);
    attempts.see(connecting, startMs);
    attempts.see(connecting, startMs + 20_000);
    expect(attempts.isOverdue(sa("CONNECTING"), startMs + connectDeadlineMs)).toBe(true);
    attempts.see([], startMs + 21_000);
    attempts.see(connecting, startMs + 22_000);
    expect(attempts.isOverdue(sa("CONNECTING"), startMs + connectDeadlineMs)).toBe(false);
  });
});

describe("what came of an attempt", () => {
  test("is forgotten when the child has lasted", () => {
    attempts.start("child", startMs);
    attempts.succeed("child", startMs + 10_000);
    expect(attempts.judge("child", [], startMs + 10_001)).toEqual({ kind: "initiate" });
    expect(attempts.lastStartMs("child")).toBeUndefined();
  });

  test("counts still when the child falls soon after", () => {
    for (let count = 0; count < 3; count += 1) attempts.start("child", startMs);
    attempts.succeed("child", startMs + 3_000);
    expect(attempts.lastStartMs("child")).toBe(startMs);
    expect(dueAfter("child", startMs)).toBe(4_000);
    attempts.succeed("unknown", startMs);
  });

  test("is forgotten when charon was started anew, and when nobody wants the child any more", () => {
    for (const child of ["a", "b"]) attempts.start(child, startMs);
    attempts.forget("b");
    expect(attempts.judge("a", [], startMs).kind).toBe("wait");
    expect(attempts.judge("b", [], startMs).kind).toBe("initiate");
    attempts.see([sa("CONNECTING")], startMs);
    attempts.clear();
    expect(attempts.judge("a", [], startMs).kind).toBe("initiate");
    // Unique ids begin anew with charon.
    expect(attempts.isOverdue(sa("CONNECTING"), startMs + connectDeadlineMs)).toBe(false);
  });
});

describe("room", () => {
  test("is not taken by what has come up", () => {
    for (let child = 0; child < 32; child += 1) attempts.start(`child-${child}`, startMs);
    expect(attempts.room(startMs)).toBe(0);
    for (let child = 0; child < 6; child += 1) attempts.succeed(`child-${child}`, startMs + 5);
    expect(attempts.room(startMs + 5)).toBe(6);
    attempts.start("child-0", startMs + 10);
    expect(attempts.room(startMs + 10)).toBe(5);
  });

  test("is for 32 at a time; an attempt a second old holds up nobody", () => {
    expect(attempts.room(startMs)).toBe(32);
    for (let index = 0; index < 20; index += 1) attempts.start(`a${index}`, startMs);
    expect(attempts.room(startMs)).toBe(12);
    for (let index = 0; index < 20; index += 1) attempts.start(`b${index}`, startMs + 500);
    expect(attempts.room(startMs + 999)).toBe(0);
    expect(attempts.room(startMs + 1_000)).toBe(12);
    expect(attempts.room(startMs + 1_500)).toBe(32);
  });

  test("is never less than none, nor more than 32", () => {
    const start = fc.record({ child: fc.string({ maxLength: 1 }), atMs: fc.integer({ min: 0, max: 3_000 }) });
    fc.assert(
      fc.property(fc.array(start, { maxLength: 100 }), fc.integer({ min: 0, max: 5_000 }), (starts, nowMs) => {
        const all = new Attempts();
        for (const { child, atMs } of starts.toSorted((a, b) => a.atMs - b.atMs)) all.start(child, atMs);
        const room = all.room(nowMs);
        return room >= 0 && room <= 32;
      }),
    );
  });
});
