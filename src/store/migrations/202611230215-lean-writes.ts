// Fewer and fuller pages for each write: a pair of networks is the entry by which it is found and nothing else, a stamp is short, and
// the index of tasks that run holds only those.
import { hash } from "node:crypto";
import { type ColumnDefinitionBuilder, type Kysely, sql } from "kysely";

const required = (column: ColumnDefinitionBuilder) => column.notNull();

export async function up(db: Kysely<unknown>): Promise<void> {
  await keyPairs(db);
  await shortenStamps(db);
  await indexRunningTasks(db);
}

async function keyPairs(db: Kysely<unknown>): Promise<void> {
  const columns = ["vpn_gw_id", "peer_first", "peer_last", "local_first", "local_last", "vpn_conn_id"] as const;
  await db.schema
    .createTable("new_pairs")
    .addColumn("vpn_gw_id", "integer", required)
    .addColumn("peer_first", "bigint", required)
    .addColumn("peer_last", "bigint", required)
    .addColumn("local_first", "bigint", required)
    .addColumn("local_last", "bigint", required)
    .addColumn("vpn_conn_id", "integer", required)
    .addPrimaryKeyConstraint("spd_pairs_primary", [...columns])
    .modifyEnd(sql`without rowid`)
    .execute();
  const list = sql.join(columns.map((column) => sql.ref(column)));
  // While a channel is being modified, a pair of both the old and the new settings is there twice.
  await sql`insert into new_pairs (${list}) select distinct ${list} from spd_pairs`.execute(db);
  await db.schema.dropTable("spd_pairs").execute();
  await db.schema.alterTable("new_pairs").renameTo("spd_pairs").execute();
}

interface Before {
  request_stamps: { secret_id: string; mac: string; expires_at: number };
  new_stamps: { digest: string; expires_at: number };
}

async function shortenStamps(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("new_stamps")
    .addColumn("digest", "text", (column) => column.notNull().primaryKey())
    .addColumn("expires_at", "bigint", required)
    .modifyEnd(sql`without rowid`)
    .execute();
  const stamps = db as Kysely<Before>;
  for (const { secret_id, mac, expires_at } of await stamps.selectFrom("request_stamps").selectAll().execute()) {
    // As src/store/request-stamps.ts had it on the day of this migration.
    const digest = hash("sha256", `${mac} ${secret_id}`, "base64url").slice(0, 22);
    await stamps.insertInto("new_stamps").values({ digest, expires_at }).execute();
  }
  await db.schema.dropTable("request_stamps").execute();
  await db.schema.alterTable("new_stamps").renameTo("request_stamps").execute();
  await db.schema.createIndex("request_stamps_by_expires_at").on("request_stamps").column("expires_at").execute();
}

async function indexRunningTasks(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex("tasks_by_vpn_gw_id_status_vpn_conn_id_generation").execute();
  await db.schema
    .createIndex("running_tasks_by_vpn_gw_id_vpn_conn_id_generation")
    .on("tasks")
    .columns(["vpn_gw_id", "vpn_conn_id", "generation"])
    .where(sql.ref("finished_at"), "is", null)
    .execute();
}
