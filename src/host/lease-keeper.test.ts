import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ControlError, type Leases } from "../control/control.ts";
import { LeaseKeeper } from "./lease-keeper.ts";

const termMs = 30_000;
const askedEveryMs = termMs / 6;

/** What a renewal comes to: what it names, or why it fails, after so long. */
interface Answer {
  readonly afterMs: number;
  readonly gatewayIds?: readonly number[];
  readonly leavingIds?: readonly number[];
  readonly error?: Error;
  readonly termMs?: number;
}

interface Request {
  readonly atMs: number;
  readonly answer: Answer;
}

type LogLine = readonly [level: "info" | "warn" | "error", message: string, fields: object];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A keeper, and all that it says. */
class Desk {
  readonly requests: Request[] = [];
  /** In order: until when each gateway may send, as it was said, and what was held. */
  readonly told: (
    | readonly ["permit", readonly number[], number]
    | readonly ["hold", readonly number[], readonly number[]]
  )[] = [];
  readonly until = new Map<number, number>();
  readonly log: LogLine[] = [];
  /** How long the machine takes to open and close guards. */
  permitMs = 0;
  atOnce = 0;
  mostAtOnce = 0;
  /** What the last renewal said. */
  isStopping: boolean | undefined;
  onPermit: (id: number, untilMs: number) => void = () => {};
  readonly keeper: LeaseKeeper;
  readonly #answers: Iterator<Answer>;

  /** @param answers in order; the last one is given for ever */
  constructor(answers: readonly Answer[], random = 0) {
    this.#answers = answers[Symbol.iterator]();
    const write = (level: LogLine[0]) => (fields: object, message: string) => this.log.push([level, message, fields]);
    this.keeper = new LeaseKeeper({
      control: {
        renew: (isStopping) => {
          this.isStopping = isStopping;
          return this.#renew();
        },
      },
      permit: (ids, forMs) => this.#permit(ids, forMs),
      hold: ({ gatewayIds, leavingIds }) => this.told.push(["hold", gatewayIds, leavingIds]),
      log: { info: write("info"), warn: write("warn"), error: write("error") },
      clock: Date.now,
      random: () => random,
    });
  }

  /** What was told since the last time. */
  news() {
    return this.told.splice(0);
  }

  levels(): string[] {
    return this.log.map(([level]) => level);
  }

  async #renew(): Promise<Leases> {
    const answer = this.#answers.next().value ?? this.requests.at(-1)?.answer;
    if (answer === undefined) throw new Error("no answer");
    this.requests.push({ atMs: Date.now(), answer });
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    if (answer.afterMs > 0) await new Promise((resolve) => setTimeout(resolve, answer.afterMs));
    this.atOnce -= 1;
    if (answer.error !== undefined) throw answer.error;
    const { gatewayIds = [], leavingIds = [] } = answer;
    return { termMs: answer.termMs ?? termMs, gatewayIds, leavingIds };
  }

  async #permit(ids: readonly number[], forMs: number): Promise<void> {
    this.told.push(["permit", ids, forMs]);
    for (const id of ids) {
      this.until.set(id, Date.now() + forMs);
      this.onPermit(id, Date.now() + forMs);
    }
    if (this.permitMs > 0) await new Promise((resolve) => setTimeout(resolve, this.permitMs));
  }
}

