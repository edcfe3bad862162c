import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Finding, Readiness } from "./readiness.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const good: Finding = { isGood: true, sentence: "It is well." };
const bad: Finding = { isGood: false, sentence: "It is not." };

describe("readiness", () => {
  it("is what all checks find, each by its name", async () => {
    expect(await new Readiness({ a: async () => good }).ask()).toEqual({
      isGood: true,
      checks: { serving: { isGood: true, sentence: "The server takes requests." }, a: good },
    });
    const mixed = await new Readiness({ a: async () => good, b: async () => bad }).ask();
    expect(mixed).toMatchObject({ isGood: false, checks: { a: good, b: bad } });
  });

  it("tells nothing of an error", async () => {
    const check = () => Promise.reject(new Error("password is 'swordfish'"));
    const report = await new Readiness({ a: check }).ask();
    expect(report).toMatchObject({ isGood: false, checks: { a: { isGood: false } } });
    expect(JSON.stringify(report)).not.toContain("swordfish");
  });

  it("waits for a check so long and no longer, begins it once, and is good again when it is", async () => {
    const { promise, resolve } = Promise.withResolvers<Finding>();
    const check = vi.fn(() => promise);
    const readiness = new Readiness({ a: check }, { limitMs: 500, keepMs: 100 });
    for (let times = 0; times < 3; times += 1) {
      const asked = readiness.ask();
      await vi.advanceTimersByTimeAsync(500);
      expect((await asked).checks.a).toEqual({ isGood: false, sentence: "There was no answer within 0.5 s." });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(check).toHaveBeenCalledTimes(1);
    resolve(good);
    await promise;
    expect((await readiness.ask()).isGood).toBe(true);
  });

  it("keeps what was found for a moment, however many ask", async () => {
    const check = vi.fn(async () => good);
    const readiness = new Readiness({ a: check }, { keepMs: 1_000 });
    await Promise.all(Array.from({ length: 100 }, () => readiness.ask()));
    expect(check).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await readiness.ask();
    expect(check).toHaveBeenCalledTimes(2);
  });

  it("is over at once when the server stops", async () => {
    const readiness = new Readiness({ a: async () => good });
    expect((await readiness.ask()).isGood).toBe(true);
    readiness.stop();
    expect(await readiness.ask()).toMatchObject({
      isGood: false,
      checks: { serving: { isGood: false, sentence: "The server is stopping." }, a: good },
    });
  });
});
