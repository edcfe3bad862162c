// Finds and ends the charon of a place. It is known by its program and by its environment, never by a recorded pid: pids are used
// again, and a record can be lost.
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { namespaceDir } from "../dataplane/charon/ip.ts";
import { poll } from "../dataplane/charon/poll.ts";

export const charonProgram = "/usr/sbin/charon-systemd";
const stopBoundMs = 5_000;
const killBoundMs = 2_000;

/** Where a strongSwan lives: its namespace, and a directory (0700) for its configuration, socket and log. */
export interface SwanPlace {
  readonly namespace: string;
  readonly dir: string;
}

/** What the place's charon has in its environment, and no other charon. */
export function confOf(place: SwanPlace): string {
  return join(place.dir, "strongswan.conf");
}

/** The pid of the place's charon, proved by its program, its environment and its namespace. */
export async function findSwan(place: SwanPlace): Promise<number | undefined> {
  const named = await stat(join(namespaceDir, place.namespace)).catch(() => undefined);
  const swans = await listSwans(place);
  return swans.find(({ network }) => network === `net:[${named?.ino}]`)?.pid;
}

/**
 * Ends every charon of the place, politely first, so that its peers are told; also one whose namespace somebody has deleted from
 * under it. @throws Error
 */
export async function endSwans(place: SwanPlace): Promise<void> {
  for (const [signal, boundMs] of [
    ["SIGTERM", stopBoundMs],
    ["SIGKILL", killBoundMs],
  ] as const) {
    for (const { pid } of await listSwans(place)) {
      try {
        process.kill(pid, signal);
      } catch {} // ended in between: the next look tells
    }
    const hasEnded = await poll(boundMs, async () => ((await listSwans(place)).length === 0 ? true : undefined));
    if (hasEnded) return;
  }
  throw new Error(`charon in ${place.namespace} does not end.`);
}

interface Swan {
  readonly pid: number;
  /** `net:[4026532321]` */
  readonly network: string;
}

async function listSwans(place: SwanPlace): Promise<Swan[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const swans = await Promise.all(
    pids.map((pid) => readSwan(pid, `STRONGSWAN_CONF=${confOf(place)}`).catch(() => undefined)),
  );
  return swans.filter((swan) => swan !== undefined);
}

/** A process that ends meanwhile cannot be read, and is none. */
async function readSwan(pid: number, marked: string): Promise<Swan | undefined> {
  // A program that was upgraded while it runs reads "… (deleted)".
  if ((await readlink(`/proc/${pid}/exe`)).split(" ")[0] !== charonProgram) return undefined;
  if (!(await readFile(`/proc/${pid}/environ`, "utf8")).split("\0").includes(marked)) return undefined;
  return { pid, network: await readlink(`/proc/${pid}/ns/net`) };
}
