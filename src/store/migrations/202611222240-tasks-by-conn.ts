// Running tasks of one channel, so that the loop ends them with one statement; the index serves those of a gateway as well.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  const columns = ["vpn_gw_id", "status", "vpn_conn_id", "generation"];
  await db.schema
    .createIndex(`tasks_by_${columns.join("_")}`)
    .on("tasks")
    .columns(columns)
    .execute();
  await db.schema.dropIndex("tasks_by_vpn_gw_id_status_generation").execute();
}
