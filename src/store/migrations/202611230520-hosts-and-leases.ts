// Gateway hosts, and who may run which gateway. Every gateway has its row from the beginning, so that those that nobody holds are found by
// an index of their own. Gateways of before are nobody's until they are given to somebody.
import { type ColumnDefinitionBuilder, type Kysely, sql } from "kysely";

const required = (column: ColumnDefinitionBuilder) => column.notNull();

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("hosts")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("name", "text", (column) => column.notNull().unique())
    .addColumn("token_digest", "text", (column) => column.unique())
    .addColumn("labels", "text", required)
    .addColumn("capacity", "bigint", required)
    .addColumn("state", "text", required)
    .addColumn("session", "text")
    .addColumn("is_stopping", "integer", required)
    .addColumn("renewals", "bigint", required)
    .addColumn("created_at", "bigint", required)
    .execute();
  await db.schema
    .createTable("gateway_leases")
    .addColumn("vpn_gw_id", "integer", (column) => column.primaryKey())
    .addColumn("host_id", "integer", (column) => column.references("hosts.id"))
    .addColumn("fence", "bigint", required)
    .addColumn("moving_from", "integer")
    .execute();
  await sql`insert into gateway_leases (vpn_gw_id, host_id, fence, moving_from) select id, null, 0, null from vpn_gws`.execute(
    db,
  );
  await db.schema
    .createIndex("gateway_leases_by_host_id_vpn_gw_id")
    .on("gateway_leases")
    .columns(["host_id", "vpn_gw_id"])
    .execute();
  await db.schema
    .createIndex("free_gateway_leases_by_vpn_gw_id")
    .on("gateway_leases")
    .column("vpn_gw_id")
    .where(sql.ref("host_id"), "is", null)
    .execute();
  await db.schema
    .createIndex("moving_gateway_leases_by_moving_from")
    .on("gateway_leases")
    .column("moving_from")
    .where(sql.ref("moving_from"), "is not", null)
    .execute();
}
