// One server per data directory. The lock is an open exclusive transaction on a file of its own: the kernel lets go of it when the
// process ends, however it ends.
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { StoreError } from "./errors.ts";

/** @returns a function that lets go. @throws StoreError in-use */
export function lockDataDir(dataDir: string): () => void {
  const file = new BetterSqlite(join(dataDir, "serve.lock"), { timeout: 0 });
  try {
    file.exec("begin exclusive");
  } catch (cause) {
    file.close();
    throw new StoreError("in-use", `another server runs on ${dataDir}`, { cause });
  }
  return () => file.close();
}
