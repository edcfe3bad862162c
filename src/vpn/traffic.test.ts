import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ratesOf, slotMs, slotOf, spread, type Traffic, type TrafficSlot } from "./traffic.ts";

/** The beginning of a slot. */
const base = Date.UTC(2026, 0, 1);
const minutes = (count: number) => base + count * 60_000;

function sumOf(all: readonly Traffic[]): Traffic {
  return {
    bytesIn: all.reduce((sum, { bytesIn }) => sum + bytesIn, 0),
    bytesOut: all.reduce((sum, { bytesOut }) => sum + bytesOut, 0),
  };
}

describe("what flowed in a span", () => {
  test("goes to the slot that the span lies in", () => {
    const flow = { bytesIn: 100, bytesOut: 7 };
    expect(spread(flow, { fromMs: minutes(1), toMs: minutes(2) })).toEqual([{ startsAtMs: base, ...flow }]);
    expect(spread(flow, { fromMs: minutes(0), toMs: minutes(5) })).toEqual([{ startsAtMs: base, ...flow }]);
  });

  test("is divided among slots by their shares of it", () => {
    expect(spread({ bytesIn: 1_000, bytesOut: 20 }, { fromMs: minutes(4), toMs: minutes(14) })).toEqual([
      { startsAtMs: base, bytesIn: 100, bytesOut: 2 },
      { startsAtMs: minutes(5), bytesIn: 500, bytesOut: 10 },
      { startsAtMs: minutes(10), bytesIn: 400, bytesOut: 8 },
    ]);
  });

  test("counts as of its end when it has no length, or a clock was put back", () => {
    const flow = { bytesIn: 1, bytesOut: 0 };
    for (const fromMs of [minutes(7), minutes(70)]) {
      expect(spread(flow, { fromMs, toMs: minutes(7) })).toEqual([{ startsAtMs: minutes(5), ...flow }]);
    }
  });

  test("leaves no slot without traffic", () => {
    expect(spread({ bytesIn: 0, bytesOut: 0 }, { fromMs: minutes(0), toMs: minutes(60) })).toEqual([]);
    expect(spread({ bytesIn: 1, bytesOut: 0 }, { fromMs: minutes(0), toMs: minutes(60) })).toHaveLength(1);
  });

  test("is divided without losing or adding a byte, within the span, a slot at most once", () => {
    const bytes = fc.integer({ min: 0, max: 10 ** 14 });
    const atMs = fc.integer({ min: base, max: base + 20 * slotMs });
    fc.assert(
      fc.property(bytes, bytes, atMs, atMs, (bytesIn, bytesOut, one, other) => {
        const [fromMs, toMs] = [Math.min(one, other), Math.max(one, other)];
        const slots = spread({ bytesIn, bytesOut }, { fromMs, toMs });
        expect(sumOf(slots)).toEqual({ bytesIn, bytesOut });
        const starts = slots.map(({ startsAtMs }) => startsAtMs);
        expect(new Set(starts).size).toBe(starts.length);
        for (const startsAtMs of starts) {
          expect(startsAtMs).toBe(slotOf(startsAtMs));
          expect(startsAtMs + slotMs).toBeGreaterThan(fromMs);
          expect(startsAtMs).toBeLessThanOrEqual(toMs);
        }
        for (const slot of slots) expect(Math.min(slot.bytesIn, slot.bytesOut)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("rates", () => {
  const late = base + 1_000 * slotMs;
  const slot = (index: number, bytesOut: number): TrafficSlot => ({
    startsAtMs: base + index * slotMs,
    bytesIn: 0,
    bytesOut,
  });

  test("are bits per second, one for every five minutes, 0 where nothing is known", () => {
    const slots = [slot(0, 37_500), slot(2, 75_000)];
    const span = { fromMs: minutes(0), toMs: minutes(20) };
    expect(ratesOf(slots, "bytesOut", span, late)).toEqual([1_000, 0, 2_000, 0]);
    expect(ratesOf(slots, "bytesIn", span, late)).toEqual([0, 0, 0, 0]);
  });

  test("begin where the span begins: slots give their shares", () => {
    const slots = [slot(0, 37_500), slot(1, 75_000)];
    expect(ratesOf(slots, "bytesOut", { fromMs: minutes(2), toMs: minutes(12) }, late)).toEqual([1_400, 1_200]);
  });

  test("are whole numbers", () => {
    expect(ratesOf([slot(0, 84)], "bytesOut", { fromMs: minutes(0), toMs: minutes(5) }, late)).toEqual([2]);
  });

  test("of a last piece that is shorter are those of that piece", () => {
    const span = { fromMs: minutes(0), toMs: minutes(7) };
    expect(ratesOf([slot(0, 37_500), slot(1, 37_500)], "bytesOut", span, late)).toEqual([1_000, 1_000]);
  });

  test("end with the present, and what has come of a slot came until now", () => {
    const slots = [slot(0, 37_500), slot(1, 15_000)];
    const span = { fromMs: minutes(0), toMs: minutes(60) };
    expect(ratesOf(slots, "bytesOut", span, minutes(7))).toEqual([1_000, 1_000]);
    expect(ratesOf(slots, "bytesOut", span, minutes(5))).toEqual([1_000]);
    expect(ratesOf(slots, "bytesOut", { fromMs: minutes(2), toMs: minutes(7) }, minutes(7))).toEqual([1_000]);
  });

  test("of no time, or of the future, are none", () => {
    expect(ratesOf([slot(0, 1)], "bytesOut", { fromMs: base, toMs: base }, late)).toEqual([]);
    expect(ratesOf([slot(0, 1)], "bytesOut", { fromMs: late, toMs: late + slotMs }, late)).toEqual([]);
  });

  test("hold all that flowed in the span, wherever it begins", () => {
    const amounts = fc.array(fc.integer({ min: 0, max: 10 ** 9 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(amounts, fc.integer({ min: 0, max: slotMs - 1 }), (bytes, earlierMs) => {
        const slots = bytes.map((each, index) => slot(index, each));
        const span = { fromMs: base - earlierMs, toMs: base + (bytes.length + 1) * slotMs - earlierMs };
        const rates = ratesOf(slots, "bytesOut", span, late);
        const total = rates.reduce((sum, rate) => sum + (rate * slotMs) / 8_000, 0);
        const wanted = bytes.reduce((sum, each) => sum + each, 0);
        // A rate is rounded to a bit per second: 19 bytes in five minutes.
        expect(Math.abs(total - wanted)).toBeLessThanOrEqual(19 * rates.length);
      }),
    );
  });
});
