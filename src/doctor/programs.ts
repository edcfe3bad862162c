// The programs and the device that are needed beside charon.
import { constants } from "node:fs";
import { access, open } from "node:fs/promises";
import { charonProgram } from "../dataplane/charon/charon-process.ts";
import { run } from "../dataplane/charon/ip.ts";
import { type Check, codeOf, fail, ok, warn } from "./check.ts";

/** Debian's packages, and how to get all of them at once. The script keeps charon-systemd's own service from starting. */
export const installPackages = "Run `sh scripts/bootstrap.sh dataplane` as root in Culvert's directory.";

const list = new Intl.ListFormat("en-GB");

/** What the server calls, and what only the lab and the demo do. */
export const serverPrograms = ["ip", "nft", "sysctl"] as const;
export const labPrograms = ["swanctl", "tcpdump", "ping"] as const;

/** `elsewhere`: it is there, but PATH does not lead to it (a root shell by plain su has no sbin). */
export type SeenProgram = { readonly name: string; readonly place: "path" | "elsewhere" | "absent" };

export async function probeProgram(name: string): Promise<SeenProgram> {
  const isInPath = await run("sh", ["-c", 'command -v "$1"', "sh", name]).then(
    () => true,
    () => false,
  );
  if (isInPath) return { name, place: "path" };
  const places = await Promise.all(["/usr/sbin", "/sbin"].map((dir) => isExecutable(`${dir}/${name}`)));
  return { name, place: places.includes(true) ? "elsewhere" : "absent" };
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

export function judgePrograms(seen: readonly SeenProgram[]): Check {
  const missing = namesOf(seen, "absent");
  if (missing.length > 0) return fail("programs", `There is no ${missing.join(", no ")}.`, installPackages);
  const elsewhere = namesOf(seen, "elsewhere");
  if (elsewhere.length === 0) return ok("programs", `${list.format(seen.map(({ name }) => name))} are there.`);
  const found = `PATH does not lead to ${elsewhere.join(" and ")}.`;
  return fail("programs", found, "Run `export PATH=$PATH:/usr/sbin:/sbin`, then start Culvert from that shell.");
}

export function judgeLabPrograms(seen: readonly SeenProgram[]): Check {
  const missing = seen.filter(({ place }) => place !== "path").map(({ name }) => name);
  if (missing.length === 0) return ok("lab programs", `${seen.map(({ name }) => name).join(", ")} are there.`);
  return warn("lab programs", `The lab and the demo lack ${missing.join(", ")}; the server does not.`, installPackages);
}

function namesOf(seen: readonly SeenProgram[], place: SeenProgram["place"]): string[] {
  return seen.filter((program) => program.place === place).map(({ name }) => name);
}

/** Whether charon is installed. It is not asked for its version: it knows no such option, and would start as a daemon. */
export async function probeStrongswan(): Promise<boolean> {
  return await isExecutable(charonProgram);
}

export function judgeStrongswan(isThere: boolean): Check {
  if (isThere) return ok("strongswan", `${charonProgram} is there.`);
  return fail("strongswan", `strongSwan is not installed: there is no ${charonProgram} to run.`, installPackages);
}

const tunDevice = "/dev/net/tun";

/** The error code of opening the TUN device; undefined when it opens. */
export async function probeTun(): Promise<string | undefined> {
  try {
    await (await open(tunDevice, "r+")).close();
    return undefined;
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
}

export function judgeTun(errorCode: string | undefined, isNeeded = true): Check {
  if (errorCode !== undefined && !isNeeded) return ok("tun", "There is none, and the kernel's ESP needs none.");
  switch (errorCode) {
    case undefined:
      return ok("tun", `${tunDevice} can be opened.`);
    case "ENOENT":
    case "ENODEV":
      return fail(
        "tun",
        `There is no ${tunDevice}, which ESP in userspace needs.`,
        "Run `modprobe tun`; for a container, add `--device /dev/net/tun`.",
      );
    default:
      return fail(
        "tun",
        `${tunDevice} cannot be opened (${errorCode}).`,
        "Start the container with `--device /dev/net/tun`.",
      );
  }
}
