// Whether this machine can carry gateways at all, asked once at start.
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { DataplaneError } from "../dataplane.ts";
import { charonProgram } from "./charon-process.ts";
import type { Names } from "./names.ts";

const nftProgram = "/usr/sbin/nft";
/** sun_path has 108 bytes, with its final zero. */
const socketPathLimitBytes = 100;

/**
 * Makes the instance's run directory (0700), and makes sure of what every gateway needs. @throws DataplaneError with what is
 * missing
 */
export async function checkMachine(names: Names): Promise<void> {
  if (Buffer.byteLength(names.viciSocket(Number.MAX_SAFE_INTEGER)) > socketPathLimitBytes) {
    throw new DataplaneError("gateway", `the run directory's path is too long for a socket in it: ${names.runDir}`);
  }
  if (process.getuid?.() !== 0) throw new DataplaneError("gateway", "only root can make network namespaces");
  await demand(charonProgram, constants.X_OK, "strongSwan is not installed (Debian package charon-systemd)");
  await demand(nftProgram, constants.X_OK, "nft is not installed (Debian package nftables)");
  await mkdir(names.runDir, { recursive: true, mode: 0o700 });
}

/** What ESP in userspace needs beside that. @throws DataplaneError when it is missing */
export async function checkTun(): Promise<void> {
  await demand("/dev/net/tun", constants.R_OK | constants.W_OK, "ESP in userspace needs the TUN device");
}

async function demand(path: string, mode: number, reason: string): Promise<void> {
  await access(path, mode).catch((cause) => {
    throw new DataplaneError("gateway", `${reason}: ${path}`, { cause });
  });
}
