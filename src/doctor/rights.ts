// Whether this process may do what gateways need.
import { readFile } from "node:fs/promises";
import { type Check, fail, ok } from "./check.ts";

/** Bits of linux/capability.h. Making a namespace takes SYS_ADMIN, everything in it NET_ADMIN. */
const needed = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

export interface Rights {
  /** undefined: the system has no user ids. */
  readonly uid: number | undefined;
  /** CapEff of proc(5), in hex; undefined when it cannot be read. */
  readonly capabilities: string | undefined;
}

export async function probeRights(): Promise<Rights> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  return { uid: process.getuid?.(), capabilities: /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] };
}

export function hasRights({ uid, capabilities }: Rights): boolean {
  return uid === 0 && missingOf(capabilities).length === 0;
}

export function judgeRights({ uid, capabilities }: Rights): Check {
  if (uid !== 0) {
    const found = `It runs as uid ${uid ?? "(none)"}; only root can make network namespaces.`;
    return fail("rights", found, "Run it as root: `sudo bin/culvert doctor`, and so the server.");
  }
  const missing = missingOf(capabilities);
  if (missing.length === 0) return ok("rights", "It runs as root, with NET_ADMIN and SYS_ADMIN.");
  return fail(
    "rights",
    `It runs as root, but without ${missing.join(" and ")}.`,
    "Start the container with `--cap-add NET_ADMIN --cap-add SYS_ADMIN --device /dev/net/tun`.",
  );
}

function missingOf(capabilities: string | undefined): string[] {
  if (capabilities === undefined) return [];
  const bits = BigInt(`0x${capabilities}`);
  return Object.entries(needed).flatMap(([name, bit]) => ((bits >> bit) & 1n ? [] : name));
}
