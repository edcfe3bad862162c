// Lists of VPN channels with all that they refer to.
import type { VpnConnView } from "../vpn/entities.ts";
import type { ResourceRef } from "../vpn/id.ts";
import type { Listing, Owner, Page } from "../vpn/listing.ts";
import type { NetStatus } from "../vpn/status.ts";
import { findSummary, summaryColumns } from "./diagnoses.ts";
import { isLike, isRef, orderColumns } from "./lists.ts";
import type { Db } from "./store.ts";
import { together } from "./together.ts";
import { findUserGwsById } from "./user-gws.ts";
import { findVpcsById } from "./vpcs.ts";
import { readVpnConn } from "./vpn-conns.ts";
import { findVpnGwsById } from "./vpn-gws.ts";

/** Which channels; conditions are joined by AND. */
export interface VpnConnFilter {
  readonly vpcId?: number | undefined;
  readonly vpnGwId?: number | undefined;
  readonly ref?: ResourceRef | undefined;
  readonly name?: string | undefined;
  /** The channel that this task is about. */
  readonly taskId?: number | undefined;
}

export async function listVpnConnViews(
  db: Db,
  owner: Owner,
  filter: VpnConnFilter,
  page: Page,
): Promise<Listing<VpnConnView>> {
  let query = db.sql
    .selectFrom("vpn_conns")
    .where("vpn_conns.account_id", "=", owner.accountId)
    .where("vpn_conns.region", "=", owner.region);
  if (filter.vpcId !== undefined) query = query.where("vpn_conns.vpc_id", "=", filter.vpcId);
  if (filter.vpnGwId !== undefined) query = query.where("vpn_conns.vpn_gw_id", "=", filter.vpnGwId);
  if (filter.ref !== undefined) query = query.where(isRef(owner, filter.ref, "vpn_conns"));
  if (filter.name !== undefined) query = query.where(isLike("vpn_conns.name", filter.name));
  if (filter.taskId !== undefined) {
    query = query.where("vpn_conns.id", "=", await findConnIdOfTask(db, owner, filter.taskId));
  }
  const [first, second] = orderColumns(page);
  const [{ total }, rows] = await together([
    query.select((eb) => eb.fn.countAll<number>().as("total")).executeTakeFirstOrThrow(),
    query
      .selectAll("vpn_conns")
      .leftJoin("vpn_conn_observations", "vpn_conn_observations.vpn_conn_id", "vpn_conns.id")
      .select("vpn_conn_observations.net_status")
      .leftJoin("vpn_conn_diagnoses", "vpn_conn_diagnoses.vpn_conn_id", "vpn_conns.id")
      .select(summaryColumns)
      .orderBy(`vpn_conns.${first}`, page.direction)
      .orderBy(`vpn_conns.${second}`, page.direction)
      .limit(page.limit)
      .offset(page.offset)
      .execute(),
  ]);
  const [vpcs, gateways, peers] = await together([
    findVpcsById(db, distinct(rows, "vpc_id")),
    findVpnGwsById(db, distinct(rows, "vpn_gw_id")),
    findUserGwsById(db, distinct(rows, "user_gw_id")),
  ]);
  const views = rows.flatMap((row) => {
    const vpc = vpcs.get(row.vpc_id);
    const vpnGw = gateways.get(row.vpn_gw_id);
    const userGw = peers.get(row.user_gw_id);
    if (vpc === undefined || vpnGw === undefined || userGw === undefined) return [];
    const netStatus: NetStatus = row.net_status === "available" ? "available" : "unavailable";
    const diagnosis = findSummary(row);
    return [{ conn: readVpnConn(db, row), vpc, vpnGw, userGw, netStatus, diagnosis }];
  });
  return { rows: views, total };
}

/** The channel that a task is about; -1, which no channel has, when there is none. */
async function findConnIdOfTask(db: Db, owner: Owner, taskId: number): Promise<number> {
  const task = await db.sql
    .selectFrom("tasks")
    .select("vpn_conn_id")
    .where("id", "=", taskId)
    .where("account_id", "=", owner.accountId)
    .executeTakeFirst();
  return task?.vpn_conn_id ?? -1;
}

/** Each number once: a page has at most 50 rows, most of them with the same gateway. */
function distinct<Column extends string>(rows: readonly Readonly<Record<Column, number>>[], column: Column): number[] {
  return [...new Set(rows.map((row) => row[column]))];
}
