// The number that a table gives next.
import { sql } from "kysely";
import type { NumberedTable } from "../../src/store/database.ts";
import type { Store } from "../../src/store/store.ts";

/** The next row of the table has this number, which is 2 or more. */
export async function countRowsFrom({ name, db }: Store, table: NumberedTable, next: number): Promise<void> {
  if (name.startsWith("postgres:")) {
    await sql`select setval(pg_get_serial_sequence(${table}, 'id')::regclass, ${next - 1})`.execute(db.sql);
    return;
  }
  // https://www.sqlite.org/autoinc.html
  await sql`delete from sqlite_sequence where name = ${table}`.execute(db.sql);
  await sql`insert into sqlite_sequence (name, seq) values (${table}, ${next - 1})`.execute(db.sql);
}
