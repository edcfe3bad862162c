// One charon process: starts it, finds it again after a restart of the server, stops it. It never ends a process that it has not
// proved to be the charon of the place. What charon is told once it runs is charon-dataplane.ts's.
import { spawn } from "node:child_process";
import { mkdir, open, readFile, readlink, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ViciSession } from "../../vici/session.ts";
import { DataplaneError } from "../dataplane.ts";
import { charonConf } from "./charon-conf.ts";
import type { Esp } from "./esp.ts";
import { ipBatch } from "./ip.ts";
import { poll } from "./poll.ts";

/** charon without a pid file of its own: many may run. It needs no systemd. */
export const charonProgram = "/usr/sbin/charon-systemd";
/** A start takes about 10 ms; a machine that swaps may need seconds. */
const startBoundMs = 5_000;
/** With 1000 tunnels up charon takes 1.6 s to say goodbye to all peers. */
const terminateBoundMs = 5_000;
const killBoundMs = 2_000;
const logLimitBytes = 2 * 1024 * 1024;

/**
 * Where one charon lives: its network namespace, and a directory of its own (0700) for its configuration, socket, log and
 * pid.
 */
export interface CharonPlace {
  readonly namespace: string;
  readonly dir: string;
}

/** The VICI socket of a place. Its file outlives a killed charon: only an answer proves anything. */
export function viciSocketOf(place: CharonPlace): string {
  return join(place.dir, "charon.vici");
}

const confOf = (place: CharonPlace) => join(place.dir, "strongswan.conf");
const pidFileOf = ({ dir }: Pick<CharonPlace, "dir">) => join(dir, "charon.pid");
/** charon's log; what was in it before is in the older one (olderLogOf). */
export const logOf = (place: CharonPlace) => join(place.dir, "charon.log");
export const olderLogOf = (log: string) => `${log}.1`;
const outputOf = (place: CharonPlace) => join(place.dir, "charon.out");

/**
 * Starts charon in its namespace, detached: it outlives the server. Resolves with its pid once it answers on VICI. A charon
 * of this place that runs and answers is kept; one that does not answer, or that runs in a namespace that has been replaced,
 * is ended first.
 * @throws DataplaneError (gateway) after 5 s at most, with the last telling line of charon's log
 */
export async function startCharon(place: CharonPlace, esp: Esp = "userspace"): Promise<number> {
  if ((await findProcess(place)) !== undefined) {
    const running = await findCharon(place);
    if (running !== undefined && (await poll(startBoundMs, () => findAnswer(place)))) return running;
    await stopCharon(place);
  }
  await mkdir(place.dir, { recursive: true, mode: 0o700 });
  await Promise.all([
    writeFile(confOf(place), charonConf(place.dir, esp), { mode: 0o600 }),
    rm(viciSocketOf(place), { force: true }),
    rename(logOf(place), olderLogOf(logOf(place))).catch(ignoreAbsent),
  ]);
  // What a charon that was killed has left in the kernel belongs to nobody any more.
  if (esp === "kernel") await ipBatch(place.namespace, ["xfrm state flush", "xfrm policy flush"]);
  const child = await launch(place);
  const isUp = await poll(startBoundMs, async () => {
    if (child.hasEnded()) return false;
    return (await findAnswer(place)) === undefined ? undefined : true;
  });
  const pid = isUp ? await findCharon(place) : undefined;
  if (pid !== undefined) return pid;
  const reason = await lastWords(place);
  await stopCharon(place);
  throw new DataplaneError("gateway", `charon did not start in ${place.namespace}: ${reason ?? "it does not answer"}`);
}

