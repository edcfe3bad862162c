// One at a time on this machine: the machine tests would take our namespaces for leftovers, and their work would be in our figures.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { printProgress } from "./report.ts";
import type { Scope } from "./scope.ts";

/** The lock of test/support/leftovers.ts. */
const lockFile = "/run/lock/culvert-machine-tests";
const longestWaitSeconds = 900;

/** Holds the lock until the scope ends. @throws Error when it is not free in time */
export async function lockMachine(scope: Scope): Promise<void> {
  const command = ["--wait", `${longestWaitSeconds}`, lockFile, "sh", "-c", "echo locked; cat"];
  const holder = spawn("flock", command, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = endOf(holder);
  scope.defer("the machine's lock", async () => {
    holder.stdin.end();
    holder.kill();
    await ended;
  });
  const told = setTimeout(() => printProgress("waiting for a run of the machine tests to end"), 2_000);
  const locked = await Promise.race([once(holder.stdout, "data").then(() => true), ended.then(() => false)]);
  clearTimeout(told);
  if (!locked) throw new Error(`${lockFile} was not free within ${longestWaitSeconds} s`);
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
}
