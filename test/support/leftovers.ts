// Around the machine tests: lets one run at a time use the machine, and fails the run that leaves something on it: a namespace,
// a charon, a runtime directory, a link.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { machineReason } from "./machine.ts";

const lockFile = "/run/lock/culvert-machine-tests";
const longestWaitSeconds = 900;
/** What is going away when the last test ends may take this long. */
const graceMs = 3_000;

/** Called by vitest before the first machine test; what it returns is called after the last one. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (machineReason !== undefined) {
    process.stderr.write(`The machine tests are skipped: ${machineReason}.\n`);
    return undefined;
  }
  if (project.config.watch) return undefined; // it has no end, so it would hold the lock for ever
  const unlock = await lockMachine();
  const before = new Set(listTraces());
  return async () => {
    const left = await waitForLeftovers(before);
    await unlock();
    if (left.length === 0) return;
    process.exitCode = 1;
    const list = left.map((trace) => `  ${trace}\n`).join("");
    process.stderr.write(`\nFAILED: the machine tests left on this machine\n${list}`);
    process.stderr.write("(or something beside the tests started Culvert here meanwhile).\n");
  };
}

/** Two runs at once would take each other's work for leftovers and slow each other down. The lock goes with this process. */
async function lockMachine(): Promise<() => Promise<void>> {
  const command = ["--wait", `${longestWaitSeconds}`, lockFile, "sh", "-c", "echo locked; cat"];
  const holder = spawn("flock", command, { stdio: ["pipe", "pipe", "inherit"] });
  const exit = once(holder, "exit");
  const told = setTimeout(() => process.stderr.write("Waiting for another run of the machine tests to end.\n"), 2_000);
  const [locked] = await Promise.race([once(holder.stdout, "data"), exit.then(() => [undefined])]);
  clearTimeout(told);
  if (locked === undefined) throw new Error(`${lockFile} is held by another run for more than ${longestWaitSeconds} s`);
  return async () => {
    holder.stdin.end();
    await exit;
  };
}

async function waitForLeftovers(before: ReadonlySet<string>): Promise<string[]> {
  const deadline = Date.now() + graceMs;
  for (;;) {
    const left = listTraces().filter((trace) => !before.has(trace));
    if (left.length === 0 || Date.now() > deadline) return left;
    await sleep(50);
  }
}

/** Everything that Culvert makes on a machine, one line each. */
function listTraces(): string[] {
  return [
    ...ipJson<{ name: string }>("netns", "list").map(({ name }) => `namespace ${name}`),
    ...ipJson<{ ifname: string }>("link", "show").map(({ ifname }) => `link ${ifname}`),
    // /run/culvert itself is shared by every instance and may stay.
    ...globSync(["/run/culvert-*", "/run/culvert/*"]).map((path) => `directory ${path}`),
    ...globSync("/proc/[0-9]*/cmdline").flatMap(charonAt),
  ];
}

function ipJson<T>(...command: string[]): T[] {
  const text = execFileSync("ip", ["-json", ...command], { encoding: "utf8" });
  return text.trim() === "" ? [] : (JSON.parse(text) as T[]);
}

function charonAt(cmdlineFile: string): string[] {
  try {
    const [program = ""] = readFileSync(cmdlineFile, "utf8").split("\0");
    return program.endsWith("/charon-systemd") ? [`process ${cmdlineFile.split("/")[2]} (${program})`] : [];
  } catch {
    return []; // it has ended meanwhile
  }
}
