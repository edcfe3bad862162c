// What the lab remembers between two commands: one JSON file without secrets. It is written before anything is made, so that a
// command that was cut in half can be cleared away.
import { mkdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Names } from "../dataplane/charon/names.ts";
import type { RemoteLinks } from "./topology.ts";

/** A VPC that the lab has a host in. */
export interface LabVpc {
  readonly id: number;
  /** For people: `vpc-amhnnao5`. */
  readonly uid: string;
  /** `10.0.0.0/16` */
  readonly cidr: string;
}

export interface LabState extends RemoteLinks {
  readonly vpcs: readonly LabVpc[];
}

const fileOf = (names: Names) => join(names.labDir, "lab.json");

/** undefined when the lab is not up. */
export async function findLabState(names: Names): Promise<LabState | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(names), "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`${fileOf(names)} cannot be read; \`culvert lab down\` clears it away.`, { cause: error });
  }
}

export async function writeLabState(names: Names, state: LabState): Promise<void> {
  await mkdir(names.labDir, { recursive: true, mode: 0o700 });
  await writeFile(`${fileOf(names)}.new`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${fileOf(names)}.new`, fileOf(names));
}

/** Removes the lab's directory, and the instance's when nothing else is in it. */
export async function removeLabState(names: Names): Promise<void> {
  await rm(names.labDir, { recursive: true, force: true });
  await rmdir(dirname(names.labDir)).catch(() => {});
}
