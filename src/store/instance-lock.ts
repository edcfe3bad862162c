// One server per data directory. The lock is an open exclusive transaction on a file of its own: the kernel lets go of it when the
// process ends, however it ends.
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { isBusy, reasonOf, StoreError } from "./errors.ts";

/** @returns a function that lets go. @throws StoreError in-use when another server has it, unavailable when it cannot be taken */
export function lockDataDir(dataDir: string): () => void {
  let file: BetterSqlite.Database | undefined;
  try {
    file = new BetterSqlite(join(dataDir, "serve.lock"), { timeout: 0 });
    file.exec("begin exclusive");
  } catch (cause) {
    file?.close();
    if (isBusy(cause)) throw new StoreError("in-use", `another server runs on ${dataDir}`, { cause });
    throw new StoreError("unavailable", `the data directory ${dataDir} cannot be locked: ${reasonOf(cause)}`, {
      cause,
    });
  }
  const held = file;
  return () => held.close();
}
