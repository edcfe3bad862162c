import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { argumentsOf, resultOf } from "../../test/support/wire-values.ts";
import { type Codec, WireError } from "./codec.ts";
import { type Method, pollAnswer, pollRequest, wire } from "./wire.ts";

const methods = Object.keys(wire) as Method[];

/** What the other end reads. */
function cross<T>(codec: Codec<T>, value: T): T {
  const json = JSON.stringify(codec.encode(value));
  return codec.decode(json === undefined ? undefined : JSON.parse(json));
}

function check(values: fc.Arbitrary<unknown>, codec: Codec<unknown>): void {
  fc.assert(
    fc.property(values, (value) => {
      expect(cross(codec, value)).toStrictEqual(value);
    }),
  );
}

describe.each(methods)("%s", (method) => {
  const { args, result } = wire[method] as { args: Codec<unknown>; result: Codec<unknown> };

  test("crosses the wire whole, whatever it is given and gives", () => {
    check(argumentsOf[method], args);
    check(resultOf[method], result);
  });

  test("takes no nonsense, and falls over none", () => {
    const values = fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue()));
    fc.assert(
      fc.property(values, (json) => {
        try {
          const read = args.decode(json);
          expect(args.decode(JSON.parse(JSON.stringify(args.encode(read))))).toStrictEqual(read);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          expect(error.message).toMatch(/ is expected$/);
        }
      }),
    );
  });

  test("takes nothing of another type in any place of it", () => {
    const wrong = [undefined, -1, 2 ** 53, 0.5, "\0", "nonsense", {}, [], true];
    fc.assert(
      fc.property(argumentsOf[method], fc.constantFrom(...wrong), fc.nat(), (value, intruder, seed) => {
        const json: unknown = JSON.parse(JSON.stringify(args.encode(value)));
        const places = placesOf(json);
        const place = places[seed % places.length];
        if (place === undefined) return;
        const before = place.holder[place.key];
        place.holder[place.key] = intruder;
        try {
          // What is taken is of the type: it is a right value by chance, or a field that may be missing.
          expect(cross(args, args.decode(json))).toStrictEqual(args.decode(json));
          if (typeof before === typeof intruder || intruder === undefined) return;
          expect(before).toBeNull();
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
      }),
    );
  });
});

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

/** Every place of a value that holds something. */
function placesOf(json: unknown): Place[] {
  if (typeof json !== "object" || json === null) return [];
  const holder = json as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesOf(holder[key])]);
}

test("a refusal names the place and repeats nothing of what was there", () => {
  const gateway = fc.sample(argumentsOf.recordRound, 1)[0]?.[0];
  const outcome = {
    conns: [{ connId: 1, generation: 1, status: "up", failure: null }],
    netStatuses: [],
    diagnoses: [],
  };
  const refusal = (json: unknown) => {
    try {
      return wire.recordRound.args.decode(json);
    } catch (error) {
      return (error as Error).message;
    }
  };
  const { status: _, ...encoded } = JSON.parse(JSON.stringify(gateway));
  expect(refusal([{ ...encoded, status: "running" }, outcome])).toMatch(
    /^\[1\]\.conns\[0\]\.status: one of creating, .*running is expected$/,
  );
  expect(refusal([encoded, outcome])).toMatch(/^\[0\]\.status: one of /);
  expect(refusal("a secret")).toBe("the body: a list of 2 is expected");
});

test("fields of a later release are left alone", () => {
  const leases = { termMs: 30_000, gatewayIds: [1], leavingIds: [] };
  expect(wire.renew.result.decode({ ...leases, since: "later" })).toStrictEqual(leases);
  expect(
    wire.renew.result.decode(JSON.parse('{"termMs":null,"gatewayIds":[],"leavingIds":[],"__proto__":{}}')),
  ).toStrictEqual({
    termMs: Infinity,
    gatewayIds: [],
    leavingIds: [],
  });
});

test("polls cross the wire whole", () => {
  for (const nudged of ["all", [], [1, 2 ** 40]] as const) {
    const answer = { cursor: "a.1", nudged, hasNewLeases: nudged === "all" };
    expect(cross(pollAnswer, answer)).toStrictEqual(answer);
  }
  for (const cursor of [undefined, "a.1"]) expect(cross(pollRequest, { cursor })).toStrictEqual({ cursor });
});
