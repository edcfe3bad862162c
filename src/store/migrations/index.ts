// Every migration, in order. Append only.
import type { Migration } from "kysely/migration";
import * as firstTables from "./202611222000-first-tables.ts";

export const migrations: Readonly<Record<string, Migration>> = {
  "202611222000-first-tables": firstTables,
};
