// Whether this machine can run the tests that need real namespaces and charon, and if not, why. Leaves nothing behind.
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { describe } from "vitest";

const charon = "/usr/sbin/charon-systemd";
const tun = "/dev/net/tun";

/** Why the tests of the `machine` project cannot run here; undefined when they can. */
export const machineReason: string | undefined = findReason();

/** A suite that needs the machine. Where it cannot run it is skipped with the reason in its name; test/support/leftovers.ts says it once on stderr. */
export function describeOnMachine(name: string, fn: () => void): void {
  if (machineReason === undefined) describe(name, fn);
  else describe.skip(`${name} (skipped: ${machineReason})`, fn);
}

const tshark = "/usr/bin/tshark";

/** As describeOnMachine, for a suite that needs tshark too, which `npm test` installs. Says on stderr when it is not there. */
export function describeWithTshark(name: string, fn: () => void): void {
  if (machineReason !== undefined || existsSync(tshark)) {
    describeOnMachine(name, fn);
    return;
  }
  const reason = `no ${tshark} (Debian package tshark)`;
  process.stderr.write(`The tests of ${name} are skipped: ${reason}.\n`);
  describe.skip(`${name} (skipped: ${reason})`, fn);
}

function findReason(): string | undefined {
  if (process.getuid?.() !== 0) return "not root";
  if (!existsSync(charon)) return `no ${charon} (Debian package charon-systemd)`;
  return (
    refusalOf(`no use of ${tun}`, () => closeSync(openSync(tun, "r+"))) ??
    refusalOf("no network namespaces", tryNamespace)
  );
}

function refusalOf(what: string, attempt: () => void): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return `${what}: ${error instanceof Error ? error.message.trim().split("\n").at(-1) : error}`;
  }
}

function tryNamespace(): void {
  const namespace = `cv-probe-${process.pid}`;
  execFileSync("ip", ["netns", "add", namespace], { stdio: "pipe" });
  execFileSync("ip", ["netns", "del", namespace], { stdio: "pipe" });
}
