// Lists of channels of one gateway, or of one VPC, in the order in which they are shown. With an index for the gateway alone SQLite
// goes through all channels of the account instead: two columns that are given count for more than one.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const parent of ["vpn_gw_id", "vpc_id"]) {
    const columns = ["account_id", "region", parent, "created_at", "id"];
    await db.schema
      .createIndex(`vpn_conns_by_${columns.join("_")}`)
      .on("vpn_conns")
      .columns(columns)
      .execute();
  }
}