/** The pid of this place's charon if it is alive, proved by its environment and its namespace: pids are used again. */
export async function findCharon(place: CharonPlace): Promise<number | undefined> {
  const pid = await findProcess(place);
  if (pid === undefined) return undefined;
  try {
    const [own, named] = await Promise.all([
      readlink(`/proc/${pid}/ns/net`),
      stat(join("/run/netns", place.namespace)).then((entry) => `net:[${entry.ino}]`),
    ]);
    return own === named ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Ends this place's charon: SIGTERM, by which its peers are told, then SIGKILL. Fine when it does not run.
 * @throws DataplaneError (gateway) when it cannot be ended
 */
export async function stopCharon(place: CharonPlace): Promise<void> {
  for (const [signal, boundMs] of [
    ["SIGTERM", terminateBoundMs],
    ["SIGKILL", killBoundMs],
  ] as const) {
    const pid = await findProcess(place);
    if (pid !== undefined) signalProcess(pid, signal);
    const hasEnded = await poll(boundMs, async () => ((await findProcess(place)) === undefined ? true : undefined));
    if (hasEnded) return await rm(pidFileOf(place), { force: true });
  }
  throw new DataplaneError("gateway", `charon of ${place.namespace} does not end`);
}

/** Keeps the log below 2 MiB and one older part: renames it and lets charon open it anew. Does nothing while it is small. */
export async function trimLog(place: CharonPlace, session: ViciSession): Promise<void> {
  const entry = await stat(logOf(place)).catch(ignoreAbsent);
  if (entry !== undefined && entry.size <= logLimitBytes) return;
  // Without a log charon still writes to the renamed one: a crash came between these two steps.
  if (entry !== undefined) await rename(logOf(place), olderLogOf(logOf(place)));
  await session.request("reload-settings");
}

/** Runs charon through a shell that writes its own pid first, so that a server which dies at this moment loses no process. */
async function launch(place: CharonPlace): Promise<{ hasEnded(): boolean }> {
  const script = 'echo $$ >"$1" && exec ip netns exec "$2" "$3"';
  const args = ["-c", script, "sh", pidFileOf(place), place.namespace, charonProgram];
  const output = await open(outputOf(place), "w", 0o600);
  try {
    const child = spawn("/bin/sh", args, {
      detached: true,
      stdio: ["ignore", output.fd, output.fd],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", STRONGSWAN_CONF: confOf(place) },
      cwd: "/",
    });
    let hasEnded = false;
    child.once("exit", () => {
      hasEnded = true;
    });
    child.once("error", () => {
      hasEnded = true;
    });
    child.unref();
    return { hasEnded: () => hasEnded };
  } finally {
    await output.close();
  }
}

/** Whether charon answers; undefined when not (yet). */
async function findAnswer(place: CharonPlace): Promise<true | undefined> {
  try {
    const session = await ViciSession.connect(viciSocketOf(place), { timeoutMs: 1_000 });
    try {
      await session.request("version", {}, { timeoutMs: 1_000 });
      return true;
    } finally {
      session.close();
    }
  } catch {
    return undefined;
  }
}

/**
 * The recorded process if it was started for this place, whatever namespace it is in. A zombie has no environment and is
 * none.
 */
async function findProcess(place: CharonPlace): Promise<number | undefined> {
  try {
    const pid = await recordedPid(place.dir);
    if (pid === undefined) return undefined;
    const environment = await readFile(`/proc/${pid}/environ`, "utf8");
    return environment.split("\0").includes(`STRONGSWAN_CONF=${confOf(place)}`) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** The pid in a place's directory, whatever process has it now; undefined when there is none. */
export async function recordedPid(dir: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(pidFileOf({ dir }), "utf8").catch(() => ""), 10);
  return pid > 1 ? pid : undefined;
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The last line of charon's log, or else of its output, without the time stamp and the thread. */
async function lastWords(place: CharonPlace): Promise<string | undefined> {
  for (const path of [logOf(place), outputOf(place)]) {
    const text = await readFile(path, "utf8").catch(() => "");
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const line = lines.findLast((each) => /fail|error|cannot|unable|invalid|denied/i.test(each)) ?? lines.at(-1);
    if (line !== undefined) return line.replace(/^\S+ \d+\[\w+\]\s*/, "").trim();
  }
  return undefined;
}

/** For catch: a file that is not there is undefined. */
export function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
