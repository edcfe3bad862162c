// The administrator's key of a new installation: written to a file that only its owner can read, then into the store.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { ensureAccount, hasApiKeys, insertApiKey } from "../store/accounts.ts";
import type { Store } from "../store/store.ts";
import { Secret } from "../vpn/secret.ts";
import { generateKeyPair } from "./generate.ts";

/** Account of the administrator, and of keys that name no other. */
export const defaultAccount = "default";

interface KeyPair {
  readonly secretId: string;
  readonly secretKey: Secret;
}

/**
 * Makes the key when the store has none. The file comes first, so a crash between the two loses nothing: the next start finds the
 * file and puts its key into the store.
 * @returns whether a key was made
 */
export async function ensureAdminKey(store: Store, path: string, nowMs: number): Promise<boolean> {
  if (await hasApiKeys(store.db)) return false;
  const pair = existsSync(path) ? readKeyFile(path) : writeKeyFile(path, generateKeyPair());
  await store.transaction(async (db) => {
    const accountId = await ensureAccount(db, defaultAccount, nowMs);
    await insertApiKey(db, { ...pair, accountId, isReadOnly: false }, nowMs);
  });
  return true;
}

/** Reads `{"secretId","secretKey"}`. @throws Error when the file holds something else */
export function readKeyFile(path: string): KeyPair {
  const value = parseJson(readFileSync(path, "utf8"));
  if (typeof value === "object" && value !== null && "secretId" in value && "secretKey" in value) {
    const { secretId, secretKey } = value;
    if (typeof secretId === "string" && typeof secretKey === "string") {
      return { secretId, secretKey: new Secret(secretKey) };
    }
  }
  throw new Error(`${path} does not hold {"secretId","secretKey"}`);
}

/** Without the parser's message, which quotes the text: there may be a key in it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function writeKeyFile(path: string, pair: KeyPair): KeyPair {
  const text = JSON.stringify({ secretId: pair.secretId, secretKey: pair.secretKey.reveal() });
  const file = openSync(`${path}.new`, "w", 0o600);
  writeSync(file, `${text}\n`);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
  return pair;
}
