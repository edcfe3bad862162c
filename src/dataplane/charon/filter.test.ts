import { describe, expect, it } from "vitest";
import { filterStatements, type SeenFilter } from "./filter.ts";

const nothing: SeenFilter = { nftables: [] };
const foreign: SeenFilter["nftables"] = [
  { chain: { table: "other", name: "clamp", policy: "accept" } },
  { rule: { table: "other", chain: "clamp", comment: "mss-1360" } },
];
const clamp: SeenFilter["nftables"] = [
  { chain: { table: "culvert", name: "clamp", policy: "accept" } },
  { rule: { table: "culvert", chain: "clamp", comment: "mss-1360" } },
];
const tunnelled: SeenFilter["nftables"] = [
  { chain: { table: "culvert", name: "tunnelled", policy: "drop" } },
  { rule: { table: "culvert", chain: "tunnelled", comment: "from-tunnel" } },
  { rule: { table: "culvert", chain: "tunnelled", comment: "into-tunnel" } },
];
const anew = ["add table inet culvert", "delete table inet culvert"];
const makeClamp = [
  "add chain inet culvert clamp { type filter hook forward priority mangle; policy accept; }",
  "add rule inet culvert clamp tcp flags & (syn | rst) == syn tcp option maxseg size set 1360 comment mss-1360",
];
const makeTunnelled = [
  "add chain inet culvert tunnelled { type filter hook forward priority filter; policy drop; }",
  "add rule inet culvert tunnelled iifname wan0 oifname lan0 meta ipsec exists accept comment from-tunnel",
  "add rule inet culvert tunnelled iifname lan0 oifname wan0 rt ipsec exists accept comment into-tunnel",
];

describe("filterStatements", () => {
  it("clamps the MSS, in one table that is made anew", () => {
    const wish = { esp: "userspace", mss: 1_360 } as const;
    expect(filterStatements(wish, nothing)).toEqual([...anew, "add table inet culvert", ...makeClamp]);
    expect(filterStatements(wish, { nftables: foreign })).not.toEqual([]);
  });

  it("forwards only what comes from a tunnel or goes into one where the kernel does ESP", () => {
    const wish = { esp: "kernel", mss: 1_360 } as const;
    const wanted = [...anew, "add table inet culvert", ...makeTunnelled, ...makeClamp];
    expect(filterStatements(wish, nothing)).toEqual(wanted);
    expect(filterStatements(wish, { nftables: clamp })).toEqual(wanted);
    expect(filterStatements({ ...wish, mss: undefined }, nothing)).toEqual(wanted.slice(0, -makeClamp.length));
  });

  it("has nothing to do where all is in place, whatever others have there", () => {
    const nftables = [...foreign, ...clamp];
    expect(filterStatements({ esp: "userspace", mss: 1_360 }, { nftables })).toEqual([]);
    const both = { nftables: [...tunnelled, ...nftables] };
    expect(filterStatements({ esp: "kernel", mss: 1_360 }, both)).toEqual([]);
    expect(filterStatements({ esp: "userspace", mss: undefined }, { nftables: foreign })).toEqual([]);
  });

  it.each([
    ["another number", { mss: 1_300 }, clamp],
    ["no guard any more", { mss: 1_360 }, [...clamp, ...tunnelled]],
    ["a rule lost", { esp: "kernel" }, [...clamp, ...tunnelled.slice(0, -1)]],
    [
      "a chain that accepts",
      { esp: "kernel" },
      [...clamp, { chain: { table: "culvert", name: "tunnelled", policy: "accept" } }, ...tunnelled.slice(1)],
    ],
    ["a rule too many", {}, [...clamp, { rule: { table: "culvert", chain: "clamp" } }]],
  ] as const)("makes it anew for %s", (_what, change, nftables) => {
    const statements = filterStatements({ esp: "userspace", mss: 1_360, ...change }, { nftables });
    expect(statements.slice(0, 3)).toEqual([...anew, "add table inet culvert"]);
  });

  it("takes its table away where nothing is wanted", () => {
    expect(filterStatements({ esp: "userspace", mss: undefined }, { nftables: clamp })).toEqual(anew);
  });
});
