// Where the doctor tries things out: a namespace and a directory of its own, of which nothing is left.
import { mkdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeNamespace, removeNamespace } from "../dataplane/charon/bridges.ts";
import { type CharonPlace, stopCharon } from "../dataplane/charon/charon-process.ts";
import type { Names } from "../dataplane/charon/names.ts";
import { type Check, fail, ok, reasonOf } from "./check.ts";

export function stageOf(names: Names): CharonPlace {
  return { namespace: `${names.prefix}doctor`, dir: join(names.runDir, "doctor") };
}

/** Runs `work` on a fresh stage and clears it away, whatever comes of it. What a doctor that was killed left there goes first. */
export async function withStage<T>(place: CharonPlace, work: () => Promise<T>): Promise<T> {
  const highestMade = await mkdir(place.dir, { recursive: true, mode: 0o700 });
  try {
    await clearStage(place);
    return await work();
  } finally {
    await clearStage(place);
    if (highestMade !== undefined) await removeEmpty(dirname(place.dir), dirname(highestMade));
  }
}

/** charon first: its pid is in the directory. */
async function clearStage(place: CharonPlace): Promise<void> {
  await stopCharon(place);
  await removeNamespace(place.namespace).catch(() => {}); // without rights there is none
  await rm(place.dir, { recursive: true, force: true });
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

/** Why a namespace cannot be made; undefined when it was. */
export async function probeNamespace(namespace: string): Promise<string | undefined> {
  try {
    await makeNamespace(namespace);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

export function judgeNamespace(refusal: string | undefined): Check {
  if (refusal === undefined) return ok("namespaces", "A network namespace was made and removed again.");
  const fix =
    "Run it on a machine, or in a container with `--cap-add NET_ADMIN --cap-add SYS_ADMIN`, where `ip netns add x` works.";
  return fail("namespaces", `No network namespace can be made: ${refusal}.`, fix);
}
