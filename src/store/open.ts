// Opens the store that the settings name.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "./errors.ts";
import { Store, type StoreOptions } from "./store.ts";

/** The settings that say where the store is: see config.ts. */
export interface StorePlace extends StoreOptions {
  readonly data: string;
  /** `sqlite:PATH`, or empty for the data directory's own. */
  readonly database: string;
  /** Empty for the data directory's own. */
  readonly masterKeyFile: string;
}

/** Makes the data directory (0700) when it is not there, and brings the schema up to date. @throws StoreError */
export async function openStore(place: StorePlace): Promise<Store> {
  mkdirSync(place.data, { recursive: true, mode: 0o700 });
  return open(place);
}

/** For commands that look at what is there, or change it: where there is no database none is made. @throws StoreError */
export async function openExistingStore(place: StorePlace): Promise<Store> {
  const path = databasePath(place);
  if (existsSync(path)) return open(place);
  throw new StoreError("unavailable", `there is no database ${path}; --data names the data directory of a server`);
}

function databasePath({ data, database }: StorePlace): string {
  return database === "" ? join(data, "culvert.db") : database.slice("sqlite:".length);
}

async function open(place: StorePlace): Promise<Store> {
  const { data, masterKeyFile } = place;
  const path = databasePath(place);
  const keyFile = masterKeyFile === "" ? join(data, "master.key") : masterKeyFile;
  // The key is made before the database. A new one would open nothing of what is there, and seal the rest.
  if (existsSync(path) && !existsSync(keyFile)) {
    throw new StoreError("unsealable", `the master key ${keyFile} is gone; put it back, the database ${path} needs it`);
  }
  return Store.open(`sqlite:${path}`, keyFile, place);
}
