// Subnets, which belong to a VPC and go with it.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("subnets")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("uid", "text", (column) => column.notNull().unique())
    .addColumn("account_id", "integer", (column) => column.notNull())
    .addColumn("region", "text", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("vpc_id", "integer", (column) => column.notNull().references("vpcs.id"))
    .addColumn("cidr", "text", (column) => column.notNull())
    .addColumn("zone", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("subnets_by_vpc_id_name").unique().on("subnets").columns(["vpc_id", "name"]).execute();
}
