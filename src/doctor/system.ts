// The Node that runs this, and the operating system under it.
import { readFile } from "node:fs/promises";
import { arch, platform, release } from "node:os";
import { type Check, fail, ok } from "./check.ts";

/** The line the lockfile carries; older ones crash in better-sqlite3 or cannot run TypeScript. */
const leastNodeMajor = 24;

export function judgeNode(version: string): Check {
  if (Number.parseInt(version, 10) >= leastNodeMajor) return ok("node", `Node.js ${version}.`);
  return fail(
    "node",
    `Node.js ${version}; ${leastNodeMajor} or newer is needed.`,
    "Run `sh scripts/bootstrap.sh`, then start Culvert by `bin/culvert`, which uses the Node of the lockfile.",
  );
}

export interface SeenSystem {
  readonly platform: string;
  readonly release: string;
  readonly architecture: string;
  /** The text of os-release(5). */
  readonly osRelease: string;
}

export async function probeSystem(): Promise<SeenSystem> {
  const osRelease = await readFile("/etc/os-release", "utf8").catch(() => "");
  return { platform: platform(), release: release(), architecture: arch(), osRelease };
}

export function judgeSystem(seen: SeenSystem): Check {
  if (seen.platform !== "linux") {
    const fix = "Run the gateways on Linux, or `culvert serve --dataplane simulated` for the API alone.";
    return fail("system", `${seen.platform} has no network namespaces.`, fix);
  }
  const name = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(seen.osRelease)?.[1] ?? "an unnamed distribution";
  return ok("system", `${name}, Linux ${seen.release}, ${seen.architecture}.`);
}
