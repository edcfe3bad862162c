// Who may run which gateway (docs/decisions/0104-a-lease-for-each-gateway.md).
import { onlyRow, prepare } from "./prepared.ts";
import type { Db } from "./store.ts";

export interface GatewayLease {
  /** undefined: nobody. */
  readonly hostId: number | undefined;
  readonly fence: number;
  /** Its host is to stop it and to release it. */
  readonly isLeaving: boolean;
}

/** A new gateway is nobody's. */
export async function insertLease(db: Db, vpnGwId: number): Promise<void> {
  await insertFree(db, { vpn_gw_id: vpnGwId });
}

export async function deleteLease(db: Db, vpnGwId: number): Promise<void> {
  await deleteRow(db, { vpnGwId });
}

const insertFree = prepare((sql, { vpn_gw_id }: { vpn_gw_id: number }) =>
  sql.insertInto("gateway_leases").values({ vpn_gw_id, host_id: null, fence: 0, moving_from: null }),
);
const deleteRow = prepare((sql, { vpnGwId }: { vpnGwId: number }) =>
  sql.deleteFrom("gateway_leases").where("vpn_gw_id", "=", vpnGwId),
);

const select = prepare((sql, { vpnGwId }: { vpnGwId: number }) =>
  sql.selectFrom("gateway_leases").selectAll().where("vpn_gw_id", "=", vpnGwId),
);
const selectAndKeep = prepare((sql, { vpnGwId }: { vpnGwId: number }) =>
  sql.selectFrom("gateway_leases").selectAll().where("vpn_gw_id", "=", vpnGwId).forShare(),
);

/** @returns undefined: there is no such gateway */
export async function findLease(db: Db, vpnGwId: number): Promise<GatewayLease | undefined> {
  return readLease(await select(db, { vpnGwId }));
}

/** The same, and nobody is given the gateway until this transaction ends. */
export async function keepLease(db: Db, vpnGwId: number): Promise<GatewayLease | undefined> {
  return readLease(await selectAndKeep(db, { vpnGwId }));
}

function readLease([row]: Awaited<ReturnType<typeof select>>): GatewayLease | undefined {
  if (row === undefined) return undefined;
  const { host_id, fence, moving_from } = row;
  return { hostId: host_id ?? undefined, fence, isLeaving: host_id !== null && host_id === moving_from };
}

export interface HeldGateway {
  readonly vpnGwId: number;
  readonly fence: number;
  readonly isLeaving: boolean;
}

const selectOfHost = prepare((sql, { hostId }: { hostId: number }) =>
  sql
    .selectFrom("gateway_leases")
    .select(["vpn_gw_id", "fence", "moving_from"])
    .where("host_id", "=", hostId)
    .orderBy("vpn_gw_id"),
);

/** What a host holds, by gateway. */
export async function listHeld(db: Db, hostId: number): Promise<HeldGateway[]> {
  const rows = await selectOfHost(db, { hostId });
  return rows.map((row) => ({ vpnGwId: row.vpn_gw_id, fence: row.fence, isLeaving: row.moving_from === hostId }));
}

const countOfHost = prepare((sql, { hostId }: { hostId: number }) =>
  sql
    .selectFrom("gateway_leases")
    .select((eb) => eb.fn.countAll<number>().as("held"))
    .where("host_id", "=", hostId),
);

export async function countHeld(db: Db, hostId: number): Promise<number> {
  return onlyRow(await countOfHost(db, { hostId })).held;
}

/** Gateways become the host's, those of them that nobody holds; each grant raises the fence. @returns those that did */
export async function grantLeases(db: Db, hostId: number, vpnGwIds: readonly number[]): Promise<number[]> {
  if (vpnGwIds.length === 0) return [];
  const rows = await db.sql
    .updateTable("gateway_leases")
    .set((eb) => ({
      host_id: hostId,
      fence: eb("fence", "+", 1),
      // It may come back to where it was on the way from.
      moving_from: eb.fn<number | null>("nullif", ["moving_from", eb.val(hostId)]),
    }))
    .where("vpn_gw_id", "in", vpnGwIds)
    .where("host_id", "is", null)
    .returning("vpn_gw_id")
    .execute();
  return rows.map((row) => row.vpn_gw_id);
}

interface Holder {
  readonly vpnGwId: number;
  readonly hostId: number;
  readonly fence: number;
}

const freeOne = prepare((sql, { vpnGwId, hostId, fence }: Holder) =>
  sql
    .updateTable("gateway_leases")
    .set({ host_id: null, moving_from: hostId })
    .where("vpn_gw_id", "=", vpnGwId)
    .where("host_id", "=", hostId)
    .where("fence", "=", fence)
    .returning("vpn_gw_id"),
);

/** Its host has let go of it: nobody holds it any more, and it is on the way from there. @returns whether it was held as told */
export async function freeLease(db: Db, holder: Holder): Promise<boolean> {
  return (await freeOne(db, holder)).length > 0;
}

/** Nobody holds any more what a host held, which has expired. @returns how many those are */
export async function freeLeasesOf(db: Db, hostId: number): Promise<number> {
  const result = await db.sql
    .updateTable("gateway_leases")
    .set({ host_id: null })
    .where("host_id", "=", hostId)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

const markOne = prepare((sql, { vpnGwId, hostId }: { vpnGwId: number; hostId: number }) =>
  sql
    .updateTable("gateway_leases")
    .set({ moving_from: hostId })
    .where("vpn_gw_id", "=", vpnGwId)
    .where("host_id", "=", hostId),
);

/** The host that holds it is to leave it. */
export async function markLeaving(db: Db, vpnGwId: number, hostId: number): Promise<void> {
  await markOne(db, { vpnGwId, hostId });
}
