// Whether the machine's own IKE ports are taken. It is for information: each gateway has its ports in a namespace of its own.
import { readdir, readFile, readlink } from "node:fs/promises";
import { type Check, ok } from "./check.ts";

const ikePorts = [500, 4500] as const;

/** Somebody who holds one of the IKE ports of the machine's own namespace. */
export interface PortHolder {
  readonly port: number;
  /** Its name; undefined when it may not be known to us. */
  readonly program: string | undefined;
}

export async function probeHostIke(): Promise<PortHolder[]> {
  const tables = await Promise.all(
    ["udp", "udp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
  );
  const sockets = tables.flatMap(readSockets);
  return await Promise.all(sockets.map(async ({ port, inode }) => ({ port, program: await findHolder(inode) })));
}

/** The IKE ports in the text of /proc/net/udp: `local_address` is the second column, `inode` the tenth. */
export function readSockets(table: string): { port: number; inode: string }[] {
  return table.split("\n").flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const port = Number.parseInt(columns[1]?.split(":")[1] ?? "", 16);
    return ikePorts.some((known) => known === port) ? { port, inode: columns[9] ?? "" } : [];
  });
}

async function findHolder(inode: string): Promise<string | undefined> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  for (const pid of pids) {
    const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
    if (targets.includes(`socket:[${inode}]`)) {
      return (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim() || undefined;
    }
  }
  return undefined;
}

export function judgeHostIke(holders: readonly PortHolder[]): Check {
  if (holders.length === 0) return ok("host's ike", "Nobody on this machine listens on UDP 500 or 4500.");
  const ports = [...new Set(holders.map(({ port }) => port))].sort((a, b) => a - b).join(" and ");
  const programs = [...new Set(holders.map(({ program }) => program ?? "a program of another user"))].join(" and ");
  return ok("host's ike", `UDP ${ports} belong to ${programs}: no conflict, gateways have their own in namespaces.`);
}
