// The mark on a database that a copy is being made in: a table, there from before the first row until the last one has been compared. A server
// that started on a part of a copy would take what is missing for what was deleted.
import { sql } from "kysely";
import type { Database } from "./database.ts";
import { StoreError } from "./errors.ts";

type Marked = Pick<Database, "name" | "hand">;

const mark = "copy_under_way";

/** Marks a database that holds nothing yet. One that does is something else, or has been copied before, and is left as it is. */
export async function markCopy({ hand }: Marked): Promise<void> {
  const [row] = await hand.sql.selectFrom("accounts").select("id").limit(1).execute();
  if (row === undefined) await sql`create table if not exists ${sql.table(mark)} (id integer)`.execute(hand.sql);
}

export async function unmarkCopy({ hand }: Marked): Promise<void> {
  await sql`drop table if exists ${sql.table(mark)}`.execute(hand.sql);
}

/** @throws StoreError unavailable */
export async function refuseHalfCopy({ name, hand }: Marked): Promise<void> {
  const tables = await hand.sql.introspection.getTables();
  if (!tables.some((table) => table.name === mark)) return;
  throw new StoreError(
    "unavailable",
    `the database ${name} has a part of a copy; culvert import, called again, goes on`,
  );
}
