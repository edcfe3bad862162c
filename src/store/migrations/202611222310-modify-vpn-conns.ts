// What a modification needs: since when a channel's phases are what they are, and what it goes back to when charon refuses the change.
// And an index for the peer gateway that has an address.
import type { ColumnDefinitionBuilder, Kysely } from "kysely";

const required = (column: ColumnDefinitionBuilder) => column.notNull();

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const name of ["ike_generation", "ipsec_generation"]) {
    await db.schema
      .alterTable("vpn_conns")
      .addColumn(name, "bigint", (column) => column.notNull().defaultTo(0))
      .execute();
  }
  await db.schema
    .createTable("vpn_conn_fallbacks")
    .addColumn("vpn_conn_id", "integer", (column) => column.primaryKey())
    .addColumn("vpn_gw_id", "integer", required)
    .addColumn("pre_shared_key", "text", required)
    .addColumn("ike_identity", "text", required)
    .addColumn("ike", "text", required)
    .addColumn("ipsec", "text", required)
    .addColumn("spds", "text", required)
    .addColumn("ike_generation", "bigint", required)
    .addColumn("ipsec_generation", "bigint", required)
    .execute();
  await db.schema
    .createIndex("vpn_conn_fallbacks_by_vpn_gw_id_ike_identity")
    .on("vpn_conn_fallbacks")
    .columns(["vpn_gw_id", "ike_identity"])
    .execute();
  await db.schema
    .createIndex("user_gws_by_account_id_region_address")
    .on("user_gws")
    .columns(["account_id", "region", "address"])
    .execute();
}
