import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catchRefusal, isRefused } from "../../test/support/caught.ts";
import { contains, formatNetwork, type Network, networkAt, overlap, storedNetwork } from "./network.ts";
import {
  completeSpds,
  distinctNetworks,
  type ReadSpd,
  readSpds,
  type SpdLimits,
  type SpdRequest,
  spdPairs,
  storeSpds,
} from "./spd.ts";

const vpc = storedNetwork("10.0.0.0/16");
const limits = { spdsPerConn: 10, peersPerSpd: 50 };
const unlimited = { spdsPerConn: 0, peersPerSpd: 0 };

/** `10.0.0.0/24 > 192.168.0.0/24 192.168.1.0/24`; without a local network `> 192.168.0.0/24`. */
function rule(text: string): SpdRequest {
  const [local = "", peers = ""] = text.split(">").map((part) => part.trim());
  return { local: local === "" ? undefined : local, peers: peers === "" ? [] : peers.split(" ") };
}

function complete(rules: readonly string[], { within = limits }: { within?: SpdLimits } = {}) {
  return storeSpds(completeSpds(readSpds(rules.map(rule)), vpc, within));
}

function refuse(rules: readonly string[], within: SpdLimits = limits): string {
  const refusal = catchRefusal(() => complete(rules, { within }));
  expect(refusal).toMatchObject({ kind: "parameter-invalid", field: "spds" });
  return refusal.message;
}

describe("the examples of the vendor", () => {
  test("three local networks, two of them with the same peer", () => {
    const rules = [
      "10.0.0.0/24 > 192.168.0.0/24 192.168.1.0/24",
      "10.0.1.0/24 > 192.168.2.0/24",
      "10.0.2.0/24 > 192.168.2.0/24",
    ];
    expect(complete(rules)).toEqual([
      { local: "10.0.0.0/24", peers: ["192.168.0.0/24", "192.168.1.0/24"] },
      { local: "10.0.1.0/24", peers: ["192.168.2.0/24"] },
      { local: "10.0.2.0/24", peers: ["192.168.2.0/24"] },
    ]);
  });

  test("host bits, and a peer network in public space", () => {
    expect(complete(["10.0.0.5/24 > 172.123.10.5/16"])).toEqual([{ local: "10.0.0.0/24", peers: ["172.123.0.0/16"] }]);
  });

  test("peer networks alone: the local side is the whole VPC", () => {
    expect(complete(["> 10.56.20.1/24"], { within: limits })).toEqual([
      { local: "10.0.0.0/16", peers: ["10.56.20.0/24"] },
    ]);
  });
});

describe("texts", () => {
  test("are read with blanks around them", () => {
    const read = readSpds([{ local: " 10.0.0.0/24 ", peers: ["\t192.168.0.0/24\n"] }]);
    expect(read).toEqual([{ local: storedNetwork("10.0.0.0/24"), peers: [storedNetwork("192.168.0.0/24")] }]);
  });

  test("no rules at all are refused, and a rule without a peer network", () => {
    expect(refuse([])).toContain("at least one peer network");
    expect(refuse(["10.0.0.0/24 > "])).toContain("10.0.0.0/24 has no peer network");
    expect(refuse([" > "])).toContain("of the VPC has no peer network");
  });

  test.each(["10.0.0.0", "10.0.0.0/33", "10.0.0/24", "fd00::/8", "all", "10.0.0.0/24,10.0.1.0/24"])(
    "%j is not a network, on either side",
    (text) => {
      const quoted = JSON.stringify(text);
      for (const spd of [
        { local: text, peers: ["192.168.0.0/24"] },
        { local: "10.0.0.0/24", peers: ["192.168.0.0/24", text] },
      ]) {
        expect(catchRefusal(() => readSpds([spd])).message).toContain(`${quoted} is not a network`);
      }
    },
  );

  test("what is shown of a text that is not a network is short", () => {
    const long = "x".repeat(10_000);
    expect(catchRefusal(() => readSpds([{ local: long, peers: ["192.168.0.0/24"] }])).message.length).toBeLessThan(120);
  });
});

describe("refused", () => {
  test.each([
    ["a local network outside the VPC", ["10.1.0.0/24 > 192.168.0.0/24"], ["10.1.0.0/24", "10.0.0.0/16"]],
    ["a local network larger than the VPC", ["10.0.0.0/15 > 192.168.0.0/24"], ["10.0.0.0/15", "10.0.0.0/16"]],
    ["a peer network inside the VPC", ["10.0.0.0/24 > 10.0.5.0/24"], ["10.0.5.0/24", "10.0.0.0/16"]],
    ["a peer network around the VPC", ["10.0.0.0/24 > 10.0.0.0/8"], ["10.0.0.0/8", "10.0.0.0/16"]],
    ["a peer network equal to the local one", ["10.0.0.0/24 > 10.0.0.0/24"], ["10.0.0.0/24", "10.0.0.0/16"]],
    ["a peer twice in a rule", ["10.0.0.0/24 > 192.168.0.0/24 192.168.0.9/24"], ["192.168.0.0/24"]],
    ["peers of a rule inside one another", ["> 192.168.0.0/16 192.168.7.0/24"], ["192.168.0.0/16", "192.168.7.0/24"]],
    [
      "a local network twice",
      ["10.0.0.0/24 > 192.168.0.0/24", "10.0.0.7/24 > 192.168.1.0/24"],
      ["local networks 10.0.0.0/24"],
    ],
    [
      "local networks inside one another",
      ["10.0.4.0/24 > 192.168.0.0/24", "10.0.4.0/22 > 192.168.1.0/24"],
      ["10.0.4.0/24", "10.0.4.0/22"],
    ],
    [
      "the whole VPC beside a part of it",
      ["> 192.168.0.0/24", "10.0.4.0/22 > 192.168.1.0/24"],
      ["10.0.0.0/16", "10.0.4.0/22"],
    ],
    ["every address", ["> 0.0.0.0/0"], ["0.0.0.0/0", "every address"]],
    ["the unspecified network", ["> 0.0.0.0/8"], ["0.0.0.0/8", "unspecified"]],
    ["loopback", ["> 127.0.0.0/24"], ["127.0.0.0/24", "loopback"]],
    ["multicast", ["> 224.1.0.0/16"], ["224.1.0.0/16", "multicast"]],
    ["the reserved end", ["> 250.0.0.0/8"], ["250.0.0.0/8", "reserved"]],
    ["broadcast", ["> 255.255.255.255/32"], ["255.255.255.255/32", "broadcast"]],
    ["multicast as the local end", ["224.1.0.0/16 > 192.168.0.0/24"], ["224.1.0.0/16", "multicast"]],
  ])("%s, with the networks named", (_what, rules, mentioned) => {
    const message = refuse(rules);
    for (const network of mentioned) expect(message).toContain(network);
  });
});

