import { describe, expect, it } from "vitest";
import type { SeenFilter } from "./filter.ts";
import { closeStatements, extendStatements, guardStatements, openStatements } from "./lease-guard.ts";

type Seen = SeenFilter["nftables"];

const foreign: Seen = [
  { table: { name: "culvert" } },
  { chain: { table: "culvert", name: "clamp", hook: "forward", policy: "accept" } },
  { rule: { table: "culvert", chain: "clamp", comment: "mss-1360" } },
];
const guardOf = (link: string): Seen => [
  { chain: { table: "culvert-lease", name: `in-${link}`, hook: "ingress", policy: "drop" } },
  { rule: { table: "culvert-lease", chain: `in-${link}`, comment: "leased" } },
  { chain: { table: "culvert-lease", name: `out-${link}`, hook: "egress", policy: "drop" } },
  { rule: { table: "culvert-lease", chain: `out-${link}`, comment: "leased" } },
];
const whole: Seen = [
  ...foreign,
  { table: { name: "culvert-lease" } },
  { set: { table: "culvert-lease", name: "open" } },
  ...guardOf("wan0"),
  ...guardOf("lan0"),
];
const clear = ["add table netdev culvert-lease", "delete table netdev culvert-lease"];
const madeFor = (link: string) => [
  `add chain netdev culvert-lease in-${link} { type filter hook ingress device ${link} priority filter; policy drop; }`,
  `add rule netdev culvert-lease in-${link} iifname @open accept comment leased`,
  `add chain netdev culvert-lease out-${link} { type filter hook egress device ${link} priority filter; policy drop; }`,
  `add rule netdev culvert-lease out-${link} oifname @open accept comment leased`,
];
const made = [
  ...clear,
  "add table netdev culvert-lease",
  "add set netdev culvert-lease open { type ifname; flags timeout; }",
  ...madeFor("wan0"),
  ...madeFor("lan0"),
];

describe("guardStatements", () => {
  it("makes a guard on both links, closed, in one table", () => {
    expect(guardStatements("there", { nftables: foreign })).toEqual(made);
  });

  it("has nothing to do where the guard is there", () => {
    expect(guardStatements("there", { nftables: whole })).toEqual([]);
    expect(guardStatements("there", { nftables: whole.toReversed() })).toEqual([]);
  });

  it.each(whole.slice(foreign.length + 1).map((each, index) => [Object.keys(each)[0], index]))(
    "makes it anew where a %s is missing (%i)",
    (_kind, index) => {
      const nftables = whole.toSpliced(foreign.length + 1 + Number(index), 1);
      expect(guardStatements("there", { nftables })).toEqual(made);
    },
  );

  it.each([
    ["accepts", { policy: "accept" }],
    ["is on another hook", { hook: "ingress" }],
  ])("makes it anew where a chain %s", (_what, change) => {
    const nftables = whole.map((each) =>
      each.chain?.name === "out-wan0" ? { chain: { ...each.chain, ...change } } : each,
    );
    expect(guardStatements("there", { nftables })).toEqual(made);
  });

  it("makes it anew where a rule is that is not ours", () => {
    const nftables = [...whole, { rule: { table: "culvert-lease", chain: "in-wan0" } }];
    expect(guardStatements("there", { nftables })).toEqual(made);
  });

  it("takes it away, whole or not, where there is to be none", () => {
    expect(guardStatements("none", { nftables: whole })).toEqual(clear);
    expect(guardStatements("none", { nftables: [{ table: { name: "culvert-lease" } }] })).toEqual(clear);
    expect(guardStatements("none", { nftables: foreign })).toEqual([]);
  });

  it("leaves as it is what nobody has decided", () => {
    expect(guardStatements("as it is", { nftables: whole })).toEqual([]);
    expect(guardStatements("as it is", { nftables: foreign })).toEqual([]);
  });
});

describe("the statements for the set", () => {
  const extend = [
    "delete element netdev culvert-lease open { wan0, lan0 }",
    "add element netdev culvert-lease open { wan0 timeout 4711ms, lan0 timeout 4711ms }",
  ];

  it("extend only what is there, open in any case, and close", () => {
    expect(extendStatements(4_711)).toEqual(extend);
    expect(openStatements(4_711)).toEqual([extend[1], ...extend]);
    expect(closeStatements).toEqual(["flush set netdev culvert-lease open"]);
  });
});