const unavailable = new ControlError("unavailable", "nobody answers at https://api.example:8080");
const refused = new ControlError("refused", "the token of host a runs in another data directory");
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("a keeper of leases", () => {
  it("permits first and then holds, from the moment before the request", async () => {
    const desk = new Desk([{ afterMs: 400, gatewayIds: [1, 2], leavingIds: [3] }]);
    const started = desk.keeper.start();
    await pass(400);
    await started;
    expect(desk.news()).toEqual([
      ["permit", [1, 2, 3], termMs - 400],
      ["hold", [1, 2], [3]],
    ]);
    await desk.keeper.stop();
  });

  it.each([0, 1])("asks every sixth of the term at the latest, with a jitter of a fifth (%i)", async (random) => {
    const desk = new Desk([{ afterMs: 100, gatewayIds: [1] }], random);
    const started = desk.keeper.start();
    await pass(10 * askedEveryMs);
    await started;
    const atMs = desk.requests.map((request) => request.atMs);
    const pauses = atMs.slice(1).map((at, index) => at - (atMs[index] ?? 0));
    expect(new Set(pauses)).toEqual(new Set([askedEveryMs * (1 - random / 5)]));
    await desk.keeper.stop();
  });

  it("says that the host is about to stop at once, behind what is under way, and asks every second then", async () => {
    const desk = new Desk([{ afterMs: 100, gatewayIds: [1] }]);
    const started = desk.keeper.start();
    await pass(50);
    desk.keeper.announceStop();
    expect(desk.isStopping).toBe(false);
    await pass(3_100);
    await started;
    expect(desk.isStopping).toBe(true);
    const [first = 0, ...later] = desk.requests.map(({ atMs }) => atMs);
    expect(later.map((atMs) => atMs - first)).toEqual([100, 1_100, 2_100, 3_100]);
    expect(desk.mostAtOnce).toBe(1);
    await desk.keeper.stop();
  });

  it("knows whether it is renewed: not before the first answer, and not once one has failed", async () => {
    const desk = new Desk([{ afterMs: 100, gatewayIds: [1] }, { afterMs: 0, error: unavailable }, { afterMs: 0 }]);
    const started = desk.keeper.start();
    const seen = [desk.keeper.isRenewed];
    for (const ms of [100, askedEveryMs, 1_000]) {
      await pass(ms);
      seen.push(desk.keeper.isRenewed);
    }
    await started;
    expect(seen).toEqual([false, true, false, true]);
    await desk.keeper.stop();
  });

  it("closes at once what is not named any more, and then lets it go", async () => {
    const desk = new Desk([
      { afterMs: 0, gatewayIds: [1, 2], leavingIds: [3] },
      { afterMs: 0, gatewayIds: [2, 4] },
    ]);
    await desk.keeper.start();
    desk.news();
    await pass(askedEveryMs);
    expect(desk.news()).toEqual([
      ["permit", [1, 3], 0],
      ["permit", [2, 4], termMs],
      ["hold", [2, 4], []],
    ]);
    await desk.keeper.stop();
  });

  it("says so when it holds nothing, since gateways that nobody named are to be silent", async () => {
    const desk = new Desk([{ afterMs: 0 }]);
    await desk.keeper.start();
    expect(desk.news()).toEqual([
      ["permit", [], termMs],
      ["hold", [], []],
    ]);
    await desk.keeper.stop();
  });

  it("asks once where the term has no end, and again when it is told to, and closes nothing", async () => {
    const eternal = { afterMs: 0, termMs: Number.POSITIVE_INFINITY };
    const desk = new Desk([
      { ...eternal, gatewayIds: [1, 2] },
      { ...eternal, gatewayIds: [2] },
    ]);
    await desk.keeper.start();
    await pass(10 * termMs);
    expect(desk.news()).toEqual([
      ["permit", [1, 2], Number.POSITIVE_INFINITY],
      ["hold", [1, 2], []],
    ]);
    expect(vi.getTimerCount()).toBe(0);
    desk.keeper.renewNow();
    await pass(0);
    expect(desk.news()).toEqual([
      ["permit", [2], Number.POSITIVE_INFINITY],
      ["hold", [2], []],
    ]);
    await desk.keeper.stop();
  });

  it("asks once more when it is told to while it asks, however often", async () => {
    const desk = new Desk([{ afterMs: 1_000, gatewayIds: [1] }]);
    const started = desk.keeper.start();
    await pass(500);
    for (let i = 0; i < 5; i += 1) desk.keeper.renewNow();
    await pass(600);
    await started;
    await pass(1_000);
    expect(desk.requests).toHaveLength(2);
    expect(desk.mostAtOnce).toBe(1);
    await desk.keeper.stop();
  });
});

