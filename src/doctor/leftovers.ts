// What is on the machine under this instance's names though nothing in the database asks for it.
import { readdir } from "node:fs/promises";
import { listLinks } from "../dataplane/charon/bridges.ts";
import { listNamespaces } from "../dataplane/charon/ip.ts";
import type { Names } from "../dataplane/charon/names.ts";
import { portsOf } from "../dataplane/charon/wire-commands.ts";
import type { PeekedVpnGw } from "../store/peek.ts";
import { type Check, ok, warn } from "./check.ts";

export interface SeenTraces {
  /** Namespaces without the instance's prefix: `gw7`, `vpc3`, `public`, `lab-remote`. */
  readonly namespaces: readonly string[];
  /** Those of them that are wires nobody is on. An operator may have put an interface of the machine on one. */
  readonly emptyWires: readonly string[];
  /** Entries of the instance's run directory. */
  readonly dirs: readonly string[];
}

export async function probeTraces(names: Names): Promise<SeenTraces> {
  const namespaces = await listNamespaces(names.prefix);
  const dirs = await readdir(names.runDir).catch(() => []);
  const shorten = (name: string) => name.slice(names.prefix.length);
  const emptyWires: string[] = [];
  for (const wire of namespaces.filter((name) => /^(vpc\d+|public)$/.test(shorten(name)))) {
    if (portsOf(await listLinks(wire), names.bridge).length === 0) emptyWires.push(shorten(wire));
  }
  return { namespaces: namespaces.map(shorten), emptyWires, dirs };
}

/** Gateways that no row speaks of, and wires that nobody is on or will be on. What the lab made is the lab's. */
export function findLeftovers(
  { namespaces, emptyWires, dirs }: SeenTraces,
  gateways: readonly Pick<PeekedVpnGw, "id" | "vpcId">[],
): { gateways: string[]; wires: string[] } {
  const wanted = new Set(gateways.map(({ id }) => `gw${id}`));
  const isGateway = (name: string) => /^gw\d+$/.test(name);
  const used = new Set(gateways.flatMap(({ vpcId }) => ["public", `vpc${vpcId}`]));
  return {
    gateways: [...new Set([...namespaces, ...dirs])].filter((name) => isGateway(name) && !wanted.has(name)),
    wires: emptyWires.filter((name) => !used.has(name)),
  };
}

export function judgeLeftovers(prefix: string, left: { gateways: readonly string[]; wires: readonly string[] }): Check {
  const { gateways, wires } = left;
  if (gateways.length > 0) {
    const names = gateways.map((name) => `${prefix}${name}`).join(", ");
    const found = `No row speaks of ${names}.`;
    return warn("leftovers", found, "Start the server on this data directory, `culvert serve`: it removes them.");
  }
  if (wires.length === 0) return ok("leftovers", "Nothing is on the machine that the database does not ask for.");
  const commands = wires.map((name) => `ip netns del ${prefix}${name}`).join("; ");
  return warn(
    "leftovers",
    `Nobody is on ${wires.map((name) => `${prefix}${name}`).join(", ")}.`,
    `Run \`${commands}\`.`,
  );
}
