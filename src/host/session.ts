// The session of a host: what its data directory is called towards the API, so that a restart on it is the same host, and its token is good
// for one directory at a time (docs/decisions/0104-a-lease-for-each-gateway.md).
import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Reads it, or makes one: when there is none, or what is there is none. Its file is the user's own (0600). */
export function ensureSession(dataDir: string): string {
  const file = join(dataDir, "host.session");
  const found = readSession(file);
  if (found !== undefined) return found;
  const session = randomUUID();
  const options = { mode: 0o600, flush: true };
  writeFileSync(`${file}.new`, `${session}\n`, options);
  renameSync(`${file}.new`, file);
  return session;
}

function readSession(file: string): string | undefined {
  try {
    const text = readFileSync(file, "utf8").trim();
    return /^[0-9a-f-]{36}$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