describe("while nobody renews", () => {
  it("asks every second, says so once, and goes on when somebody does", async () => {
    const away = { afterMs: 0, error: unavailable };
    const desk = new Desk([{ afterMs: 0, gatewayIds: [1] }, ...Array(10).fill(away), { afterMs: 0, gatewayIds: [1] }]);
    await desk.keeper.start();
    desk.news();
    await pass(askedEveryMs + 9_999);
    expect(desk.requests).toHaveLength(11);
    expect(desk.log).toEqual([["warn", expect.any(String), { reason: unavailable.message }]]);
    expect(desk.news()).toEqual([]);
    await pass(1);
    expect(desk.levels()).toEqual(["warn", "info"]);
    expect(desk.news()).toEqual([
      ["permit", [1], termMs],
      ["hold", [1], []],
    ]);
    await desk.keeper.stop();
  });

  it("says once that the term is over, lets the loops forget, and touches no guard", async () => {
    const desk = new Desk([
      { afterMs: 0, gatewayIds: [1, 2] },
      { afterMs: 0, error: unavailable },
    ]);
    await desk.keeper.start();
    desk.news();
    await pass(termMs - 1);
    expect(desk.news()).toEqual([]);
    await pass(3 * termMs);
    expect(desk.news()).toEqual([["hold", [], []]]);
    expect(desk.log.filter(([level]) => level === "error")).toEqual([
      ["error", expect.stringContaining("silent"), { gatewayIds: [1, 2] }],
    ]);
    expect(desk.levels()).toEqual(["warn", "error"]);
    await desk.keeper.stop();
  });

  it("takes the gateways up again with the first renewal that names them", async () => {
    const away = Array(40).fill({ afterMs: 0, error: unavailable });
    const desk = new Desk([{ afterMs: 0, gatewayIds: [1, 2] }, ...away, { afterMs: 0, gatewayIds: [2, 3] }]);
    await desk.keeper.start();
    await pass(askedEveryMs + 39_999);
    desk.news();
    await pass(1);
    expect(desk.news()).toEqual([
      ["permit", [2, 3], termMs],
      ["hold", [2, 3], []],
    ]);
    await desk.keeper.stop();
  });

  it("does not wait for an answer for longer than the term, and does nothing with what comes then", async () => {
    const desk = new Desk([
      { afterMs: 0, gatewayIds: [1] },
      { afterMs: 2 * termMs, gatewayIds: [1, 2] },
      { afterMs: 0, gatewayIds: [3] },
    ]);
    await desk.keeper.start();
    desk.news();
    await pass(askedEveryMs + termMs);
    expect(desk.requests).toHaveLength(2);
    expect(desk.news()).toEqual([["hold", [], []]]);
    await pass(1_000);
    expect(desk.news()).toEqual([
      ["permit", [3], termMs],
      ["hold", [3], []],
    ]);
    await pass(termMs);
    const named = desk.news().flatMap(([, ids]) => ids);
    expect(new Set(named)).toEqual(new Set([3]));
    await desk.keeper.stop();
  });

  it("holds nothing that came within the term and was carried out after it", async () => {
    const desk = new Desk([
      { afterMs: termMs - 10, gatewayIds: [1] },
      { afterMs: 0, error: unavailable },
    ]);
    desk.permitMs = 20;
    void desk.keeper.start();
    await pass(2 * termMs);
    expect(desk.news()).toEqual([
      ["permit", [1], 10],
      ["hold", [], []],
    ]);
    await desk.keeper.stop();
  });

  it("asks seldom when it is refused, and says why", async () => {
    const desk = new Desk([{ afterMs: 0, error: refused }]);
    await desk.keeper.start();
    await pass(59_999);
    expect(desk.requests).toHaveLength(6);
    expect(desk.log).toEqual([["error", expect.stringContaining("refused"), { reason: refused.message }]]);
    expect(desk.news()).toEqual([]);
    await desk.keeper.stop();
  });

  it("goes on after a failure that nobody foresaw", async () => {
    const bug = new TypeError("x is undefined");
    const desk = new Desk([
      { afterMs: 0, error: bug },
      { afterMs: 0, gatewayIds: [1] },
    ]);
    await desk.keeper.start();
    expect(desk.log).toEqual([["error", expect.any(String), { err: bug }]]);
    await pass(1_000);
    expect(desk.news()).toHaveLength(2);
    await desk.keeper.stop();
  });
});

