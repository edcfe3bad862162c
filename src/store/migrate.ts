// Brings a database's schema up to date. Of several that start at the same moment one does it, and the others wait.
import { Migrator } from "kysely/migration";
import type { Database } from "./database.ts";
import { reasonOf, StoreError } from "./errors.ts";
import { migrations } from "./migrations/index.ts";

/** @returns the migrations that were carried out, in order. @throws StoreError unavailable */
export async function migrate({ name, hand }: Pick<Database, "name" | "hand">): Promise<string[]> {
  const provider = { getMigrations: async () => ({ ...migrations }) };
  const migrator = new Migrator({ db: hand.sql, provider });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error === undefined) return results.map(({ migrationName }) => migrationName);
  throw new StoreError("unavailable", `the database ${name} cannot be migrated: ${reasonOf(error)}`, { cause: error });
}
