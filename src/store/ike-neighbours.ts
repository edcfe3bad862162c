// Channels of one gateway to one peer address, which may have to share a key and phase 1: api-v2.md 9.4.
import type { VpnConnStatus } from "../vpn/status.ts";
import type { IkeNeighbour } from "../vpn/vpn-conn.ts";
import { prepare } from "./prepared.ts";
import type { Db } from "./store.ts";
import { readVpnConn } from "./vpn-conns.ts";

/** Which channel's neighbours. */
export interface NeighbourQuery {
  readonly vpnGwId: number;
  /** From ikeIdentityKey: `<peer address>|<identities>`. */
  readonly ikeIdentity: string;
  /** The channel itself; 0 for one that is not there yet. */
  readonly ownId: number;
}

const leaving = ["deleting", "delete-failed"] satisfies VpnConnStatus[];

/**
 * Another channel to the same peer address that is not on its way out: one with the same identities if there is one, else any, since all
 * of them are in main mode and alike, or all are in aggressive mode.
 */
export async function findIkeNeighbour(db: Db, query: NeighbourQuery): Promise<IkeNeighbour | undefined> {
  const [same] = await selectSame(db, { ...query });
  const [row] = same === undefined ? await selectToPeer(db, peerRange(query)) : [same];
  return row === undefined ? undefined : { ...readVpnConn(db, row), isSameIdentity: same !== undefined };
}

const selectSame = prepare((sql, { vpnGwId, ikeIdentity, ownId }: NeighbourQuery) =>
  sql
    .selectFrom("vpn_conns")
    .selectAll()
    .where("vpn_gw_id", "=", vpnGwId)
    .where("ike_identity", "=", ikeIdentity)
    .where("id", "!=", ownId)
    .where("status", "not in", leaving)
    .limit(1),
);

interface PeerRange {
  readonly vpnGwId: number;
  readonly ownId: number;
  readonly from: string;
  readonly below: string;
}

/** All identities with one peer address begin with it and a `|`, whose next character, byte by byte as SQLite compares, is `}`. */
function peerRange({ vpnGwId, ikeIdentity, ownId }: NeighbourQuery): PeerRange {
  const peer = ikeIdentity.slice(0, ikeIdentity.indexOf("|"));
  return { vpnGwId, ownId, from: `${peer}|`, below: `${peer}}` };
}

const selectToPeer = prepare((sql, { vpnGwId, ownId, from, below }: PeerRange) =>
  sql
    .selectFrom("vpn_conns")
    .selectAll()
    .where("vpn_gw_id", "=", vpnGwId)
    .where("ike_identity", ">=", from)
    .where("ike_identity", "<", below)
    .where("id", "!=", ownId)
    .where("status", "not in", leaving)
    .limit(1),
);

/**
 * How many pairs of networks the other channels of one IKE identity have together. Of a channel that is being modified both those it had
 * and those it is to have.
 */
export async function countIdentityPairs(db: Db, query: NeighbourQuery): Promise<number> {
  const [row] = await selectPairCount(db, { ...query });
  return row?.pairs ?? 0;
}

const selectPairCount = prepare((sql, { vpnGwId, ikeIdentity, ownId }: NeighbourQuery) =>
  sql
    .selectFrom("vpn_conns")
    .innerJoin("spd_pairs", "spd_pairs.vpn_conn_id", "vpn_conns.id")
    .select(({ fn }) => fn.countAll<number>().as("pairs"))
    .where("vpn_conns.vpn_gw_id", "=", vpnGwId)
    .where("vpn_conns.ike_identity", "=", ikeIdentity)
    .where("vpn_conns.id", "!=", ownId)
    .where("vpn_conns.status", "not in", leaving)
    // Pairs are kept by gateway: without this all of them would be gone through.
    .where("spd_pairs.vpn_gw_id", "=", vpnGwId),
);

/** The unified id of a channel to the same peer address whose key or phase 1 is being modified, and may yet go back. */
export async function findIkeInChange(db: Db, query: NeighbourQuery): Promise<string | undefined> {
  const [row] = await selectInChange(db, peerRange(query));
  return row?.uid;
}

const selectInChange = prepare((sql, { vpnGwId, ownId, from, below }: PeerRange) =>
  sql
    .selectFrom("vpn_conn_fallbacks")
    .innerJoin("vpn_conns", "vpn_conns.id", "vpn_conn_fallbacks.vpn_conn_id")
    .select("vpn_conns.uid")
    .where("vpn_conn_fallbacks.vpn_gw_id", "=", vpnGwId)
    .where("vpn_conn_fallbacks.ike_identity", ">=", from)
    .where("vpn_conn_fallbacks.ike_identity", "<", below)
    .where("vpn_conns.id", "!=", ownId)
    .whereRef("vpn_conn_fallbacks.ike_generation", "!=", "vpn_conns.ike_generation")
    .limit(1),
);
