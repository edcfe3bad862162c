// The first tables. A released migration is never changed: the next change is the next file.
import type { ColumnDefinitionBuilder, CreateTableBuilder, Kysely } from "kysely";

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const numbered = (column: ColumnDefinitionBuilder) => column.primaryKey().autoIncrement();

/** The columns that every resource has. */
function resource(db: Kysely<unknown>, table: string): CreateTableBuilder<string, string> {
  return db.schema
    .createTable(table)
    .addColumn("id", "integer", numbered)
    .addColumn("uid", "text", (column) => column.notNull().unique())
    .addColumn("account_id", "integer", required)
    .addColumn("region", "text", required)
    .addColumn("name", "text", required)
    .addColumn("created_at", "integer", required);
}

async function index(db: Kysely<unknown>, table: string, columns: string[], options?: { isUnique: boolean }) {
  const builder = db.schema
    .createIndex(`${table}_by_${columns.join("_")}`)
    .on(table)
    .columns(columns);
  await (options?.isUnique ? builder.unique() : builder).execute();
}

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("accounts")
    .addColumn("id", "integer", numbered)
    .addColumn("name", "text", (column) => column.notNull().unique())
    .addColumn("created_at", "integer", required)
    .execute();
  await db.schema
    .createTable("api_keys")
    .addColumn("secret_id", "text", (column) => column.primaryKey())
    .addColumn("account_id", "integer", (column) => column.notNull().references("accounts.id"))
    .addColumn("secret_key", "text", required)
    .addColumn("is_read_only", "integer", required)
    .addColumn("created_at", "integer", required)
    .addColumn("disabled_at", "integer")
    .execute();
  await createResources(db);
  await createWork(db);
}

async function createResources(db: Kysely<unknown>): Promise<void> {
  await resource(db, "vpcs").addColumn("name_key", "text").addColumn("cidr", "text", required).execute();
  await index(db, "vpcs", ["account_id", "region", "created_at", "id"]);
  await index(db, "vpcs", ["account_id", "region", "name_key"], { isUnique: true });

  await resource(db, "vpn_gws")
    .addColumn("vpc_id", "integer", (column) => column.notNull().references("vpcs.id"))
    .addColumn("slot", "integer", required)
    .addColumn("public_address", "integer", (column) => column.notNull().unique())
    .addColumn("bandwidth_mbps", "integer", required)
    .addColumn("charge_type", "text", required)
    .addColumn("is_auto_renew", "integer", required)
    .addColumn("status", "text", required)
    .addColumn("generation", "integer", required)
    .addColumn("observed_generation", "integer", required)
    .addColumn("failure", "text")
    .addColumn("expires_at", "integer")
    .execute();
  await index(db, "vpn_gws", ["account_id", "region", "created_at", "id"]);
  await index(db, "vpn_gws", ["vpc_id", "slot"], { isUnique: true });

  await resource(db, "user_gws").addColumn("address", "text", required).addColumn("address_key", "text").execute();
  await index(db, "user_gws", ["account_id", "region", "created_at", "id"]);
  await index(db, "user_gws", ["account_id", "region", "address_key"], { isUnique: true });

  await resource(db, "vpn_conns")
    .addColumn("name_key", "text")
    .addColumn("vpc_id", "integer", (column) => column.notNull().references("vpcs.id"))
    .addColumn("vpn_gw_id", "integer", (column) => column.notNull().references("vpn_gws.id"))
    .addColumn("user_gw_id", "integer", (column) => column.notNull().references("user_gws.id"))
    .addColumn("pre_shared_key", "text", required)
    .addColumn("ike_identity", "text", required)
    .addColumn("ike", "text", required)
    .addColumn("ipsec", "text", required)
    .addColumn("spds", "text", required)
    .addColumn("status", "text", required)
    .addColumn("generation", "integer", required)
    .addColumn("observed_generation", "integer", required)
    .addColumn("failure", "text")
    .execute();
  await index(db, "vpn_conns", ["account_id", "region", "created_at", "id"]);
  await index(db, "vpn_conns", ["vpc_id", "name_key"], { isUnique: true });
  await index(db, "vpn_conns", ["vpn_gw_id", "generation"]);
  await index(db, "vpn_conns", ["vpn_gw_id", "ike_identity"]);
  await index(db, "vpn_conns", ["user_gw_id"]);

  await db.schema
    .createTable("vpn_conn_observations")
    .addColumn("vpn_conn_id", "integer", (column) => column.primaryKey())
    .addColumn("net_status", "text", required)
    .addColumn("changed_at", "integer", required)
    .execute();
  const spdPairs = db.schema.createTable("spd_pairs");
  const columns = ["vpn_conn_id", "vpn_gw_id", "local_first", "local_last", "peer_first", "peer_last"];
  await columns.reduce((table, column) => table.addColumn(column, "integer", required), spdPairs).execute();
  await index(db, "spd_pairs", ["vpn_gw_id", "peer_first"]);
  await index(db, "spd_pairs", ["vpn_conn_id"]);
}

async function createWork(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("tasks")
    .addColumn("id", "integer", numbered)
    .addColumn("account_id", "integer", required)
    .addColumn("vpn_gw_id", "integer", required)
    .addColumn("vpn_conn_id", "integer")
    .addColumn("action", "text", required)
    .addColumn("generation", "integer", required)
    .addColumn("status", "text", required)
    .addColumn("failure", "text")
    .addColumn("created_at", "integer", required)
    .addColumn("finished_at", "integer")
    .execute();
  await index(db, "tasks", ["vpn_gw_id", "status", "generation"]);
  await index(db, "tasks", ["finished_at"]);

  await db.schema
    .createTable("request_stamps")
    .addColumn("secret_id", "text", required)
    .addColumn("timestamp", "integer", required)
    .addColumn("nonce", "text", required)
    .addColumn("mac", "text", required)
    .addColumn("expires_at", "integer", required)
    .addPrimaryKeyConstraint("request_stamps_primary", ["secret_id", "mac"])
    .execute();
  await index(db, "request_stamps", ["expires_at"]);
}
