// VPN channels, and what was observed of them.
import type { Kysely, Selectable } from "kysely";
import type { DesiredVpnConn, VpnConn, VpnConnSettings } from "../vpn/entities.ts";
import type { ResourceRef } from "../vpn/id.ts";
import type { Owner } from "../vpn/listing.ts";
import type { NetStatus, VpnConnStatus } from "../vpn/status.ts";
import { deleteDiagnosis } from "./diagnoses.ts";
import { type ByNumber, type ByUid, findByRef } from "./lists.ts";
import { onlyRow, pick, prepare } from "./prepared.ts";
import { readResource, writeResource } from "./resources.ts";
import type { Schema } from "./schema.ts";
import { deleteSpdPairs } from "./spd-pairs.ts";
import type { Db } from "./store.ts";
import { deleteTrafficOf } from "./traffic.ts";
import { listFallbacks } from "./vpn-conn-fallbacks.ts";
import { readSettings, writeSettings } from "./vpn-conn-settings.ts";

type VpnConnRow = Selectable<Schema["vpn_conns"]>;

export function readVpnConn(db: Db, row: VpnConnRow): VpnConn {
  return {
    ...readResource(row),
    vpcId: row.vpc_id,
    vpnGwId: row.vpn_gw_id,
    userGwId: row.user_gw_id,
    ...readSettings(db, row),
    status: row.status as VpnConnStatus,
    generation: row.generation,
    failure: row.failure ?? undefined,
  };
}

const findStatements = {
  byUid: prepare((sql, owned: ByUid) => selectOwned(sql, owned).where("uid", "=", owned.uid)),
  byNumber: prepare((sql, owned: ByNumber) => selectOwned(sql, owned).where("id", "=", owned.number)),
};

function selectOwned(sql: Kysely<Schema>, { accountId, region }: Owner) {
  return sql.selectFrom("vpn_conns").selectAll().where("account_id", "=", accountId).where("region", "=", region);
}

export async function findVpnConn(db: Db, owner: Owner, ref: ResourceRef): Promise<VpnConn | undefined> {
  const row = await findByRef(db, owner, ref, findStatements);
  return row === undefined ? undefined : readVpnConn(db, row);
}

/** How the new channel's name is kept: whether it must be unique in its VPC. */
export interface NameRule {
  readonly isUnique: boolean;
}

/** @returns the numeric id */
export async function insertVpnConn(
  db: Db,
  conn: Omit<VpnConn, "id" | "failure">,
  ikeIdentity: string,
  rule: NameRule,
): Promise<number> {
  const row = {
    ...writeResource(conn),
    name_key: rule.isUnique ? conn.name : null,
    vpc_id: conn.vpcId,
    vpn_gw_id: conn.vpnGwId,
    user_gw_id: conn.userGwId,
    ...writeSettings(db, conn, ikeIdentity),
    status: conn.status,
    generation: conn.generation,
    observed_generation: 0,
    failure: null,
  };
  return onlyRow(await insertRow(db, row)).id;
}

const columns = [
  "uid",
  "account_id",
  "region",
  "name",
  "name_key",
  "created_at",
  "vpc_id",
  "vpn_gw_id",
  "user_gw_id",
  "pre_shared_key",
  "ike_identity",
  "ike",
  "ipsec",
  "spds",
  "ike_generation",
  "ipsec_generation",
  "status",
  "generation",
  "observed_generation",
  "failure",
] as const;

const insertRow = prepare((sql, row: Omit<VpnConnRow, "id">) =>
  sql.insertInto("vpn_conns").values(pick(row, columns)).returning("id"),
);

export async function renameVpnConn(db: Db, id: number, name: string, rule: NameRule): Promise<void> {
  const names = { name, name_key: rule.isUnique ? name : null };
  await db.sql.updateTable("vpn_conns").set(names).where("id", "=", id).execute();
}

export async function isConnNameTaken(db: Db, vpcId: number, name: string): Promise<boolean> {
  return (await selectByName(db, { vpcId, name })).length > 0;
}

