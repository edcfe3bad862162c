// The channel whose key and phase 1 another one may have to share, when both can be relied on.
import { ApiError, refuseField } from "../errors.ts";
import { countIdentityPairs, findIkeInChange, findIkeNeighbour, type NeighbourQuery } from "../store/ike-neighbours.ts";
import { hasMorePairsThan } from "../store/spd-pairs.ts";
import type { Db } from "../store/store.ts";
import { together } from "../store/together.ts";
import { pairsPerIdentity } from "../vpn/spd.ts";
import type { IkeNeighbour } from "../vpn/vpn-conn.ts";

/**
 * Another channel to the same peer address. One whose modification is under way may yet go back to its old key and phase 1: until
 * that is known nobody can be told whether theirs agree with it.
 * @throws ApiError action-locked
 */
export async function findSettledNeighbour(db: Db, query: NeighbourQuery): Promise<IkeNeighbour | undefined> {
  const [neighbour, uid] = await together([findIkeNeighbour(db, query), findIkeInChange(db, query)]);
  if (neighbour !== undefined && uid !== undefined) {
    const message = `VPN channel ${uid} to the same peer is being modified; wait for its task to end`;
    throw new ApiError("action-locked", message);
  }
  return neighbour;
}

/**
 * Channels of one IKE identity are one connection, and a gateway takes it whole or not at all: one pair too many would leave all of
 * them without it.
 * @param pairs those of the channel itself
 * @throws ApiError parameter-invalid, naming field `spds`
 */
export async function refuseTooManyPairs(db: Db, query: NeighbourQuery, pairs: number): Promise<void> {
  // Few gateways have so many that they have to be counted by identity.
  if (pairs <= pairsPerIdentity && !(await hasMorePairsThan(db, query.vpnGwId, pairsPerIdentity - pairs))) return;
  const others = await countIdentityPairs(db, query);
  if (pairs + others <= pairsPerIdentity) return;
  const beside = others === 0 ? "" : `, beside ${others} of other channels with the same peer and identities`;
  throw refuseField("spds", `${pairs} pairs of networks${beside}; at most ${pairsPerIdentity} together are allowed`);
}
