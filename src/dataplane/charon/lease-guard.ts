// What makes a gateway silent when its lease is over, without any process having to live: nothing enters or leaves its links, ARP
// included, unless the link is in a set of nftables whose elements have a timeout. It is in the gateway's namespace, so it is the same
// for every kind of leg. Pure: what `nft -json list ruleset` shows in, statements of nft(8) out.
import type { SeenFilter } from "./filter.ts";
import { lanLink, wanLink } from "./guards.ts";

/** `as it is`: nobody has said yet whether this host has leases, so a guard that a former process made stays. */
export type GuardWish = "there" | "none" | "as it is";

/** Both: a gateway's address in its VPC is on one host only as well. */
const guardedLinks = [wanLink, lanLink] as const;
export const guardTable = "culvert-lease";
const set = `netdev ${guardTable} open`;
const hooks = [
  { name: "in", hook: "ingress", match: "iifname" },
  { name: "out", hook: "egress", match: "oifname" },
] as const;

/**
 * Statements for one run of nft; none when all is as wished. A guard that is made is closed, and has to be made while the links
 * are there and down. It sees every packet, since the hooks are those of the links themselves (nft(8), netdev family; egress: Linux 5.16).
 */
export function guardStatements(wish: GuardWish, seen: SeenFilter, links: readonly string[] = guardedLinks): string[] {
  const present = seen.nftables.flatMap(describe).toSorted();
  const wanted = ["set open", ...links.flatMap(describeWanted)].toSorted();
  const isThere = present.join() === wanted.join();
  if (wish === "as it is" || (wish === "there" && isThere)) return [];
  const clear = [`add table netdev ${guardTable}`, `delete table netdev ${guardTable}`];
  if (wish === "none") return seen.nftables.some((each) => each.table?.name === guardTable) ? clear : [];
  return [
    ...clear,
    `add table netdev ${guardTable}`,
    `add set ${set} { type ifname; flags timeout; }`,
    ...links.flatMap(statementsFor),
  ];
}

/** Lets packets through for so long. Whatever was in the set before. @param forMs whole milliseconds, at least 1 */
export function openStatements(forMs: number, links: readonly string[] = guardedLinks): string[] {
  return [`add element ${set} { ${elements(forMs, links)} }`, ...extendStatements(forMs, links)];
}

/** The same while packets still pass: nft refuses it where the time is over. */
export function extendStatements(forMs: number, links: readonly string[] = guardedLinks): string[] {
  return [`delete element ${set} { ${links.join(", ")} }`, `add element ${set} { ${elements(forMs, links)} }`];
}

export const closeStatements = [`flush set ${set}`] as const;

function elements(forMs: number, links: readonly string[]): string {
  return links.map((link) => `${link} timeout ${forMs}ms`).join(", ");
}

function statementsFor(link: string): string[] {
  return hooks.flatMap(({ name, hook, match }) => [
    `add chain netdev ${guardTable} ${name}-${link} { type filter hook ${hook} device ${link} priority filter; policy drop; }`,
    `add rule netdev ${guardTable} ${name}-${link} ${match} @open accept comment leased`,
  ]);
}

function describeWanted(link: string): string[] {
  return hooks.flatMap(({ name, hook }) => [`chain ${name}-${link} ${hook} drop`, `rule ${name}-${link} leased`]);
}

function describe(each: SeenFilter["nftables"][number]): string[] {
  if (each.set?.table === guardTable) return [`set ${each.set.name}`];
  if (each.chain?.table === guardTable) return [`chain ${each.chain.name} ${each.chain.hook} ${each.chain.policy}`];
  return each.rule?.table === guardTable ? [`rule ${each.rule.chain} ${each.rule.comment}`] : [];
}