const selectByName = prepare((sql, { vpcId, name }: { vpcId: number; name: string }) =>
  sql.selectFrom("vpn_conns").select("id").where("vpc_id", "=", vpcId).where("name_key", "=", name),
);

/** Whose channels are counted: an owner's, or those of one gateway or of one peer gateway. */
export type ConnScope = Owner | { readonly vpnGwId: number } | { readonly userGwId: number };

/** Whether there are `most` channels or more, at least 1; goes through no more entries of an index than that, and reads one row. */
export async function hasVpnConns(db: Db, scope: ConnScope, most: number): Promise<boolean> {
  const before = most - 1;
  const rows =
    "vpnGwId" in scope
      ? await selectOfGw(db, { vpnGwId: scope.vpnGwId, before })
      : "userGwId" in scope
        ? await selectOfUserGw(db, { userGwId: scope.userGwId, before })
        : await selectOfOwner(db, { accountId: scope.accountId, region: scope.region, before });
  return rows.length > 0;
}

const selectOfOwner = prepare((sql, { accountId, region, before }: Owner & { before: number }) =>
  sql
    .selectFrom("vpn_conns")
    .select("account_id")
    .where("account_id", "=", accountId)
    .where("region", "=", region)
    .limit(1)
    .offset(before),
);

const selectOfGw = prepare((sql, { vpnGwId, before }: { vpnGwId: number; before: number }) =>
  sql.selectFrom("vpn_conns").select("vpn_gw_id").where("vpn_gw_id", "=", vpnGwId).limit(1).offset(before),
);

const selectOfUserGw = prepare((sql, { userGwId, before }: { userGwId: number; before: number }) =>
  sql.selectFrom("vpn_conns").select("user_gw_id").where("user_gw_id", "=", userGwId).limit(1).offset(before),
);

export async function hasConnOnGw(db: Db, vpnGwId: number): Promise<boolean> {
  const query = db.sql.selectFrom("vpn_conns").select("id").where("vpn_gw_id", "=", vpnGwId).limit(1);
  return (await query.executeTakeFirst()) !== undefined;
}

export async function hasConnOnUserGw(db: Db, userGwId: number): Promise<boolean> {
  const query = db.sql.selectFrom("vpn_conns").select("id").where("user_gw_id", "=", userGwId).limit(1);
  return (await query.executeTakeFirst()) !== undefined;
}

/** So many are looked up one by one; of more it is cheaper to read all that the gateway has. */
const mostLookedUp = 500;

/** Those of these channels, or more, that a gateway has. */
export async function findConnIdsOfGw(
  db: Db,
  vpnGwId: number,
  connIds: readonly number[],
): Promise<ReadonlySet<number>> {
  if (connIds.length === 0) return new Set();
  const all = db.sql.selectFrom("vpn_conns").select("id").where("vpn_gw_id", "=", vpnGwId);
  const rows = await (connIds.length > mostLookedUp ? all : all.where("id", "in", connIds)).execute();
  return new Set(rows.map(({ id }) => id));
}

/** A change of desired state: the reconciler sees it by its generation. */
export async function setConnStatus(db: Db, id: number, status: VpnConnStatus, generation: number): Promise<void> {
  await db.sql.updateTable("vpn_conns").set({ status, generation, failure: null }).where("id", "=", id).execute();
}

/** A change of settings, not of the name. @param ikeIdentity from ikeIdentityKey */
export async function updateSettings(
  db: Db,
  id: number,
  settings: VpnConnSettings,
  ikeIdentity: string,
): Promise<void> {
  const row = writeSettings(db, settings, ikeIdentity);
  await db.sql.updateTable("vpn_conns").set(row).where("id", "=", id).execute();
}

/**
 * Says that an IKE_SA, or the CHILD_SAs, of a channel that stays as it is are to be made anew: those that are there were made at
 * an earlier generation.
 */
export async function renewSas(db: Db, id: number, phase: "ike" | "ipsec", generation: number): Promise<void> {
  const renewed = phase === "ike" ? { ike_generation: generation } : { ipsec_generation: generation };
  await db.sql
    .updateTable("vpn_conns")
    .set({ ...renewed, generation })
    .where("id", "=", id)
    .execute();
}

