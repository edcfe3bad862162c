// What is on the machine under this instance's names and belongs to no gateway, so that no loop would come upon it: looked for once, at
// the start. A gateway that no row speaks of is none of it; it has a number, and its loop removes it.
import { basename } from "node:path";
import { lookAt, removeNamespace } from "./bridges.ts";
import { recordedPid } from "./charon-process.ts";
import { endCharons, listCharons } from "./instance-charons.ts";
import { listNamespaces } from "./ip.ts";
import type { Names } from "./names.ts";

/** What was found, and has been removed. */
export interface Strays {
  /** Charons of gateways that their gateway's directory does not know: somebody has emptied the run directory. */
  readonly pids: readonly number[];
  /** Wires that nobody is on and that nothing has been put into. */
  readonly wires: readonly string[];
}

/** Removes them. @throws Error when a charon does not end, CommandError */
export async function removeStrays(names: Names): Promise<Strays> {
  const pids = await listStrayCharons(names);
  if (pids.length > 0) await endCharons(() => listStrayCharons(names));
  const wires = await listEmptyWires(names);
  for (const wire of wires) await removeNamespace(wire);
  return { pids, wires };
}

async function listStrayCharons(names: Names): Promise<number[]> {
  const charons = (await listCharons(names)).filter(({ dir }) => /^gw\d+$/.test(basename(dir)));
  const recorded = await Promise.all(charons.map(({ dir }) => recordedPid(dir)));
  return charons.filter(({ pid }, index) => pid !== recorded[index]).map(({ pid }) => pid);
}

/** Only what a wire is made with: an operator may have put an interface of the machine into it, on the bridge or not yet. */
async function listEmptyWires(names: Names): Promise<string[]> {
  const isWire = (name: string) => /^(public|vpc\d+)$/.test(name.slice(names.prefix.length));
  const wires = (await listNamespaces(names.prefix)).filter(isWire);
  const seen = await Promise.all(wires.map(lookAt));
  const isEmpty = (links: readonly { readonly ifname: string }[]) =>
    links.every(({ ifname }) => ifname === "lo" || ifname === names.bridge);
  return seen.filter(({ state, links }) => state === "there" && isEmpty(links)).map(({ name }) => name);
}
