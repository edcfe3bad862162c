// VPN gateways.
import { type Kysely, type Selectable, sql } from "kysely";
import type { ChargeType, Vpc, VpnGw } from "../vpn/entities.ts";
import type { ResourceRef } from "../vpn/id.ts";
import type { Listing, Owner, Page } from "../vpn/listing.ts";
import { formatAddress, parseAddress } from "../vpn/network.ts";
import type { VpnGwStatus } from "../vpn/status.ts";
import { gatewayAddress } from "../vpn/vpc.ts";
import { recordUnknownPeers } from "./diagnoses.ts";
import { deleteLease, insertLease } from "./gateway-leases.ts";
import { type ByNumber, type ByUid, findByRef, isLike, isRef, orderColumns } from "./lists.ts";
import { onlyRow, prepare } from "./prepared.ts";
import { readResource } from "./resources.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";
import { findVpcsById } from "./vpcs.ts";

type VpnGwRow = Selectable<Schema["vpn_gws"]> & { vpc_cidr: string; vpc_uid: string };

function selectVpnGws(sql: Kysely<Schema>) {
  return sql
    .selectFrom("vpn_gws")
    .innerJoin("vpcs", "vpcs.id", "vpn_gws.vpc_id")
    .selectAll("vpn_gws")
    .select(["vpcs.cidr as vpc_cidr", "vpcs.uid as vpc_uid"]);
}

function selectOwned(sql: Kysely<Schema>, { accountId, region }: Owner) {
  return selectVpnGws(sql).where("vpn_gws.account_id", "=", accountId).where("vpn_gws.region", "=", region);
}

const findStatements = {
  byUid: prepare((sql, owned: ByUid) => selectOwned(sql, owned).where("vpn_gws.uid", "=", owned.uid)),
  byNumber: prepare((sql, owned: ByNumber) => selectOwned(sql, owned).where("vpn_gws.id", "=", owned.number)),
};

const selectById = prepare((sql, { id }: { id: number }) => selectVpnGws(sql).where("vpn_gws.id", "=", id));

function readVpnGw(row: VpnGwRow): VpnGw {
  return {
    ...readResource(row),
    vpcId: row.vpc_id,
    bandwidthMbps: row.bandwidth_mbps,
    chargeType: row.charge_type as ChargeType,
    isAutoRenew: row.is_auto_renew === 1,
    publicAddress: formatAddress(row.public_address),
    vpcAddress: gatewayAddress(row.vpc_cidr, row.slot),
    status: row.status as VpnGwStatus,
    generation: row.generation,
    failure: row.failure ?? undefined,
    expiresAtMs: row.expires_at ?? undefined,
  };
}

export async function findVpnGw(db: Db, owner: Owner, ref: ResourceRef): Promise<VpnGw | undefined> {
  const row = await findByRef(db, owner, ref, findStatements);
  return row === undefined ? undefined : readVpnGw(row);
}

/** A gateway by its own number, whoever owns it: for the reconciler. */
export async function findVpnGwById(
  db: Db,
  id: number,
): Promise<{ vpnGw: VpnGw; vpcCidr: string; vpcUid: string } | undefined> {
  const [row] = await selectById(db, { id });
  return row === undefined ? undefined : { vpnGw: readVpnGw(row), vpcCidr: row.vpc_cidr, vpcUid: row.vpc_uid };
}