describe("a keeper that is stopped", () => {
  it("ends at once, though an answer is still to come, and does nothing with it", async () => {
    const desk = new Desk([{ afterMs: 10_000, gatewayIds: [1] }]);
    const started = desk.keeper.start();
    await pass(1_000);
    await desk.keeper.stop();
    await started;
    await pass(10_000);
    desk.keeper.renewNow();
    await pass(2 * termMs);
    expect(desk.requests).toHaveLength(1);
    expect(desk.news()).toEqual([]);
    expect(desk.log).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("whatever answers come, and when", () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
  const delay = fc.oneof(
    fc.integer({ min: 0, max: 2_000 }),
    fc.integer({ min: 2_000, max: 2 * termMs }),
    fc.integer({ min: termMs - 2, max: termMs + 2 }),
  );
  const answers: fc.Arbitrary<Answer> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ afterMs: delay, gatewayIds: ids, leavingIds: ids }) },
    { weight: 1, arbitrary: fc.record({ afterMs: delay, error: fc.constantFrom(unavailable, refused) }) },
  );

  it("no gateway may send for longer than a term after the last renewal that named it was begun", async () => {
    const run = async (script: readonly Answer[], permitMs: number, random: number, nudges: readonly number[]) => {
      const desk = new Desk([...script, { afterMs: 0, error: unavailable }], random);
      desk.permitMs = permitMs;
      /** Of what has been answered by now: the last moment each may send at. */
      const allowedUntil = (id: number) =>
        Math.max(
          Number.NEGATIVE_INFINITY,
          ...desk.requests
            .filter(({ atMs, answer }) => answer.error === undefined && atMs + answer.afterMs <= Date.now())
            .filter(({ answer }) => answer.gatewayIds?.includes(id) || answer.leavingIds?.includes(id))
            .map(({ atMs }) => atMs + termMs),
        );
      desk.onPermit = (id, untilMs) => {
        const isClosed = untilMs <= Date.now();
        if (!isClosed) expect(untilMs).toBeLessThanOrEqual(allowedUntil(id));
      };
      void desk.keeper.start();
      for (const ms of nudges) {
        await pass(ms);
        desk.keeper.renewNow();
      }
      await pass(script.length * 3 * termMs);
      expect(vi.getTimerCount()).toBeGreaterThan(0);
      await desk.keeper.stop();
      // The last of all: nothing is permitted, and nothing is held.
      for (const untilMs of desk.until.values()) expect(untilMs).toBeLessThanOrEqual(Date.now());
      const [kind, ...last] = desk.told.at(-1) ?? ["hold", [], []];
      expect([kind, last]).toEqual(["hold", [[], []]]);
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(answers, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0, 0, 5, 3_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 5 }),
        run,
      ),
      { numRuns: 60 },
    );
  });

  it("what is named by quick renewals may always send, and never are there two at once", async () => {
    const quick = fc.record({ afterMs: fc.integer({ min: 0, max: 4_000 }), gatewayIds: ids });
    const run = async (script: readonly Answer[], random: number) => {
      const always = script.map((answer) => ({ ...answer, gatewayIds: [9, ...(answer.gatewayIds ?? [])] }));
      const desk = new Desk(always, random);
      const started = desk.keeper.start();
      await pass(always[0]?.afterMs ?? 0);
      await started;
      for (let passed = 0; passed < script.length * askedEveryMs; passed += 500) {
        expect(desk.until.get(9)).toBeGreaterThan(Date.now() + termMs / 2);
        await pass(500);
      }
      expect(desk.mostAtOnce).toBe(1);
      expect(desk.log).toEqual([]);
      await desk.keeper.stop();
    };
    const script = fc.array(quick, { minLength: 2, maxLength: 20 });
    await fc.assert(fc.asyncProperty(script, fc.double({ min: 0, max: 1, noNaN: true }), run), { numRuns: 50 });
  });
});
