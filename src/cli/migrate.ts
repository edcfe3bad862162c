// `culvert migrate`: brings the database's schema up to date, as every start of a server does, and says what that was.
import type { Config } from "../config.ts";
import { openStore } from "../store/open.ts";

/** @throws StoreError */
export async function migrateCommand(config: Config, options: { json?: boolean }): Promise<void> {
  const store = await openStore(config);
  const { name, migrated } = store;
  await store.close();
  if (options.json) process.stdout.write(`${JSON.stringify({ database: name, migrated })}\n`);
  else process.stdout.write([...migrated, `${name} is up to date`].map((line) => `${line}\n`).join(""));
}
