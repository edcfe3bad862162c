// Why a channel is not up: a row only for one that has a reason. And the peers that knock at a gateway and fit none of its channels.
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("vpn_conn_diagnoses")
    .addColumn("vpn_conn_id", "integer", (column) => column.primaryKey())
    .addColumn("cause", "text", (column) => column.notNull())
    .addColumn("sentence", "text", (column) => column.notNull())
    .addColumn("fix", "text", (column) => column.notNull())
    .addColumn("since_at", "bigint", (column) => column.notNull())
    .addColumn("offered", "text", (column) => column.notNull())
    .addColumn("said", "text", (column) => column.notNull())
    // Last, since it is long and rarely read: SQLite reads a row only as far as it is asked for.
    .addColumn("events", "text", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("unknown_peers")
    .addColumn("vpn_gw_id", "integer", (column) => column.notNull())
    .addColumn("place", "integer", (column) => column.notNull())
    .addColumn("address", "text", (column) => column.notNull())
    .addColumn("identity", "text", (column) => column.notNull())
    .addColumn("offered", "text", (column) => column.notNull())
    .addColumn("said", "text", (column) => column.notNull())
    .addColumn("first_at", "bigint", (column) => column.notNull())
    .addColumn("last_at", "bigint", (column) => column.notNull())
    .addColumn("count", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("unknown_peers_primary", ["vpn_gw_id", "place"])
    .modifyEnd(sql`without rowid`)
    .execute();
}
