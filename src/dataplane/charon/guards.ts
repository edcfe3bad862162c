// The routing rules that keep clear packets in: without them a gateway forwards them to the public network whenever a tunnel
// is down, and into the VPC from anybody on the public network, because ESP in userspace leaves no policy in the kernel. With ESP in
// the kernel a packet that has come out of a tunnel still comes from the public link: there filter.ts tells it from others. Pure.
import type { Esp } from "./esp.ts";

/** The gateway's link to the public network, and its link to the VPC. */
export const wanLink = "wan0";
export const lanLink = "lan0";

/** A rule as `ip -json rule` shows it. */
export interface Rule {
  readonly priority: number;
  readonly src: string;
  readonly srclen?: number;
  readonly dst?: string;
  readonly dstlen?: number;
  readonly iif?: string;
  readonly oif?: string;
  readonly table?: string;
  readonly action?: string;
}

/** charon's own rule is 220, and looks up its table 220 (strongswan.conf, charon.routing_table_prio). Ours stand around it. */
const priorities = { fromPublic: 210, toVpc: 215, fromPublicElsewhere: 216, fromVpc: 230 } as const;

/**
 * The commands that put the guards in place, new ones before old ones go. Rule 0, before them, delivers what is for the
 * gateway itself.
 *
 * 210: nothing that comes from the public side is forwarded. With ESP in the kernel 216 takes its place: nothing but what is for the
 * VPC.
 * 215: what is for the VPC goes there, even when a peer's network covers the VPC's.
 * 230: nothing that comes from the VPC goes anywhere unless charon's table took it.
 */
export function commandsForGuards(vpcCidr: string, esp: Esp, rules: readonly Rule[]): string[] {
  const fromPublic = esp === "kernel" ? priorities.fromPublicElsewhere : priorities.fromPublic;
  const wanted = [
    `priority ${fromPublic} from all iif ${wanLink} blackhole`,
    `priority ${priorities.toVpc} from all to ${vpcCidr} lookup main`,
    `priority ${priorities.fromVpc} from all iif ${lanLink} blackhole`,
  ];
  const own: readonly number[] = Object.values(priorities);
  const present = rules.filter((rule) => own.includes(rule.priority)).map(ruleText);
  return [
    ...wanted.filter((text) => !present.includes(text)).map((text) => `rule add ${text}`),
    ...present.filter((text) => !wanted.includes(text)).map((text) => `rule del ${text}`),
  ];
}

function ruleText(rule: Rule): string {
  const words = [`priority ${rule.priority}`, `from ${withLength(rule.src, rule.srclen)}`];
  if (rule.dst !== undefined) words.push(`to ${withLength(rule.dst, rule.dstlen)}`);
  if (rule.iif !== undefined) words.push(`iif ${rule.iif}`);
  if (rule.oif !== undefined) words.push(`oif ${rule.oif}`);
  words.push(rule.action ?? `lookup ${rule.table ?? "main"}`);
  return words.join(" ");
}

function withLength(address: string, length: number | undefined): string {
  return length === undefined ? address : `${address}/${length}`;
}
