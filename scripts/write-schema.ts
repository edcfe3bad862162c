// Draws the tables and indexes of a fresh installation into src/store/schema.sql, for people to read and for a test to compare with
// (test/store/migrations.test.ts). To be run after a migration has been added: node_modules/.bin/node scripts/write-schema.ts
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { openStore } from "../src/store/open.ts";
import type { Db } from "../src/store/store.ts";

export const schemaFile = join(import.meta.dirname, "..", "src", "store", "schema.sql");

const heading = `-- The tables and indexes of a fresh installation on SQLite, drawn by scripts/write-schema.ts. Not to be edited: to change the schema,
-- add a migration.
`;

/** Every table with its indexes, by name; what SQLite and kysely keep for themselves is left out. */
export async function drawSchema(db: Db): Promise<string> {
  const { rows } = await sql<{ sql: string }>`
    select sql from sqlite_master where sql is not null and tbl_name not like 'sqlite\\_%' escape '\\'
      and tbl_name not like 'kysely\\_%' escape '\\' order by tbl_name, type desc, name`.execute(db.sql);
  return [heading, ...rows.map((row) => layOut(row.sql))].join("\n");
}

/** A table has one column a line. */
function layOut(statement: string): string {
  const match = /^(create table "\w+") \((.*)\)( without rowid)?$/is.exec(statement);
  if (match?.[1] === undefined || match[2] === undefined) return `${statement};\n`;
  const columns = match[2].split(/, (?="|constraint )(?![^(]*\))/);
  return `${match[1]} (\n${columns.map((column) => `  ${column}`).join(",\n")}\n)${match[3] ?? ""};\n`;
}

/** The picture of a database that is made for it. */
export async function drawFreshSchema(): Promise<string> {
  const data = mkdtempSync(join(tmpdir(), "culvert-schema-"));
  const store = await openStore({ data, database: "", masterKeyFile: "" });
  try {
    return await drawSchema(store.db);
  } finally {
    await store.close();
    rmSync(data, { recursive: true });
  }
}

if (import.meta.main) writeFileSync(schemaFile, await drawFreshSchema());
