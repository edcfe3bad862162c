// Takes everything of one instance off the machine, whatever state it is in: for the demo, the tests and an operator who
// starts over.
import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { basename } from "node:path";
import { removeNamespace } from "./bridges.ts";
import { charonProgram } from "./charon-process.ts";
import { namespaceDir } from "./ip.ts";
import type { Names } from "./names.ts";
import { poll } from "./poll.ts";

const terminateBoundMs = 5_000;
const killBoundMs = 2_000;

/**
 * Ends every charon whose configuration lies in the instance's run directory, then removes every namespace with the
 * instance's prefix, and the directory. Fine when nothing is there. @throws Error when a charon cannot be ended, CommandError
 */
export async function removeInstance(names: Names): Promise<void> {
  await endCharons(names);
  const files = await readdir(namespaceDir).catch(() => []);
  await Promise.all(files.filter((name) => name.startsWith(names.prefix)).map(removeNamespace));
  await rm(names.runDir, { recursive: true, force: true });
}

async function endCharons(names: Names): Promise<void> {
  for (const [signal, boundMs] of [
    ["SIGTERM", terminateBoundMs],
    ["SIGKILL", killBoundMs],
  ] as const) {
    for (const pid of await listCharons(names)) process.kill(pid, signal);
    const haveEnded = await poll(boundMs, async () => ((await listCharons(names)).length === 0 ? true : undefined));
    if (haveEnded) return;
  }
  throw new Error(`charons of instance ${names.instance} do not end: ${(await listCharons(names)).join(", ")}`);
}

/** The pids of the instance's charons, by program and environment: no pid file is believed here. */
async function listCharons(names: Names): Promise<number[]> {
  const entries = await readdir("/proc");
  const pids = entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
  const isOurs = await Promise.all(pids.map((pid) => isCharonOf(names, pid)));
  return pids.filter((_, index) => isOurs[index]);
}

async function isCharonOf(names: Names, pid: number): Promise<boolean> {
  try {
    const [program, environment] = await Promise.all([
      readlink(`/proc/${pid}/exe`),
      readFile(`/proc/${pid}/environ`, "utf8"),
    ]);
    // A program that has been replaced by an upgrade is shown with " (deleted)" behind it.
    const isCharon = basename(program).startsWith(basename(charonProgram));
    return isCharon && environment.split("\0").some((entry) => entry.startsWith(`STRONGSWAN_CONF=${names.runDir}/`));
  } catch {
    return false;
  }
}
