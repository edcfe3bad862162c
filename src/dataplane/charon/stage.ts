// Where things are tried out: namespaces and directories of their own, of which nothing is left.
import { mkdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeNamespace } from "./bridges.ts";
import { type CharonPlace, stopCharon } from "./charon-process.ts";
import type { Names } from "./names.ts";

/** Two places for charons that are each other's peer. */
export type Stage = readonly [CharonPlace, CharonPlace];

/** @param who uses it: the doctor and a server may do so at the same time */
export function stageOf(names: Names, who: "doctor" | "trial"): Stage {
  const placeOf = (name: string) => ({ namespace: `${names.prefix}${name}`, dir: join(names.runDir, name) });
  return [placeOf(who), placeOf(`${who}-peer`)];
}

/** Runs `work` on a fresh stage and clears it away, whatever comes of it. What somebody who was killed has left there goes first. */
export async function withStage<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
  const runDir = dirname(stage[0].dir);
  const highestMade = await mkdir(runDir, { recursive: true, mode: 0o700 });
  try {
    await clearStage(stage);
    return await work();
  } finally {
    await clearStage(stage);
    if (highestMade !== undefined) await removeEmpty(runDir, dirname(highestMade));
  }
}

/** charon first: its pid is in the directory. */
async function clearStage(stage: Stage): Promise<void> {
  for (const place of stage) {
    await stopCharon(place);
    await removeNamespace(place.namespace).catch(() => {}); // without rights there is none
    await rm(place.dir, { recursive: true, force: true });
  }
}

/** Removes directories upwards from `dir`, not `end` itself; one that somebody else uses by now stays. */
async function removeEmpty(dir: string, end: string): Promise<void> {
  if (dir === end || !dir.startsWith(end)) return;
  try {
    await rmdir(dir);
  } catch {
    return;
  }
  await removeEmpty(dirname(dir), end);
}
