// The (local, peer) pairs of all channels, to find two that overlap by an index: api-v2.md 9.4.
import { ancestorStarts, formatAddress } from "../vpn/network.ts";
import type { SpdPair } from "../vpn/spd.ts";
import type { Db } from "./store.ts";

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
  // SQLite and PostgreSQL bound the number of parameters of a statement.
  for (let start = 0; start < rows.length; start += 1_000) {
    await db.sql
      .insertInto("spd_pairs")
      .values(rows.slice(start, start + 1_000))
      .execute();
  }
}

/** The channel on a gateway one of whose pairs overlaps this one in both parts. */
export async function findOverlappingPair(
  db: Db,
  vpnGwId: number,
  { local, peer }: SpdPair,
): Promise<{ connUid: string; local: string; peer: string } | undefined> {
  const pairs = db.sql
    .selectFrom("spd_pairs")
    .innerJoin("vpn_conns", "vpn_conns.id", "spd_pairs.vpn_conn_id")
    .select(["vpn_conns.uid", "local_first", "local_last", "peer_first", "peer_last"])
    .where("spd_pairs.vpn_gw_id", "=", vpnGwId)
    .where("local_first", "<=", local.last)
    .where("local_last", ">=", local.first);
  // Two networks overlap only if one holds the other: those in this peer network, and those around it. Joined by OR they would keep
  // SQLite from using the index for the peer network at all.
  const inside = pairs.where("peer_first", ">=", peer.first).where("peer_first", "<=", peer.last);
  const around = pairs.where("peer_first", "in", ancestorStarts(peer)).where("peer_last", ">=", peer.last);
  const row = await inside.unionAll(around).limit(1).executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    connUid: row.uid,
    local: formatRange(row.local_first, row.local_last),
    peer: formatRange(row.peer_first, row.peer_last),
  };
}

function formatRange(first: number, last: number): string {
  return `${formatAddress(first)}/${32 - Math.log2(last - first + 1)}`;
}