/** Channels of a gateway that changed after a generation, those on their way out included. */
export async function listChangedConns(db: Db, vpnGwId: number, afterGeneration: number): Promise<DesiredVpnConn[]> {
  const rows = await selectChanged(db, { vpnGwId, afterGeneration });
  const isAnyModified = rows.some((row) => row.status === ("modifying" satisfies VpnConnStatus));
  const fallbacks = isAnyModified ? await listFallbacks(db, vpnGwId) : undefined;
  return rows.map((row) => {
    const settings = fallbacks?.get(row.id);
    const fallback = settings === undefined ? undefined : readDesired(db, { ...row, ...settings });
    return { ...readDesired(db, row), fallback };
  });
}

function readDesired(db: Db, row: VpnConnRow & { readonly peer_address: string }): DesiredVpnConn {
  return { conn: readVpnConn(db, row), ikeIdentity: row.ike_identity, peerAddress: row.peer_address };
}

const selectChanged = prepare((sql, values: { vpnGwId: number; afterGeneration: number }) =>
  sql
    .selectFrom("vpn_conns")
    .innerJoin("user_gws", "user_gws.id", "vpn_conns.user_gw_id")
    .selectAll("vpn_conns")
    .select("user_gws.address as peer_address")
    .where("vpn_gw_id", "=", values.vpnGwId)
    .where("generation", ">", values.afterGeneration)
    .orderBy("generation"),
);

/** What the reconciler found of one channel at a generation; a later change of desired state is left alone. @returns whether there was none */
export async function recordConnStatus(
  db: Db,
  id: number,
  outcome: { status: VpnConnStatus; failure: string | undefined; generation: number },
): Promise<boolean> {
  return (await updateObserved(db, { id, ...outcome, failure: outcome.failure ?? null })).length > 0;
}

const updateObserved = prepare((sql, row: { id: number; status: string; failure: string | null; generation: number }) =>
  sql
    .updateTable("vpn_conns")
    .set({ status: row.status, failure: row.failure, observed_generation: row.generation })
    .where("id", "=", row.id)
    .where("generation", "=", row.generation)
    .returning("id"),
);

export async function recordNetStatus(db: Db, connId: number, netStatus: NetStatus, nowMs: number): Promise<void> {
  await upsertObservation(db, { vpn_conn_id: connId, net_status: netStatus, changed_at: nowMs });
}

const upsertObservation = prepare((sql, row: Selectable<Schema["vpn_conn_observations"]>) => {
  const observed = pick(row, ["net_status", "changed_at"]);
  return sql
    .insertInto("vpn_conn_observations")
    .values({ vpn_conn_id: row.vpn_conn_id, ...observed })
    .onConflict((conflict) => conflict.column("vpn_conn_id").doUpdateSet(observed));
});

/** What was observed last of a gateway's channels, by channel; one that nothing was observed of is not up. */
export async function listNetStatuses(db: Db, vpnGwId: number): Promise<Map<number, NetStatus>> {
  const rows = await db.sql
    .selectFrom("vpn_conns")
    .innerJoin("vpn_conn_observations", "vpn_conn_observations.vpn_conn_id", "vpn_conns.id")
    .select(["vpn_conns.id", "net_status"])
    .where("vpn_gw_id", "=", vpnGwId)
    .execute();
  return new Map(rows.map((row) => [row.id, row.net_status as NetStatus]));
}

/** Removes a channel with its pairs and what was observed of it, its diagnosis and its traffic included. */
export async function deleteVpnConn(db: Db, id: number): Promise<void> {
  await deleteSpdPairs(db, id);
  await db.sql.deleteFrom("vpn_conn_fallbacks").where("vpn_conn_id", "=", id).execute();
  await db.sql.deleteFrom("vpn_conn_observations").where("vpn_conn_id", "=", id).execute();
  await deleteDiagnosis(db, id);
  await deleteTrafficOf(db, id);
  await db.sql.deleteFrom("vpn_conns").where("id", "=", id).execute();
}
