// Private networks.
import type { Kysely, Selectable } from "kysely";
import type { Vpc } from "../vpn/entities.ts";
import type { ResourceRef } from "../vpn/id.ts";
import type { Listing, Owner, Page } from "../vpn/listing.ts";
import { type ByNumber, type ByUid, findByRef, isLike, isRef, orderColumns } from "./lists.ts";
import { prepare } from "./prepared.ts";
import { readResource, writeResource } from "./resources.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

export function readVpc(row: Selectable<Schema["vpcs"]>): Vpc {
  return {
    ...readResource(row),
    cidr: row.cidr,
  };
}

const findStatements = {
  byUid: prepare((sql, owned: ByUid) => selectOwned(sql, owned).where("uid", "=", owned.uid)),
  byNumber: prepare((sql, owned: ByNumber) => selectOwned(sql, owned).where("id", "=", owned.number)),
};

function selectOwned(sql: Kysely<Schema>, { accountId, region }: Owner) {
  return sql.selectFrom("vpcs").selectAll().where("account_id", "=", accountId).where("region", "=", region);
}

export async function findVpc(db: Db, owner: Owner, ref: ResourceRef): Promise<Vpc | undefined> {
  const row = await findByRef(db, owner, ref, findStatements);
  return row === undefined ? undefined : readVpc(row);
}

/** Those of the VPCs, by their own numbers, that are there. */
export async function findVpcsById(db: Db, ids: readonly number[]): Promise<Map<number, Vpc>> {
  if (ids.length === 0) return new Map();
  const rows = await db.sql.selectFrom("vpcs").selectAll().where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, readVpc(row)]));
}

/** A VPC by its unified id, whoever owns it: for those who work on this machine. */
export async function findVpcByUid(db: Db, uid: string): Promise<Vpc | undefined> {
  const row = await db.sql.selectFrom("vpcs").selectAll().where("uid", "=", uid).executeTakeFirst();
  return row === undefined ? undefined : readVpc(row);
}

/** @param isNameUnique whether the name may be used once per account and region */
export async function insertVpc(db: Db, vpc: Omit<Vpc, "id">, isNameUnique: boolean): Promise<Vpc> {
  const row = {
    ...writeResource(vpc),
    name_key: isNameUnique ? vpc.name : null,
    cidr: vpc.cidr,
  };
  const { id } = await db.sql.insertInto("vpcs").values(row).returning("id").executeTakeFirstOrThrow();
  return { ...vpc, id };
}

/** The number of the VPC that has a name which must be unique. */
export async function findVpcByName(db: Db, owner: Owner, name: string): Promise<number | undefined> {
  const row = await db.sql
    .selectFrom("vpcs")
    .select("id")
    .where("account_id", "=", owner.accountId)
    .where("region", "=", owner.region)
    .where("name_key", "=", name)
    .executeTakeFirst();
  return row?.id;
}

/** @param isNameUnique as for insertVpc */
export async function renameVpc(db: Db, id: number, name: string, isNameUnique: boolean): Promise<void> {
  const row = { name, name_key: isNameUnique ? name : null };
  await db.sql.updateTable("vpcs").set(row).where("id", "=", id).execute();
}

export async function deleteVpc(db: Db, id: number): Promise<void> {
  await db.sql.deleteFrom("vpcs").where("id", "=", id).execute();
}

export async function listVpcs(
  db: Db,
  owner: Owner,
  filter: { ref?: ResourceRef | undefined; name?: string | undefined },
  page: Page,
): Promise<Listing<Vpc>> {
  let query = db.sql.selectFrom("vpcs").where("account_id", "=", owner.accountId).where("region", "=", owner.region);
  if (filter.ref !== undefined) query = query.where(isRef(owner, filter.ref, "vpcs"));
  if (filter.name !== undefined) query = query.where(isLike("name", filter.name));
  const { total } = await query.select((eb) => eb.fn.countAll<number>().as("total")).executeTakeFirstOrThrow();
  const [first, second] = orderColumns(page);
  const rows = await query
    .selectAll()
    .orderBy(first, page.direction)
    .orderBy(second, page.direction)
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows: rows.map(readVpc), total };
}

/** How many gateways, or subnets, each of some VPCs has; a VPC without any is not among them. */
export async function countByVpc(
  db: Db,
  table: "vpn_gws" | "subnets",
  vpcIds: readonly number[],
): Promise<Map<number, number>> {
  if (vpcIds.length === 0) return new Map();
  const rows = await db.sql
    .selectFrom(table)
    .select((eb) => ["vpc_id", eb.fn.countAll<number>().as("total")])
    .where("vpc_id", "in", vpcIds)
    .groupBy("vpc_id")
    .execute();
  return new Map(rows.map((row) => [row.vpc_id, row.total]));
}
