// `culvert key …`: works on the store directly, also beside a running server.
import type { Config } from "../config.ts";
import { createKey, disableKey, listKeys } from "../operations/key-ring.ts";
import { openExistingStore, openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { exitCodes } from "./exit-codes.ts";
import { printTable } from "./table.ts";

async function withStore<T>(opened: Promise<Store>, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await opened;
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** The pair in the form of a key file, so that the output can be one. */
export async function createKeyCommand(
  config: Config,
  options: { account: string; readOnly?: boolean; json?: boolean },
): Promise<void> {
  const input = { account: options.account, isReadOnly: options.readOnly === true };
  const { secretId, secretKey } = await withStore(openStore(config), (store) => createKey(store, input, Date.now()));
  const pair = { secretId, secretKey: secretKey.reveal() };
  if (options.json) process.stdout.write(`${JSON.stringify(pair)}\n`);
  else process.stdout.write(`SecretId   ${pair.secretId}\nSecretKey  ${pair.secretKey}\n`);
}

export async function listKeysCommand(config: Config, options: { json?: boolean }): Promise<void> {
  const keys = await withStore(openExistingStore(config), listKeys);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(keys)}\n`);
    return;
  }
  printTable(
    ["SecretId", "account", "rights", "created", "state"],
    keys.map((key) => [
      key.secretId,
      key.account,
      key.isReadOnly ? "read" : "read, write",
      new Date(key.createdAtMs).toISOString(),
      key.disabledAtMs === undefined ? "enabled" : "disabled",
    ]),
  );
}

export async function disableKeyCommand(config: Config, secretId: string): Promise<void> {
  const isKnown = await withStore(openExistingStore(config), (store) => disableKey(store, secretId, Date.now()));
  if (isKnown) return;
  process.stderr.write(`culvert: there is no key ${secretId}\n`);
  process.exitCode = exitCodes.failed;
}
