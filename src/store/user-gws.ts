// Peer gateways.
import type { Kysely, Selectable } from "kysely";
import type { UserGw } from "../vpn/entities.ts";
import type { ResourceRef } from "../vpn/id.ts";
import type { Listing, Owner, Page } from "../vpn/listing.ts";
import { type ByNumber, type ByUid, findByRef, isLike, isRef, orderColumns } from "./lists.ts";
import { onlyRow, prepare } from "./prepared.ts";
import { readResource, writeResource } from "./resources.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

export function readUserGw(row: Selectable<Schema["user_gws"]>): UserGw {
  return {
    ...readResource(row),
    address: row.address,
  };
}

const findStatements = {
  byUid: prepare((sql, owned: ByUid) => selectOwned(sql, owned).where("uid", "=", owned.uid)),
  byNumber: prepare((sql, owned: ByNumber) => selectOwned(sql, owned).where("id", "=", owned.number)),
};

function selectOwned(sql: Kysely<Schema>, { accountId, region }: Owner) {
  return sql.selectFrom("user_gws").selectAll().where("account_id", "=", accountId).where("region", "=", region);
}

export async function findUserGw(db: Db, owner: Owner, ref: ResourceRef): Promise<UserGw | undefined> {
  const row = await findByRef(db, owner, ref, findStatements);
  return row === undefined ? undefined : readUserGw(row);
}

/** A peer gateway that a channel refers to. */
export async function getUserGwById(db: Db, id: number): Promise<UserGw> {
  return readUserGw(onlyRow(await selectById(db, { id })));
}

const selectById = prepare((sql, { id }: { id: number }) =>
  sql.selectFrom("user_gws").selectAll().where("id", "=", id),
);

/** Those of the peer gateways, by their own numbers, that are there. */
export async function findUserGwsById(db: Db, ids: readonly number[]): Promise<Map<number, UserGw>> {
  if (ids.length === 0) return new Map();
  const rows = await db.sql.selectFrom("user_gws").selectAll().where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, readUserGw(row)]));
}

/** The one with an address; the oldest, where several may have it. */
export async function findUserGwByAddress(db: Db, owner: Owner, address: string): Promise<UserGw | undefined> {
  const row = await db.sql
    .selectFrom("user_gws")
    .selectAll()
    .where("account_id", "=", owner.accountId)
    .where("region", "=", owner.region)
    .where("address", "=", address)
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : readUserGw(row);
}

/** @param isAddressUnique whether the address may be used once per account and region */
export async function insertUserGw(db: Db, userGw: Omit<UserGw, "id">, isAddressUnique: boolean): Promise<UserGw> {
  const row = {
    ...writeResource(userGw),
    address: userGw.address,
    address_key: isAddressUnique ? userGw.address : null,
  };
  const { id } = await db.sql.insertInto("user_gws").values(row).returning("id").executeTakeFirstOrThrow();
  return { ...userGw, id };
}

export async function renameUserGw(db: Db, id: number, name: string): Promise<void> {
  await db.sql.updateTable("user_gws").set({ name }).where("id", "=", id).execute();
}

export async function deleteUserGw(db: Db, id: number): Promise<void> {
  await db.sql.deleteFrom("user_gws").where("id", "=", id).execute();
}

/** A peer gateway, and how many channels lead to it. */
export interface UserGwListing {
  readonly userGw: UserGw;
  readonly vpnConnCount: number;
}

export async function listUserGws(
  db: Db,
  owner: Owner,
  filter: { ref?: ResourceRef | undefined; name?: string | undefined },
  page: Page,
): Promise<Listing<UserGwListing>> {
  let query = db.sql
    .selectFrom("user_gws")
    .where("account_id", "=", owner.accountId)
    .where("region", "=", owner.region);
  if (filter.ref !== undefined) query = query.where(isRef(owner, filter.ref, "user_gws"));
  if (filter.name !== undefined) query = query.where(isLike("name", filter.name));
  const { total } = await query.select((eb) => eb.fn.countAll<number>().as("total")).executeTakeFirstOrThrow();
  const [first, second] = orderColumns(page);
  const rows = await query
    .selectAll()
    .select((eb) => [
      eb
        .selectFrom("vpn_conns")
        .select((inner) => inner.fn.countAll<number>().as("count"))
        .whereRef("vpn_conns.user_gw_id", "=", "user_gws.id")
        .as("conn_count"),
    ])
    .orderBy(first, page.direction)
    .orderBy(second, page.direction)
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows: rows.map((row) => ({ userGw: readUserGw(row), vpnConnCount: row.conn_count ?? 0 })), total };
}
