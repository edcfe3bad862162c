// Traffic of the channels: slots of five minutes, and how far each CHILD_SA had counted. Both tables are their primary key's tree: a
// slot is written to ten times, and a busy channel has 9000 of them in a month, so it must not be stored once more beside its index.
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("traffic_slots")
    .addColumn("vpn_conn_id", "integer", (column) => column.notNull())
    .addColumn("starts_at", "bigint", (column) => column.notNull())
    .addColumn("bytes_in", "bigint", (column) => column.notNull())
    .addColumn("bytes_out", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("traffic_slots_primary", ["vpn_conn_id", "starts_at"])
    .modifyEnd(sql`without rowid`)
    .execute();
  // For the deletion of what is old.
  await db.schema.createIndex("traffic_slots_by_starts_at").on("traffic_slots").column("starts_at").execute();
  await db.schema
    .createTable("sa_counters")
    .addColumn("vpn_conn_id", "integer", (column) => column.notNull())
    .addColumn("spi", "text", (column) => column.notNull())
    .addColumn("bytes_in", "bigint", (column) => column.notNull())
    .addColumn("bytes_out", "bigint", (column) => column.notNull())
    .addColumn("seen_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("sa_counters_primary", ["vpn_conn_id", "spi"])
    .modifyEnd(sql`without rowid`)
    .execute();
}
