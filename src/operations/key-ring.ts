// API keys: made, listed and disabled on the store directly, and looked up for every request through a short memory.
import {
  type ApiKeyListing,
  disableApiKey,
  ensureAccount,
  findApiKey,
  insertApiKey,
  listApiKeys,
} from "../store/accounts.ts";
import type { Store } from "../store/store.ts";
import type { ApiKey } from "../vpn/entities.ts";
import type { Secret } from "../vpn/secret.ts";
import { generateKeyPair } from "./generate.ts";

/** A key made or disabled beside a running server is seen within this time. */
const rememberMs = 500;
const mostRemembered = 10_000;

/** Looks up keys; remembers those it found for half a second. Unknown ids are asked for each time. */
export class KeyRing {
  readonly #store: Store;
  readonly #clock: () => number;
  readonly #remembered = new Map<string, { readonly key: ApiKey; readonly untilMs: number }>();

  constructor(store: Store, clock: () => number) {
    this.#store = store;
    this.#clock = clock;
  }

  async find(secretId: string): Promise<ApiKey | undefined> {
    const remembered = this.#remembered.get(secretId);
    if (remembered !== undefined && this.#clock() < remembered.untilMs) return remembered.key;
    const key = await findApiKey(this.#store.db, secretId);
    this.#remembered.delete(secretId);
    if (key === undefined) return undefined;
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.set(secretId, { key, untilMs: this.#clock() + rememberMs });
    return key;
  }
}

/** A new key pair: the only time that the secret is shown. */
export async function createKey(
  store: Store,
  input: { account: string; isReadOnly: boolean },
  nowMs: number,
): Promise<{ secretId: string; secretKey: Secret }> {
  const pair = generateKeyPair();
  await store.transaction(async (db) => {
    const accountId = await ensureAccount(db, input.account, nowMs);
    await insertApiKey(db, { ...pair, accountId, isReadOnly: input.isReadOnly }, nowMs);
  });
  return pair;
}

export function listKeys(store: Store): Promise<ApiKeyListing[]> {
  return listApiKeys(store.db);
}

/** @returns whether there is such a key */
export function disableKey(store: Store, secretId: string, nowMs: number): Promise<boolean> {
  return store.transaction((db) => disableApiKey(db, secretId, nowMs));
}
