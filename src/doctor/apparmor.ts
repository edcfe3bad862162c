// AppArmor, whose profiles for charon, swanctl and tcpdump know nothing of our directories: whether it has refused them anything.
import { readFile } from "node:fs/promises";
import { run } from "../dataplane/charon/ip.ts";
import { type Check, ok, warn } from "./check.ts";

export interface SeenAppArmor {
  readonly isActive: boolean;
  /** The kernel's log; undefined when it may not be read. */
  readonly kernelLog: string | undefined;
}

export async function probeAppArmor(): Promise<SeenAppArmor> {
  const enabled = await readFile("/sys/module/apparmor/parameters/enabled", "utf8").catch(() => "");
  const isActive = enabled.trim() === "Y";
  return { isActive, kernelLog: isActive ? await run("dmesg", []).catch(() => undefined) : "" };
}

export interface Denial {
  readonly profile: string;
  readonly path: string;
}

/** `apparmor="DENIED" … profile="/usr/sbin/charon-systemd" name="/run/…"`, for the programs that we start. */
export function readDenials(kernelLog: string): Denial[] {
  return kernelLog.split("\n").flatMap((line) => {
    const profile = /\bprofile="([^"]*)"/.exec(line)?.[1] ?? "";
    const isOurs = line.includes('apparmor="DENIED"') && /charon|swanctl|tcpdump/.test(profile);
    return isOurs ? { profile, path: /\bname="([^"]*)"/.exec(line)?.[1] ?? "" } : [];
  });
}

export function judgeAppArmor({ isActive, kernelLog }: SeenAppArmor): Check {
  if (!isActive) return ok("apparmor", "AppArmor is not active.");
  if (kernelLog === undefined) {
    const found = "AppArmor is active; the kernel's log, which would tell what it denies, cannot be read.";
    return warn("apparmor", found);
  }
  const denials = readDenials(kernelLog);
  const last = denials.at(-1);
  if (last === undefined)
    return ok("apparmor", "AppArmor is active and has denied charon, swanctl and tcpdump nothing.");
  const file = last.profile.replace(/^\//, "").replaceAll("/", ".");
  const rule = last.path.startsWith("/run/culvert/") ? "/run/culvert/** rwk," : `${last.path} rwk,`;
  return warn(
    "apparmor",
    `AppArmor has denied them ${denials.length} time(s), the last time ${last.path || "something"} to ${last.profile}.`,
    `Run \`echo '${rule}' >>/etc/apparmor.d/local/${file} && apparmor_parser -r /etc/apparmor.d/${file}\`.`,
  );
}