describe("limits", () => {
  const locals = Array.from({ length: 11 }, (_, index) => `10.0.${index}.0/24 > 192.168.0.0/24`);
  const peers = Array.from({ length: 51 }, (_, index) => `192.168.${index}.0/24`);

  test("so many local networks and no more", () => {
    expect(complete(locals.slice(0, 10))).toHaveLength(10);
    expect(refuse(locals)).toBe("11 local networks in one channel; at most 10 are allowed");
  });

  test("so many peer networks in a rule and no more", () => {
    expect(complete([`> ${peers.slice(0, 50).join(" ")}`])[0]?.peers).toHaveLength(50);
    expect(refuse([`> ${peers.join(" ")}`])).toBe("51 peer networks for one local network; at most 50 are allowed");
  });

  test("0 is no limit", () => {
    expect(complete(locals, { within: unlimited })).toHaveLength(11);
    expect(complete([`> ${peers.join(" ")}`], { within: unlimited })[0]?.peers).toHaveLength(51);
  });
});

describe("with any rules", () => {
  const networkIn = (first: number, last: number, shortest: number, longest: number) =>
    fc
      .tuple(fc.integer({ min: first, max: last }), fc.integer({ min: shortest, max: longest }))
      .map(([address, length]) => networkAt(address, length));
  // Close together, so that they meet in every way; now and then in each other's place.
  const inVpc = networkIn(0x0a00_0000, 0x0a00_ffff, 18, 24);
  const outside = networkIn(0xc0a8_0000, 0xc0a8_ffff, 19, 24);
  const around = networkIn(0x0a00_0000, 0x0a03_ffff, 14, 24);
  const local = fc.oneof({ weight: 20, arbitrary: inVpc }, { weight: 1, arbitrary: around });
  const peer = fc.oneof({ weight: 30, arbitrary: outside }, { weight: 1, arbitrary: around });
  const spd: fc.Arbitrary<ReadSpd> = fc.record({
    local: fc.option(local, { nil: undefined, freq: 8 }),
    peers: fc.array(peer, { minLength: 1, maxLength: 3 }),
  });
  const anyRules = fc.array(spd, { minLength: 1, maxLength: 3 });

  function hasOverlap(networks: readonly Network[]): boolean {
    return networks.some((a, i) => networks.some((b, k) => i < k && overlap(a, b)));
  }

  /** api-v2.md 9.4 rule by rule, every pair compared. */
  function isWrong(rules: readonly ReadSpd[]): boolean {
    const locals = rules.map(({ local }) => local ?? vpc);
    return (
      locals.some((local) => !contains(vpc, local)) ||
      hasOverlap(locals) ||
      rules.some(({ peers }) => peers.some((peer) => overlap(peer, vpc)) || hasOverlap(peers))
    );
  }

  test("those are refused that a check of every pair refuses", () => {
    let refused = 0;
    fc.assert(
      fc.property(anyRules, (rules) => {
        const wrong = isWrong(rules);
        refused += wrong ? 1 : 0;
        expect(isRefused(() => completeSpds(rules, vpc, unlimited))).toBe(wrong);
      }),
      { numRuns: 2_000 },
    );
    // Both answers were put to the test.
    expect(refused).toBeGreaterThan(200);
    expect(refused).toBeLessThan(1_800);
  });

  test("what is accepted comes back in order, and its pairs overlap nowhere in both parts", () => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        fc.pre(!isWrong(rules));
        const spds = completeSpds(rules, vpc, unlimited);
        expect(spds).toEqual(rules.map(({ local, peers }) => ({ local: local ?? vpc, peers })));
        const pairs = spdPairs(spds);
        expect(pairs).toHaveLength(rules.flatMap(({ peers }) => peers).length);
        const clashes = pairs.filter((a, i) =>
          pairs.some((b, k) => i < k && overlap(a.local, b.local) && overlap(a.peer, b.peer)),
        );
        expect(clashes).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("what is stored reads as the same rules", () => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        const spds = rules.map(({ local = vpc, peers }) => ({ local, peers }));
        expect(readSpds(storeSpds(spds))).toEqual(spds);
      }),
    );
  });
});

test("distinct networks keep the order of their first mention", () => {
  expect(distinctNetworks(["b", "a", "b", "c", "a"])).toEqual(["b", "a", "c"]);
  expect(formatNetwork(vpc)).toBe("10.0.0.0/16");
});
