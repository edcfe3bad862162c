// The databases that the store suite runs over, one entry each: a new one for a test, opened as the server opens it.
import { join } from "node:path";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { makeDatabase, postgresReason } from "../support/postgres-cluster.ts";
import { makeTempDir } from "../support/temp-dir.ts";

/** A database of a test's own. */
export interface TestDatabase {
  readonly store: Store;
  /** As the setting `database` has it; empty: the file in `dir`. */
  readonly url: string;
  /** Where its files are, the master key among them. */
  readonly dir: string;
  /** Opens it once more, beside the store that is open. */
  openAgain(): Promise<Store>;
  /** Closes the stores, and removes every trace of it. */
  remove(): Promise<void>;
}

export interface DatabaseKind {
  readonly name: string;
  /** How many servers may write to it at the same moment. */
  readonly servers: 1 | 2;
  make(): Promise<TestDatabase>;
}

const postgres: DatabaseKind = { name: "PostgreSQL", servers: 2, make: makePostgres };

export const databases: readonly DatabaseKind[] = [
  { name: "SQLite", servers: 1, make: makeSqlite },
  ...(postgresReason === undefined ? [postgres] : []),
];

if (postgresReason !== undefined) process.stderr.write(`The store is tested on SQLite alone: ${postgresReason}.\n`);

/** A database in a file, in a new directory. */
export async function makeSqlite(): Promise<TestDatabase> {
  return makeOn("", async () => {});
}

/** A database of PostgreSQL; the master key is in a new directory. */
export async function makePostgres(): Promise<TestDatabase> {
  const { url, remove } = await makeDatabase();
  return makeOn(url, remove);
}

async function makeOn(database: string, removeDatabase: () => Promise<void>): Promise<TestDatabase> {
  const dir = makeTempDir();
  // Nobody's clock but the test's: what may wait for company waits for none.
  const open = () => openStore({ data: dir.path, database, masterKeyFile: "", lingerMs: 0 });
  const store = await open();
  const stores = [store];
  return {
    store,
    url: database,
    dir: dir.path,
    openAgain: async () => {
      const again = await open();
      stores.push(again);
      return again;
    },
    remove: async () => {
      for (const each of stores) await each.close();
      await removeDatabase();
      dir.remove();
    },
  };
}

/** The database file of a directory that makeSqlite made. */
export function sqliteFileOf(dir: string): string {
  return join(dir, "culvert.db");
}
