// What every operation is given: the store, the clock, the rules in force, and a way to wake the loop of a gateway.
import type { Config } from "../config.ts";
import { ApiError } from "../errors.ts";
import { insertRequestStamp, type RequestStamp } from "../store/request-stamps.ts";
import type { Db, Store } from "../store/store.ts";
import { together } from "../store/together.ts";
import type { Owner } from "../vpn/listing.ts";

export interface Context {
  readonly store: Store;
  readonly config: Config;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Says "look at this gateway"; never what to do. */
  readonly nudge: (vpnGwId: number) => void;
}

/** Who calls: owns what it sees, and may carry a signed request that must not be carried out twice. */
export interface Caller extends Owner {
  readonly isReadOnly: boolean;
  readonly stamp: RequestStamp | undefined;
}

/** Runs an operation's one transaction; the request's stamp is part of it. @throws ApiError request-replayed, StoreError */
export async function write<T>(context: Context, caller: Caller, work: (db: Db) => Promise<T>): Promise<T> {
  if (caller.isReadOnly) throw new ApiError("permission-denied", "this key may only read");
  const stamped = async (db: Db) => {
    const [, result] = await together([caller.stamp && insertRequestStamp(db, caller.stamp), work(db)]);
    return result;
  };
  return context.store.transaction(stamped, "at-once", caller.accountId);
}
