// The server of the demo: a process of its own, as a user would start it, on a data directory of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readEnvironment } from "../config.ts";
import { poll } from "./poll.ts";

const program = fileURLToPath(new URL("../../bin/culvert", import.meta.url));
const startBoundMs = 15_000;
const stopBoundMs = 12_000;

export interface ServerProcess {
  /** `http://127.0.0.1:41234`: a port that was free. */
  readonly endpoint: string;
  readonly keyFile: string;
  readonly logFile: string;
  /** Ends it: SIGTERM, and SIGKILL when that takes too long; or at once by the signal that is asked for. */
  stop(signal?: "SIGKILL"): Promise<void>;
}

/**
 * @param env settings beside those of this process's environment: `{ CULVERT_LOG_LEVEL: "warn" }`
 * @param within a command that runs the command behind it and becomes it: `["nice", "-n5"]`
 * @throws Error with the server's last words when it does not start
 */
export async function startServerProcess(
  dataDir: string,
  dataplane: "charon" | "simulated",
  env: Readonly<Record<string, string>> = {},
  within: readonly string[] = [],
): Promise<ServerProcess> {
  const logFile = join(dataDir, "serve.log");
  const log = openSync(logFile, "a", 0o600);
  const earlier = fstatSync(log).size;
  const args = ["serve", "--data", dataDir, "--dataplane", dataplane, "--listen", "127.0.0.1:0"];
  // A process group of its own: Ctrl-C is for the demo, which then stops the server in its turn.
  const [file = program, ...rest] = [...within, program, ...args];
  const child = spawn(file, rest, {
    stdio: ["ignore", log, log],
    detached: true,
    env: { ...readEnvironment(), ...env },
  });
  closeSync(log);
  const endpoint = await poll(startBoundMs, async () => {
    const said = readFileSync(logFile).subarray(earlier).toString("utf8");
    if (child.exitCode !== null) throw new Error(`the server did not start: ${said.trim().split("\n").at(-1)}`);
    return /the API is at (https?:[^ ]+)\/v2/.exec(said)?.[1];
  });
  if (endpoint === undefined) {
    await stop(child);
    throw new Error(`the server does not answer; its log is in ${logFile}`);
  }
  return { endpoint, keyFile: join(dataDir, "admin.key.json"), logFile, stop: (signal) => stop(child, signal) };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), stopBoundMs);
  await ended;
  clearTimeout(timer);
}
