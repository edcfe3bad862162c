// The packet filter of a gateway: TCP's segments are kept small enough for a tunnel, and with ESP in the kernel nothing is forwarded
// that has not come out of a tunnel or will not go into one. Pure: what `nft -json list ruleset` shows in, statements of nft(8) out.
import type { Esp } from "./esp.ts";
import { lanLink, wanLink } from "./guards.ts";

export interface FilterWish {
  readonly esp: Esp;
  /** The largest MSS that a TCP connection through the gateway may agree on; undefined: as its ends like. */
  readonly mss: number | undefined;
}

/** The answer of `nft -json list ruleset`. */
export interface SeenFilter {
  readonly nftables: readonly {
    readonly table?: { readonly name: string };
    readonly set?: { readonly table: string; readonly name: string };
    readonly chain?: {
      readonly table: string;
      readonly name: string;
      readonly hook?: string;
      readonly policy?: string;
    };
    readonly rule?: { readonly table: string; readonly chain: string; readonly comment?: string };
  }[];
}

interface Chain {
  readonly name: string;
  readonly priority: "filter" | "mangle";
  readonly policy: "accept" | "drop";
  readonly rules: readonly Rule[];
}

/** The comment says all that may differ: by it a rule is known again. */
interface Rule {
  readonly comment: string;
  readonly text: string;
}

const table = "culvert";

/** Statements for one run of nft, which does all of them or none; none when all is in place. */
export function filterStatements(wish: FilterWish, seen: SeenFilter): string[] {
  const chains = chainsOf(wish);
  const wanted = chains.flatMap(({ name, policy, rules }) => [
    `${name} ${policy}`,
    ...rules.map(({ comment }) => `${name}: ${comment}`),
  ]);
  const present = seen.nftables.flatMap(({ chain, rule }) => {
    if (chain?.table === table) return [`${chain.name} ${chain.policy}`];
    return rule?.table === table ? [`${rule.chain}: ${rule.comment}`] : [];
  });
  if (wanted.toSorted().join() === present.toSorted().join()) return [];
  return [
    `add table inet ${table}`,
    `delete table inet ${table}`,
    ...(chains.length === 0 ? [] : [`add table inet ${table}`]),
    ...chains.flatMap(statementsFor),
  ];
}

function statementsFor({ name, priority, policy, rules }: Chain): string[] {
  const hook = `{ type filter hook forward priority ${priority}; policy ${policy}; }`;
  return [
    `add chain inet ${table} ${name} ${hook}`,
    ...rules.map(({ text, comment }) => `add rule inet ${table} ${name} ${text} comment ${comment}`),
  ];
}

function chainsOf({ esp, mss }: FilterWish): Chain[] {
  return [...(esp === "kernel" ? [tunnelled] : []), ...(mss === undefined ? [] : [clampTo(mss)])];
}

/** What the kernel has deciphered, and what a policy of IPsec has taken (nft(8), META and ROUTING EXPRESSIONS); the rest is dropped. */
const tunnelled: Chain = {
  name: "tunnelled",
  priority: "filter",
  policy: "drop",
  rules: [
    { comment: "from-tunnel", text: `iifname ${wanLink} oifname ${lanLink} meta ipsec exists accept` },
    { comment: "into-tunnel", text: `iifname ${lanLink} oifname ${wanLink} rt ipsec exists accept` },
  ],
};

/** Both ends' SYN say what they take; the kernel never makes the number greater. */
function clampTo(mss: number): Chain {
  const text = `tcp flags & (syn | rst) == syn tcp option maxseg size set ${mss}`;
  return { name: "clamp", priority: "mangle", policy: "accept", rules: [{ comment: `mss-${mss}`, text }] };
}
