// What was asked for one gateway's network, kept beside its charon: what a server that finds the gateway running compares the
// machine with. It goes with the machine's memory (/run), as the network does. It holds no secret.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GatewaySpec } from "../dataplane.ts";
import type { Esp } from "./esp.ts";
import type { Attachments } from "./legs.ts";

/** A gateway as it was last asked for, and the local networks it was given an address in. */
export interface GatewayRecord {
  readonly gateway: GatewaySpec;
  readonly localNetworks: readonly string[];
  /** Where it was attached, and who does its ESP; undefined: by a version that knew wires of its own and userspace only. */
  readonly attachments?: Attachments;
  readonly esp?: Esp;
}

const fileOf = (dir: string) => join(dir, "gateway.json");

/** The record in a gateway's run directory; undefined when there is none that can be read. */
export async function findRecord(dir: string): Promise<GatewayRecord | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(dir), "utf8")) as GatewayRecord;
  } catch {
    return undefined;
  }
}

/** Writes the record, whole or not at all. */
export async function writeRecord(dir: string, record: GatewayRecord): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFile(`${fileOf(dir)}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${fileOf(dir)}.new`, fileOf(dir));
}
