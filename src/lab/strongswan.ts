// A strongSwan of somebody else's, in a network namespace: its files, its charon, its swanctl. It is run from files as the package
// is meant to be, and shares nothing with the data plane's charons: the lab's remote site must not know what we know.
import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { run } from "../dataplane/charon/ip.ts";
import type { Names } from "../dataplane/charon/names.ts";
import { poll } from "../dataplane/charon/poll.ts";
import { charonProgram, confOf, endSwans, findSwan, type SwanPlace } from "./swan-process.ts";

/** iproute2 mounts what is in `<this>/<namespace>` over `/etc` for every `ip netns exec` (ip-netns(8)). */
const etcRoot = "/etc/netns";
const startBoundMs = 10_000;

export interface SwanFiles {
  readonly strongswanConf: string;
  /** Holds the secrets. */
  readonly swanctlConf: string;
}

/** The gateway of the lab's remote site. */
export function remotePlace(names: Names): SwanPlace {
  return { namespace: names.labNamespace("remote"), dir: names.labDir };
}

const etcOf = (place: SwanPlace) => join(etcRoot, place.namespace);
const socketOf = (place: SwanPlace) => join(place.dir, "charon.vici");

/** Writes what is /etc/strongswan.conf and /etc/swanctl/swanctl.conf inside the namespace. */
export async function writeSwanFiles(place: SwanPlace, files: SwanFiles): Promise<void> {
  const swanctlDir = join(etcOf(place), "swanctl");
  await mkdir(place.dir, { recursive: true, mode: 0o700 });
  await mkdir(swanctlDir, { recursive: true, mode: 0o700 });
  // The package's own empty directories: swanctl complains about each that is missing.
  for (const entry of await readdir("/etc/swanctl", { withFileTypes: true })) {
    if (entry.isDirectory()) await mkdir(join(swanctlDir, entry.name), { recursive: true, mode: 0o700 });
  }
  // charon reads the first, by which it is known; swanctl reads the second.
  for (const path of [confOf(place), join(etcOf(place), "strongswan.conf")]) {
    await writeFile(path, files.strongswanConf, { mode: 0o600 });
  }
  await writeFile(join(swanctlDir, "swanctl.conf"), files.swanctlConf, { mode: 0o600 });
}

/** Starts charon, detached, unless it runs, and has it read its files again. @throws Error with the end of its log */
export async function startSwan(place: SwanPlace): Promise<void> {
  if ((await findSwan(place)) === undefined) {
    await endSwans(place);
    await rm(socketOf(place), { force: true });
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", STRONGSWAN_CONF: confOf(place) };
    const args = ["netns", "exec", place.namespace, charonProgram];
    spawn("ip", args, { detached: true, stdio: "ignore", cwd: "/", env })
      .on("error", () => {})
      .unref();
  }
  const hasAnswered = await poll(startBoundMs, async () => ((await canConnect(socketOf(place))) ? true : undefined));
  if (!hasAnswered) {
    const log = await readFile(join(place.dir, "charon.log"), "utf8").catch(() => "");
    const last = log.trim().split("\n").at(-1) ?? "";
    throw new Error(`charon does not answer in ${place.namespace}: ${last || "it has written no log"}`);
  }
  const said = await swanctl(place, "--load-all", "--noprompt");
  // A file that it cannot read makes swanctl load nothing and call that a success.
  if (!said.includes("loaded connection")) throw new Error(`swanctl.conf of ${place.namespace} cannot be read.`);
}

/** Runs swanctl inside the namespace, where it finds the files and the charon of its place. @throws CommandError */
export function swanctl(place: SwanPlace, command: `--${string}`, ...args: string[]): Promise<string> {
  // swanctl takes the socket after its command only.
  const all = ["swanctl", command, ...args, "--uri", `unix://${socketOf(place)}`];
  return run("ip", ["netns", "exec", place.namespace, "env", "-u", "STRONGSWAN_CONF", ...all]);
}

/** Ends charon and removes its files in /etc. Fine when there is nothing. */
export async function removeSwan(place: SwanPlace): Promise<void> {
  await endSwans(place);
  await rm(etcOf(place), { recursive: true, force: true });
  await rmdir(etcRoot).catch(() => {}); // stays when anybody else has something in it
}

/** Whether somebody listens; the socket's file alone proves nothing, it outlives a killed charon. */
function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
