// The databases that the store suite runs over, one entry each: a new one for a test, opened as the server opens it.
import { join } from "node:path";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { makeTempDir } from "../support/temp-dir.ts";

/** A database of a test's own. */
export interface TestDatabase {
  readonly store: Store;
  /** Where its files are, the master key among them. */
  readonly dir: string;
  /** Opens it once more, beside the store that is open. */
  openAgain(): Promise<Store>;
  /** Closes the stores, and removes every trace of it. */
  remove(): Promise<void>;
}

export interface DatabaseKind {
  readonly name: string;
  make(): Promise<TestDatabase>;
}

export const databases: readonly DatabaseKind[] = [{ name: "SQLite", make: makeSqlite }];

/** A database in a file, in a new directory. */
export async function makeSqlite(): Promise<TestDatabase> {
  const dir = makeTempDir();
  // Nobody's clock but the test's: what may wait for company waits for none.
  const open = () => openStore({ data: dir.path, database: "", masterKeyFile: "", lingerMs: 0 });
  const store = await open();
  const stores = [store];
  return {
    store,
    dir: dir.path,
    openAgain: async () => {
      const again = await open();
      stores.push(again);
      return again;
    },
    remove: async () => {
      for (const each of stores) await each.close();
      dir.remove();
    },
  };
}

/** The database file of a directory that makeSqlite made. */
export function sqliteFileOf(dir: string): string {
  return join(dir, "culvert.db");
}
