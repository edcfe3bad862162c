// What the settings of the network ask of this machine, as it is found. What it means is network.ts's.
import { readFile } from "node:fs/promises";
import { lookAt } from "../dataplane/charon/bridges.ts";
import type { Esp } from "../dataplane/charon/esp.ts";
import { filterStatements } from "../dataplane/charon/filter.ts";
import { CommandError, findNamespace, ipBatch, ipJson, run } from "../dataplane/charon/ip.ts";
import { guardStatements, guardTable, openStatements } from "../dataplane/charon/lease-guard.ts";
import { type Link, machineNamespace } from "../dataplane/charon/wire-commands.ts";
import { reasonOf } from "./check.ts";

/** Kinds of links that attachments are made of. */
export const linkKinds = ["veth", "bridge", "macvlan", "vlan"] as const;
export type LinkKind = (typeof linkKinds)[number];

/** Tries each kind in a namespace that goes soon. @returns those that this kernel does not make */
export async function probeLinkKinds(namespace: string): Promise<LinkKind[]> {
  const lacking: LinkKind[] = [];
  const commands: Record<LinkKind, string> = {
    veth: "link add try-veth type veth peer name try-peer",
    bridge: "link add try-bridge type bridge",
    macvlan: "link add link try-veth name try-macvlan type macvlan mode bridge",
    vlan: "link add link try-veth name try-vlan type vlan id 1",
  };
  for (const kind of linkKinds) await ipBatch(namespace, [commands[kind]]).catch(() => lacking.push(kind));
  return lacking;
}

/** Gives a namespace that goes soon the packet filter of a gateway. @returns why it does not take it */
export async function probeFilter(namespace: string, esp: Esp): Promise<string | undefined> {
  return await findRefusal(namespace, filterStatements({ esp, mss: 1_360 }, { nftables: [] }));
}

/**
 * Gives a namespace that goes soon, on its lo, the guard that a gateway has on a host with leases, opens it, and takes it away again.
 * @returns why that does not work
 */
export async function probeLeaseGuard(namespace: string): Promise<string | undefined> {
  const links = ["lo"];
  return await findRefusal(namespace, [
    ...guardStatements("there", { nftables: [] }, links),
    ...openStatements(1_000, links),
    ...guardStatements("none", { nftables: [{ table: { name: guardTable } }] }, links),
  ]);
}

async function findRefusal(namespace: string, statements: readonly string[]): Promise<string | undefined> {
  try {
    await run("ip", ["netns", "exec", namespace, "nft", statements.join("; ")]);
    return undefined;
  } catch (error) {
    return error instanceof CommandError ? (/Error: (.*)/.exec(error.stderr)?.[1] ?? error.message) : reasonOf(error);
  }
}

/** A namespace that settings name. */
export interface SeenFarNamespace {
  readonly isThere: boolean;
  /** It has a default route that is not ours, so the peers' networks are not behind us by themselves. */
  readonly hasOwnDefault: boolean;
}

export interface SeenMachine {
  /** In the machine's own namespace. */
  readonly links: readonly Link[];
  readonly namespaces: ReadonlyMap<string, SeenFarNamespace>;
  /** Packets on the machine's bridges pass through its packet filter (br_netfilter). */
  readonly isBridgeFiltered: boolean;
}

export async function probeMachine(namespaces: readonly string[], portPrefix: string): Promise<SeenMachine> {
  const { links } = await lookAt(machineNamespace);
  const seen = await Promise.all(namespaces.map((name) => probeFarNamespace(name, portPrefix)));
  const filtered = await readFile("/proc/sys/net/bridge/bridge-nf-call-iptables", "utf8").catch(() => "0");
  return {
    links,
    namespaces: new Map(
      namespaces.map((name, index) => [name, seen[index] ?? { isThere: false, hasOwnDefault: false }]),
    ),
    isBridgeFiltered: filtered.trim() === "1",
  };
}

async function probeFarNamespace(name: string, portPrefix: string): Promise<SeenFarNamespace> {
  if ((await findNamespace(name)) !== "there") return { isThere: false, hasOwnDefault: false };
  const routes = await ipJson<{ dev?: string }[]>(name, ["route", "show", "default"]);
  return { isThere: true, hasOwnDefault: routes.some(({ dev }) => dev?.startsWith(portPrefix) !== true) };
}
