// The charons of an instance as they are on the machine, known by their program and their environment: no pid file is believed here.
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { charonProgram } from "./charon-process.ts";
import type { Names } from "./names.ts";
import { poll } from "./poll.ts";

const terminateBoundMs = 5_000;
const killBoundMs = 2_000;

/** A charon whose configuration lies in the instance's run directory. */
export interface SeenCharon {
  readonly pid: number;
  /** Where its configuration is, or was. */
  readonly dir: string;
}

/** All of them: the gateways', and the lab's. */
export async function listCharons(names: Names): Promise<SeenCharon[]> {
  const entries = await readdir("/proc");
  const pids = entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
  return (await Promise.all(pids.map((pid) => findDir(names, pid)))).flatMap((dir, index) => {
    const pid = pids[index];
    return dir === undefined || pid === undefined ? [] : [{ pid, dir }];
  });
}

/** SIGTERM, by which their peers are told, then SIGKILL, until none is listed. @throws Error when one cannot be ended */
export async function endCharons(list: () => Promise<readonly number[]>): Promise<void> {
  for (const [signal, boundMs] of [
    ["SIGTERM", terminateBoundMs],
    ["SIGKILL", killBoundMs],
  ] as const) {
    for (const pid of await list()) process.kill(pid, signal);
    const haveEnded = await poll(boundMs, async () => ((await list()).length === 0 ? true : undefined));
    if (haveEnded) return;
  }
  throw new Error(`charons do not end: ${(await list()).join(", ")}`);
}

async function findDir(names: Names, pid: number): Promise<string | undefined> {
  try {
    const [program, environment] = await Promise.all([
      readlink(`/proc/${pid}/exe`),
      readFile(`/proc/${pid}/environ`, "utf8"),
    ]);
    // A program that has been replaced by an upgrade is shown with " (deleted)" behind it.
    if (!basename(program).startsWith(basename(charonProgram))) return undefined;
    const conf = environment.split("\0").find((entry) => entry.startsWith(`STRONGSWAN_CONF=${names.runDir}/`));
    return conf === undefined ? undefined : dirname(conf.slice("STRONGSWAN_CONF=".length));
  } catch {
    return undefined;
  }
}
