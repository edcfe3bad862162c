// Which PostgreSQL the settings name, how it is told who we are, and whether it will do.
import { readFileSync } from "node:fs";
import type { ClientConfig, Pool } from "pg";
import { parseIntoClientConfig } from "pg-connection-string";
import { StoreError } from "./errors.ts";
import { onlyRow } from "./prepared.ts";

const oldestVersion = 150_000;

/** @throws StoreError unavailable */
export function readUrl(url: string): ClientConfig {
  try {
    return parseIntoClientConfig(url);
  } catch {
    // Not the parser's message: there may be a password in it.
    throw new StoreError("unavailable", "the URL of the database cannot be read");
  }
}

/** The password for each new connection: what the file holds then, or held when it could be read last. @throws StoreError unavailable */
export function watchPassword(path: string): () => string {
  let password = readPassword(path);
  return () => {
    try {
      password = readPassword(path);
    } catch {
      // Thrown here it would leave a connection half open.
    }
    return password;
  };
}

function readPassword(path: string): string {
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new StoreError("unavailable", `the file of the database's password ${path} cannot be read`, { cause });
  }
}

export interface ServerFacts {
  readonly version: number;
  readonly encoding: string;
  /** The server's own setting of synchronous_commit, or what else waits for the disk. */
  readonly durableCommit: string;
}

const selectFacts = `select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
  replace(current_setting('synchronous_commit'), 'off', 'on') as "durableCommit"`;

/** @param name for messages. @throws StoreError unavailable */
export async function checkServer(pool: Pool, name: string): Promise<ServerFacts> {
  const facts = await readFacts(pool, name);
  const { version, encoding } = facts;
  if (version < oldestVersion) {
    const older = Math.floor(version / 10_000);
    throw new StoreError("unavailable", `the database ${name} is PostgreSQL ${older}; 15 or newer is needed`);
  }
  if (encoding !== "UTF8") {
    throw new StoreError("unavailable", `the database ${name} has the encoding ${encoding}; UTF8 is needed`);
  }
  return facts;
}

async function readFacts(pool: Pool, name: string): Promise<ServerFacts> {
  try {
    return onlyRow((await pool.query<ServerFacts>(selectFacts)).rows);
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    const reason = cause instanceof Error ? cause.message || ("code" in cause && cause.code) : cause;
    throw new StoreError("unavailable", `the database ${name} cannot be opened: ${reason}`, { cause });
  }
}
