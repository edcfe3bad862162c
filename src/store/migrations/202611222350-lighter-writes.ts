// Fewer pages for each write. A stamp is its primary key's tree and holds no more than it is found and forgotten by; and what ended when is
// known only of tasks that have ended.
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("new_stamps")
    .addColumn("secret_id", "text", (column) => column.notNull())
    .addColumn("mac", "text", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("request_stamps_primary", ["secret_id", "mac"])
    .modifyEnd(sql`without rowid`)
    .execute();
  await sql`insert into new_stamps select secret_id, mac, expires_at from request_stamps`.execute(db);
  await db.schema.dropTable("request_stamps").execute();
  await db.schema.alterTable("new_stamps").renameTo("request_stamps").execute();
  await db.schema.createIndex("request_stamps_by_expires_at").on("request_stamps").column("expires_at").execute();

  await db.schema.dropIndex("tasks_by_finished_at").execute();
  await db.schema
    .createIndex("tasks_by_finished_at")
    .on("tasks")
    .column("finished_at")
    .where(sql.ref("finished_at"), "is not", null)
    .execute();
}
