// What placement asks: which gateways want a host, where those of a VPC are, which are on their way. It goes by indexes that hold only what
// is out of the ordinary; where all is in place there is nothing to read.
import type { Kysely } from "kysely";
import type { VpnGwStatus } from "../vpn/status.ts";
import { onlyRow, prepare } from "./prepared.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

/** A gateway that is to be placed. */
export interface PlacedGateway {
  readonly id: number;
  readonly vpcId: number;
  readonly region: string;
  /** Name of its account. */
  readonly account: string;
  /** The host that it left, if it may come back to it; another one is better. */
  readonly movingFrom: number | undefined;
}

export interface FreeGateway extends PlacedGateway {
  readonly accountId: number;
  readonly status: VpnGwStatus;
  readonly failure: string | undefined;
}

const selectFree = prepare((sql, { after, limit }: { after: number; limit: number }) =>
  sql
    .selectFrom("gateway_leases")
    .innerJoin("vpn_gws", "vpn_gws.id", "gateway_leases.vpn_gw_id")
    .innerJoin("accounts", "accounts.id", "vpn_gws.account_id")
    .select([
      "vpn_gws.id",
      "vpc_id",
      "region",
      "accounts.name as account",
      "moving_from",
      "account_id",
      "status",
      "failure",
    ])
    .where("gateway_leases.host_id", "is", null)
    .where("gateway_leases.vpn_gw_id", ">", after)
    .orderBy("gateway_leases.vpn_gw_id")
    .limit(limit),
);

/** Gateways that nobody holds, with numbers above `after`, the lowest first. */
export async function listFreeGateways(db: Db, after: number, limit: number): Promise<FreeGateway[]> {
  const rows = await selectFree(db, { after, limit });
  return rows.map((row) => ({
    id: row.id,
    vpcId: row.vpc_id,
    region: row.region,
    account: row.account,
    movingFrom: row.moving_from ?? undefined,
    accountId: row.account_id,
    status: row.status as VpnGwStatus,
    failure: row.failure ?? undefined,
  }));
}

function selectHeld(sql: Kysely<Schema>) {
  return sql
    .selectFrom("gateway_leases")
    .innerJoin("vpn_gws", "vpn_gws.id", "gateway_leases.vpn_gw_id")
    .innerJoin("accounts", "accounts.id", "vpn_gws.account_id")
    .select(["vpn_gws.id", "vpc_id", "region", "accounts.name as account", "host_id"]);
}

const selectOfHost = prepare((sql, { hostId, limit }: { hostId: number; limit: number }) =>
  selectHeld(sql).where("host_id", "=", hostId).orderBy("vpn_gw_id").limit(limit),
);
const selectLeaving = prepare((sql, { limit }: { limit: number }) =>
  selectHeld(sql)
    .where("moving_from", "is not", null)
    .whereRef("moving_from", "=", "host_id")
    .orderBy("moving_from")
    .limit(limit),
);

function readHeld(row: Awaited<ReturnType<typeof selectOfHost>>[number]): PlacedGateway {
  const { id, vpc_id: vpcId, region, account, host_id } = row;
  return { id, vpcId, region, account, movingFrom: host_id ?? undefined };
}

/** Gateways of a host, the lowest numbers first. */
export async function listGatewaysOfHost(db: Db, hostId: number, limit: number): Promise<PlacedGateway[]> {
  return (await selectOfHost(db, { hostId, limit })).map(readHeld);
}

/** Gateways that their hosts are to leave. */
export async function listLeavingGateways(db: Db, limit: number): Promise<PlacedGateway[]> {
  return (await selectLeaving(db, { limit })).map(readHeld);
}

/** On which hosts the gateways of VPCs are: one entry for each gateway that somebody holds. */
export async function listHostsOfVpcs(
  db: Db,
  vpcIds: readonly number[],
): Promise<{ readonly vpcId: number; readonly hostId: number }[]> {
  if (vpcIds.length === 0) return [];
  const rows = await db.sql
    .selectFrom("vpn_gws")
    .innerJoin("gateway_leases", "gateway_leases.vpn_gw_id", "vpn_gws.id")
    .select(["vpc_id", "host_id"])
    .where("vpc_id", "in", [...new Set(vpcIds)])
    .execute();
  return rows.flatMap(({ vpc_id, host_id }) => (host_id === null ? [] : [{ vpcId: vpc_id, hostId: host_id }]));
}

const selectMove = prepare((sql, _: Record<never, never>) =>
  sql.selectFrom("gateway_leases").select("vpn_gw_id").where("moving_from", "is not", null).limit(1),
);
const countMovesFrom = prepare((sql, { hostId }: { hostId: number }) =>
  sql
    .selectFrom("gateway_leases")
    .select((eb) => eb.fn.countAll<number>().as("moves"))
    .where("moving_from", "=", hostId),
);

/** Whether any gateway is on the way to another host. */
export async function hasMoves(db: Db): Promise<boolean> {
  return (await selectMove(db, {})).length > 0;
}

/** How many gateways are on the way from a host: it is to leave them, or they do not run elsewhere yet. */
export async function countMoves(db: Db, from: number): Promise<number> {
  return onlyRow(await countMovesFrom(db, { hostId: from })).moves;
}

const clearArrived = prepare((sql, { status }: { status: VpnGwStatus }) =>
  sql
    .updateTable("gateway_leases")
    .set({ moving_from: null })
    .where("moving_from", "is not", null)
    .where("host_id", "is not", null)
    .whereRef("host_id", "<>", "moving_from")
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom("vpn_gws")
          .select("vpn_gws.id")
          .whereRef("vpn_gws.id", "=", "gateway_leases.vpn_gw_id")
          .where("status", "=", status),
      ),
    ),
);

/** Gateways that run on another host than they left have arrived. */
export async function endMoves(db: Db): Promise<void> {
  await clearArrived(db, { status: "running" });
}

/** Which of these gateways have tasks that run and were asked for at `untilMs` at the latest; milliseconds since 1970. */
export async function listGatewaysWithTasks(db: Db, ids: readonly number[], untilMs: number): Promise<number[]> {
  if (ids.length === 0) return [];
  const rows = await db.sql
    .selectFrom("tasks")
    .select("vpn_gw_id")
    .distinct()
    .where("vpn_gw_id", "in", ids)
    .where("finished_at", "is", null)
    .where("created_at", "<=", untilMs)
    .execute();
  return rows.map((row) => row.vpn_gw_id);
}
