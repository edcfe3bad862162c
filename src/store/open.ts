// Opens the store that the settings name.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { reasonOf, StoreError } from "./errors.ts";
import { Store, type StoreOptions } from "./store.ts";

/** The settings that say where the store is: see config.ts. */
export interface DatabasePlace extends Pick<StoreOptions, "databasePasswordFile"> {
  readonly data: string;
  /** `sqlite:PATH`, `postgres://…`, or empty for a file in the data directory. */
  readonly database: string;
}

export interface StorePlace extends StoreOptions, DatabasePlace {
  /** Empty for the data directory's own. */
  readonly masterKeyFile: string;
}

/** Makes the data directory (0700) when it is not there, and brings the schema up to date. @throws StoreError */
export async function openStore(place: StorePlace): Promise<Store> {
  makeDataDir(place.data);
  return open(place);
}

/** @throws StoreError unavailable */
export function makeDataDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new StoreError("unavailable", `the data directory ${path} cannot be made: ${reasonOf(cause)}`, { cause });
  }
}

/** For commands that look at what is there, or change it: where there is no database none is made. @throws StoreError */
export async function openExistingStore(place: StorePlace): Promise<Store> {
  const path = sqlitePath(place);
  if (path === undefined || existsSync(path)) return open(place);
  throw new StoreError("unavailable", `there is no database ${path}; --data names the data directory of a server`);
}

/** The database's file; undefined when it is in no file of ours. */
export function sqlitePath({ data, database }: Pick<DatabasePlace, "data" | "database">): string | undefined {
  if (database === "") return join(data, "culvert.db");
  return database.startsWith("sqlite:") ? database.slice("sqlite:".length) : undefined;
}

async function open(place: StorePlace): Promise<Store> {
  const { data, database, masterKeyFile } = place;
  const path = sqlitePath(place);
  const keyFile = masterKeyFile === "" ? join(data, "master.key") : masterKeyFile;
  // The key is made before the database. A new one would open nothing of what is there, and seal the rest.
  if (path !== undefined && existsSync(path) && !existsSync(keyFile)) {
    throw new StoreError("unsealable", `the master key ${keyFile} is gone; put it back, the database ${path} needs it`);
  }
  return Store.open(path === undefined ? database : `sqlite:${path}`, keyFile, place);
}
