// The (local, peer) pairs of all channels, to find two that overlap by an index: api-v2.md 9.4.
import { type Selectable, sql } from "kysely";
import { formatAddress, netmasks } from "../vpn/network.ts";
import type { SpdPair } from "../vpn/spd.ts";
import { pick, prepare } from "./prepared.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";
import { together } from "./together.ts";

export async function insertSpdPairs(
  db: Db,
  vpnConnId: number,
  vpnGwId: number,
  pairs: readonly SpdPair[],
): Promise<void> {
  const rows = pairs.map(({ local, peer }) => ({
    vpn_conn_id: vpnConnId,
    vpn_gw_id: vpnGwId,
    local_first: local.first,
    local_last: local.last,
    peer_first: peer.first,
    peer_last: peer.last,
  }));
  await together(rows.map((row) => insertRow(db, row)));
}

const columns = ["vpn_gw_id", "peer_first", "peer_last", "local_first", "local_last", "vpn_conn_id"] as const;

const insertRow = prepare((sql, row: Selectable<Schema["spd_pairs"]>) =>
  // A channel that is being modified may have the pair already.
  sql
    .insertInto("spd_pairs")
    .values(pick(row, columns))
    .onConflict((conflict) => conflict.doNothing()),
);

/** Goes through the pairs of the channel's gateway: an index by channel would be one more page to write for each channel that is made. */
export async function deleteSpdPairs(db: Db, vpnConnId: number): Promise<void> {
  await db.sql
    .deleteFrom("spd_pairs")
    .where("vpn_gw_id", "=", (eb) => eb.selectFrom("vpn_conns").select("vpn_gw_id").where("id", "=", vpnConnId))
    .where("vpn_conn_id", "=", vpnConnId)
    .execute();
}

/** Whether the channels of a gateway have more than `count` pairs together. Reads no more entries than that. */
export async function hasMorePairsThan(db: Db, vpnGwId: number, count: number): Promise<boolean> {
  return (await selectPairBeyond(db, { vpnGwId, count })).length > 0;
}

const selectPairBeyond = prepare((sql, { vpnGwId, count }: { vpnGwId: number; count: number }) =>
  sql.selectFrom("spd_pairs").select("vpn_gw_id").where("vpn_gw_id", "=", vpnGwId).limit(1).offset(count),
);

/**
 * The channel on a gateway one of whose pairs overlaps this one in both parts.
 * @param ownId the channel that the pair is for, which is left out; 0 for one that is not there yet
 */
export async function findOverlappingPair(
  db: Db,
  vpnGwId: number,
  { local, peer }: SpdPair,
  ownId = 0,
): Promise<{ connUid: string; local: string; peer: string } | undefined> {
  const [row] = await selectOverlapping(db, {
    vpnGwId,
    ownId,
    localFirst: local.first,
    localLast: local.last,
    peerFirst: peer.first,
    peerLast: peer.last,
  });
  if (row === undefined) return undefined;
  return {
    connUid: row.uid,
    local: formatRange(row.local_first, row.local_last),
    peer: formatRange(row.peer_first, row.peer_last),
  };
}

interface Overlap {
  readonly vpnGwId: number;
  readonly ownId: number;
  readonly localFirst: number;
  readonly localLast: number;
  readonly peerFirst: number;
  readonly peerLast: number;
}

const selectOverlapping = prepare((query, values: Overlap) => {
  const pairs = query
    .selectFrom("spd_pairs")
    .innerJoin("vpn_conns", "vpn_conns.id", "spd_pairs.vpn_conn_id")
    .select(["vpn_conns.uid", "local_first", "local_last", "peer_first", "peer_last"])
    .where("spd_pairs.vpn_gw_id", "=", values.vpnGwId)
    .where("spd_pairs.vpn_conn_id", "!=", values.ownId)
    .where("local_first", "<=", values.localLast)
    .where("local_last", ">=", values.localFirst);
  // Two networks overlap only if one holds the other: those in this peer network, and those around it, which begin where this one
  // begins under one of 33 masks. Joined by OR they would keep SQLite from using the index for the peer network at all.
  const starts = netmasks.map((mask) => sql<number>`cast(${values.peerFirst} as bigint) & ${sql.lit(mask)}`);
  const inside = pairs.where("peer_first", ">=", values.peerFirst).where("peer_first", "<=", values.peerLast);
  const around = pairs.where("peer_first", "in", starts).where("peer_last", ">=", values.peerLast);
  return inside.unionAll(around).limit(1);
});

function formatRange(first: number, last: number): string {
  return `${formatAddress(first)}/${32 - Math.log2(last - first + 1)}`;
}
