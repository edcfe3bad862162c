// The data directory: whether a server can work in it, who may read its keys, and whether a server does.
import { constants, type Stats } from "node:fs";
import { access, readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Check, codeOf, fail, ok, warn } from "./check.ts";

/** The files whose names settings may change. */
export interface DataPlace {
  readonly dir: string;
  readonly database: string;
  readonly masterKey: string;
}

export interface SeenDataDir {
  /** `closed`: it may not be looked into. */
  readonly kind: "directory" | "absent" | "other" | "closed";
  readonly mode: number;
  /** Of the directory itself or, when it is absent, of the nearest one above it. */
  readonly isWritable: boolean;
}

export async function probeDataDir(dir: string): Promise<SeenDataDir> {
  try {
    const entry = await stat(dir);
    if (!entry.isDirectory()) return { kind: "other", mode: entry.mode & 0o777, isWritable: false };
    const isOpen = await may(dir, constants.R_OK | constants.X_OK);
    const isWritable = await may(dir, constants.W_OK);
    return { kind: isOpen ? "directory" : "closed", mode: entry.mode & 0o777, isWritable };
  } catch (error) {
    if (codeOf(error) !== "ENOENT") return { kind: "closed", mode: 0, isWritable: false };
    return { kind: "absent", mode: 0, isWritable: await canMakeIn(dirname(resolve(dir))) };
  }
}

async function canMakeIn(dir: string): Promise<boolean> {
  const entry = await stat(dir).catch(() => undefined);
  if (entry !== undefined || dir === dirname(dir)) return await may(dir, constants.W_OK | constants.X_OK);
  return await canMakeIn(dirname(dir));
}

async function may(path: string, mode: number): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}

export function judgeDataDir(dir: string, seen: SeenDataDir): Check {
  const other = "Run it as the user that the server runs as, or give another directory with `--data DIR`.";
  switch (seen.kind) {
    case "other":
      return fail("data", `${dir} is not a directory.`, other);
    case "closed":
      return fail("data", `${dir} may not be looked into.`, other);
    case "absent":
      if (!seen.isWritable) return fail("data", `${dir} is not there and cannot be made.`, other);
      return ok("data", `${dir} is not there yet; the first start makes it.`);
    case "directory":
      if (!seen.isWritable) return fail("data", `${dir} cannot be written to.`, other);
      if ((seen.mode & 0o077) === 0) return ok("data", `${dir} is there, for its owner alone.`);
      return warn("data", `${dir} is open to others (mode ${octal(seen.mode)}).`, `Run \`chmod 700 ${dir}\`.`);
  }
}

export interface SeenFile {
  readonly path: string;
  /** undefined: the file is not there. */
  readonly mode: number | undefined;
}

export async function probeFile(path: string): Promise<SeenFile> {
  const entry = await stat(path).catch((): Stats | undefined => undefined);
  return { path, mode: entry === undefined ? undefined : entry.mode & 0o777 };
}

/** Where the administrator's key is. */
export function adminKeyOf(dir: string): string {
  return join(dir, "admin.key.json");
}

/** @param database the file with the sealed keys; undefined when they are on a server */
export function judgeKeys(database: SeenFile | undefined, masterKey: SeenFile, adminKey: SeenFile): Check {
  if (database?.mode !== undefined && masterKey.mode === undefined) {
    return fail(
      "keys",
      `${database.path} is there, but the key that opens its secrets is not: ${masterKey.path}.`,
      "Put the file back from the backup before any start: a start makes a new key, which opens nothing.",
    );
  }
  const files = [masterKey, adminKey, ...(database === undefined ? [] : [database])];
  const open = files.filter(({ mode = 0 }) => (mode & 0o077) !== 0);
  if (open.length > 0) {
    const names = open.map(({ path, mode = 0 }) => `${path} (mode ${octal(mode)})`).join(", ");
    return fail("keys", `Others may read ${names}.`, `Run \`chmod 600 ${open.map(({ path }) => path).join(" ")}\`.`);
  }
  if ((database ?? masterKey).mode === undefined) return ok("keys", "There are none yet; the first start makes them.");
  if (adminKey.mode !== undefined)
    return ok("keys", "The master key and the administrator's key are for their owner alone.");
  return ok("keys", "The master key is for its owner alone; the administrator's key has been taken away.");
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** The process that holds the data directory's lock; `unknown` where the system does not tell. */
export type SeenServer = { readonly kind: "none" | "unknown" } | { readonly kind: "running"; readonly pid: number };

/** Reads the kernel's list of locks: taking the lock to see whether it is free would keep a server from starting. */
export async function probeServer(dir: string): Promise<SeenServer> {
  const path = join(dir, "serve.lock");
  const entry = await stat(path).catch(() => undefined);
  if (entry === undefined) return { kind: "none" };
  const locks = await readFile("/proc/locks", "utf8").catch(() => undefined);
  if (locks === undefined) return { kind: "unknown" };
  const file = await realpath(path);
  for (const pid of readLockHolders(locks, entry.ino)) if (await mayHold(pid, file)) return { kind: "running", pid };
  return { kind: "none" };
}

/** `2: POSIX  ADVISORY  WRITE 4711 fe:00:2146407 1073741824 1073742335`: who writes to the file of that number. */
export function readLockHolders(locks: string, inode: number): number[] {
  return locks.split("\n").flatMap((line) => {
    const [, type, , access, pid, file] = line.trim().split(/\s+/);
    const isHeld = type === "POSIX" && access === "WRITE" && file?.split(":")[2] === String(inode);
    return isHeld ? Number(pid) : [];
  });
}

/** Files on other file systems may have the same number; a process that does not show its files is believed. */
async function mayHold(pid: number, file: string): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => undefined);
  if (fds === undefined) return true;
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return targets.includes(file);
}

export function judgeServer(seen: SeenServer): Check {
  switch (seen.kind) {
    case "running":
      return ok("server", `A server runs on this data directory (process ${seen.pid}).`);
    case "none":
      return ok("server", "No server runs on this data directory.");
    case "unknown":
      return ok("server", "Whether a server runs on this data directory cannot be told here.");
  }
}
