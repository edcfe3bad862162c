// The model of decision 104, visited whole; and its mutants, in each of which two hosts come to answer.
import { describe, expect, it } from "vitest";
import { type Explored, explore } from "./explore.ts";
import { asDecided, firstState, isSafe, isServed, numberOf, type Protocol, transitions } from "./lease-model.ts";

const oneStep = { ...asDecided, term: 1, patience: 1, nodes: 1 } satisfies Protocol;
const twoSteps = { ...oneStep, term: 2, patience: 2 } satisfies Protocol;

function check(protocol: Protocol): Explored {
  const machine = {
    first: firstState(protocol),
    next: (state: Parameters<typeof isSafe>[0]) => transitions(protocol, state),
    numberOf: (state: Parameters<typeof isSafe>[0]) => numberOf(protocol, state),
    isSafe,
    isGoal: isServed,
  };
  return explore(machine, 5_000_000);
}

const small: [string, Protocol][] = [["one node, a term of one step", oneStep]];
/** A minute or two each. */
const large: [string, Protocol][] = [
  ["one node, a term of two steps", twoSteps],
  ["two nodes, a term of one step, nobody drained", { ...oneStep, nodes: 2, drains: false }],
];
const isSoak = process.env.SOAK === "1";

describe("the protocol of leases, in every state that can be reached", () => {
  it.each(isSoak ? [...small, ...large] : small)(
    "has one host answer at most, and always a way to be served: %s",
    (_, protocol) => {
      const { violation, stuckCount, stateCount, transitionCount } = check(protocol);
      if (isSoak) process.stderr.write(`${stateCount} states, ${transitionCount} transitions\n`);

      expect(violation).toBeUndefined();
      expect(stuckCount).toBe(0);
      expect(stateCount).toBeGreaterThan(100_000);
    },
    300_000,
  );

  it.each([
    ["a lease is counted from the answer", { countsFromSending: false }],
    ["a host is expired without a look at its counter", { comparesCounter: false }],
    ["a counter is watched from the question on", { countsFromReading: false }],
    ["a release is taken whatever grant it is of", { comparesFence: false }],
    ["a gateway is released before it is stopped", { stopsFirst: false }],
    ["an order to leave is taken back", { leavesForGood: false }],
    ["the nodes wait less than the longest lease", { patience: 1 }],
  ] satisfies [string, Partial<Protocol>][])(
    "has two hosts answer when %s",
    (_, change) => {
      const { violation } = check({ ...twoSteps, ...change });

      expect(violation?.length).toBeGreaterThan(0);
    },
    60_000,
  );
});
