// Lists of VPN channels with all that they refer to.
import type { VpnConnView } from "../vpn/entities.ts";
import type { ResourceRef } from "../vpn/id.ts";
import type { Listing, Owner, Page } from "../vpn/listing.ts";
import type { NetStatus } from "../vpn/status.ts";
import { findSummary, summaryColumns } from "./diagnoses.ts";
import { isLike, isRef, orderColumns } from "./lists.ts";
import type { Db } from "./store.ts";
import { readUserGw } from "./user-gws.ts";
import { getVpcById } from "./vpcs.ts";
import { readVpnConn } from "./vpn-conns.ts";
import { findVpnGwById } from "./vpn-gws.ts";

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
  const { total } = await query.select((eb) => eb.fn.countAll<number>().as("total")).executeTakeFirstOrThrow();
  const [first, second] = orderColumns(page);
  const rows = await query
    .selectAll("vpn_conns")
    .leftJoin("vpn_conn_observations", "vpn_conn_observations.vpn_conn_id", "vpn_conns.id")
    .select("vpn_conn_observations.net_status")
    .leftJoin("vpn_conn_diagnoses", "vpn_conn_diagnoses.vpn_conn_id", "vpn_conns.id")
    .select(summaryColumns)
    .orderBy(`vpn_conns.${first}`, page.direction)
    .orderBy(`vpn_conns.${second}`, page.direction)
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  const gateways = await readEach(
    rows.map((row) => row.vpn_gw_id),
    async (id) => {
      const found = await findVpnGwById(db, id);
      return found && { vpnGw: found.vpnGw, vpc: await getVpcById(db, found.vpnGw.vpcId) };
    },
  );
  const peers = await readEach(
    rows.map((row) => row.user_gw_id),
    (id) => db.sql.selectFrom("user_gws").selectAll().where("id", "=", id).executeTakeFirst(),
  );
  const views = rows.flatMap((row) => {
    const place = gateways.get(row.vpn_gw_id);
    const peer = peers.get(row.user_gw_id);
    if (place === undefined || peer === undefined) return [];
    const netStatus: NetStatus = row.net_status === "available" ? "available" : "unavailable";
    const diagnosis = findSummary(row);
    return [{ conn: readVpnConn(db, row), ...place, userGw: readUserGw(peer), netStatus, diagnosis }];
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

/** Reads each distinct id once: a page has at most 50 rows, most of them with the same gateway. */
async function readEach<T>(
  ids: readonly number[],
  read: (id: number) => Promise<T | undefined>,
): Promise<Map<number, T>> {
  const found = new Map<number, T>();
  for (const id of new Set(ids)) {
    const value = await read(id);
    if (value !== undefined) found.set(id, value);
  }
  return found;
}