/** Those of the gateways, by their own numbers, that are there. */
export async function findVpnGwsById(db: Db, ids: readonly number[]): Promise<Map<number, VpnGw>> {
  if (ids.length === 0) return new Map();
  const rows = await selectVpnGws(db.sql).where("vpn_gws.id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, readVpnGw(row)]));
}

export async function listVpnGwIds(db: Db): Promise<number[]> {
  const rows = await db.sql.selectFrom("vpn_gws").select("id").orderBy("id").execute();
  return rows.map((row) => row.id);
}

export interface NewVpnGw {
  readonly uid: string;
  readonly owner: Owner;
  readonly name: string;
  readonly vpc: Vpc;
  readonly slot: number;
  /** 32-bit number. */
  readonly publicAddress: number;
  readonly bandwidthMbps: number;
  readonly chargeType: ChargeType;
  readonly isAutoRenew: boolean;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
}

/** A gateway that no host holds yet. @returns the numeric id */
export async function insertVpnGw(db: Db, gateway: NewVpnGw): Promise<number> {
  const row = {
    uid: gateway.uid,
    account_id: gateway.owner.accountId,
    region: gateway.owner.region,
    name: gateway.name,
    created_at: gateway.createdAtMs,
    vpc_id: gateway.vpc.id,
    slot: gateway.slot,
    public_address: gateway.publicAddress,
    bandwidth_mbps: gateway.bandwidthMbps,
    charge_type: gateway.chargeType,
    is_auto_renew: gateway.isAutoRenew ? 1 : 0,
    status: "delivering" satisfies VpnGwStatus,
    generation: 1,
    observed_generation: 0,
    failure: null,
    expires_at: gateway.expiresAtMs ?? null,
  };
  const { id } = await db.sql.insertInto("vpn_gws").values(row).returning("id").executeTakeFirstOrThrow();
  await insertLease(db, id);
  return id;
}

/** Places of a VPC's gateways that are taken. */
export async function listTakenSlots(db: Db, vpcId: number): Promise<number[]> {
  const rows = await db.sql.selectFrom("vpn_gws").select("slot").where("vpc_id", "=", vpcId).execute();
  return rows.map((row) => row.slot);
}

/** The lowest address of the pool that no gateway has, as a 32-bit number, kept for this transaction; undefined when there is none. */
export async function findFreePublicAddress(db: Db, first: number, last: number): Promise<number | undefined> {
  await db.hold("public-addresses");
  const isFirstTaken = await db.sql
    .selectFrom("vpn_gws")
    .select("id")
    .where("public_address", "=", first)
    .executeTakeFirst();
  if (isFirstTaken === undefined) return first;
  const gap = await db.sql
    .selectFrom("vpn_gws as taken")
    .leftJoin("vpn_gws as next", (join) => join.on(sql<boolean>`next.public_address = taken.public_address + 1`))
    .select("taken.public_address")
    .where("taken.public_address", ">=", first)
    .where("taken.public_address", "<", last)
    .where("next.id", "is", null)
    .orderBy("taken.public_address")
    .limit(1)
    .executeTakeFirst();
  return gap === undefined ? undefined : gap.public_address + 1;
}

/** Raises the generation and so says "changed"; the row is locked until the transaction ends. @returns the new generation */
export async function raiseGeneration(db: Db, id: number): Promise<number> {
  return onlyRow(await updateGeneration(db, { id })).generation;
}

const updateGeneration = prepare((sql, { id }: { id: number }) =>
  sql
    .updateTable("vpn_gws")
    .set((eb) => ({ generation: eb("generation", "+", 1) }))
    .where("id", "=", id)
    .returning("generation"),
);

/** A change of desired state. */
export async function setVpnGwStatus(db: Db, id: number, status: VpnGwStatus): Promise<void> {
  await db.sql.updateTable("vpn_gws").set({ status, failure: null }).where("id", "=", id).execute();
}

/** How a gateway is called and paid for: nothing that the machine has to follow. */
export async function setVpnGwTerms(
  db: Db,
  terms: Pick<VpnGw, "id" | "name" | "isAutoRenew" | "chargeType" | "expiresAtMs">,
): Promise<void> {
  const { id, name, isAutoRenew, chargeType, expiresAtMs } = terms;
  const row = { name, is_auto_renew: isAutoRenew ? 1 : 0, charge_type: chargeType, expires_at: expiresAtMs ?? null };
  await db.sql.updateTable("vpn_gws").set(row).where("id", "=", id).execute();
}

/** What the reconciler found of a gateway, whose status it had read before; one that was changed since then is left alone. */
export async function recordVpnGwStatus(
  db: Db,
  { id, status: seenStatus }: VpnGw,
  found: { readonly status: VpnGwStatus; readonly failure: string | undefined },
): Promise<void> {
  await db.sql
    .updateTable("vpn_gws")
    .set({ status: found.status, failure: found.failure ?? null })
    .where("id", "=", id)
    .where("status", "=", seenStatus)
    .execute();
}

/** They are to run on another machine than they did: until they do, they do not run. */
export async function recordMoved(db: Db, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  const status: VpnGwStatus = "delivering";
  await db.sql
    .updateTable("vpn_gws")
    .set({ status, failure: null })
    .where("id", "in", ids)
    .where("status", "in", ["running", "delivery-failed"] satisfies VpnGwStatus[])
    .execute();
}

/** The machine has taken the gateway and its channels as they were at that generation. */
export async function setGwObservedGeneration(db: Db, id: number, generation: number): Promise<void> {
  await updateObserved(db, { id, generation });
}

const updateObserved = prepare((sql, { id, generation }: { id: number; generation: number }) =>
  sql
    .updateTable("vpn_gws")
    .set({ observed_generation: generation })
    .where("id", "=", id)
    .where("observed_generation", "<", generation),
);

/** Removes a gateway, which has no channels, with its lease and its list of unknown peers. */
export async function deleteVpnGw(db: Db, id: number): Promise<void> {
  await deleteLease(db, id);
  await recordUnknownPeers(db, id, []);
  await db.sql.deleteFrom("vpn_gws").where("id", "=", id).execute();
}

/** Which gateways. A gateway's order number is its numeric id. */
export interface VpnGwFilter {
  readonly vpcId?: number | undefined;
  readonly ref?: ResourceRef | undefined;
  readonly name?: string | undefined;
  readonly orderNumber?: number | undefined;
  readonly publicAddresses?: readonly string[] | undefined;
}

export async function listVpnGws(
  db: Db,
  owner: Owner,
  filter: VpnGwFilter,
  page: Page,
): Promise<Listing<{ vpnGw: VpnGw; vpc: Vpc }>> {
  let query = db.sql
    .selectFrom("vpn_gws")
    .where("vpn_gws.account_id", "=", owner.accountId)
    .where("vpn_gws.region", "=", owner.region);
  if (filter.vpcId !== undefined) query = query.where("vpn_gws.vpc_id", "=", filter.vpcId);
  if (filter.ref !== undefined) query = query.where(isRef(owner, filter.ref, "vpn_gws"));
  if (filter.orderNumber !== undefined) query = query.where("vpn_gws.id", "=", filter.orderNumber);
  if (filter.name !== undefined) query = query.where(isLike("vpn_gws.name", filter.name));
  if (filter.publicAddresses !== undefined) {
    // One that nobody has is among them: PostgreSQL knows no empty list.
    const numbers = [-1, ...filter.publicAddresses.map((address) => parseAddress(address) ?? -1)];
    query = query.where("vpn_gws.public_address", "in", numbers);
  }
  const { total } = await query.select((eb) => eb.fn.countAll<number>().as("total")).executeTakeFirstOrThrow();
  const [first, second] = orderColumns(page);
  const rows = await query
    .innerJoin("vpcs", "vpcs.id", "vpn_gws.vpc_id")
    .selectAll("vpn_gws")
    .select(["vpcs.cidr as vpc_cidr", "vpcs.uid as vpc_uid"])
    .orderBy(`vpn_gws.${first}`, page.direction)
    .orderBy(`vpn_gws.${second}`, page.direction)
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  const vpcs = await findVpcsById(db, [...new Set(rows.map((row) => row.vpc_id))]);
  return { rows: rows.map((row) => ({ vpnGw: readVpnGw(row), vpc: vpcs.get(row.vpc_id) as Vpc })), total };
}
