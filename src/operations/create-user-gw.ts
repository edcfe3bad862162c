// Records a peer gateway.
import { ApiError } from "../errors.ts";
import type { Db } from "../store/store.ts";
import { findUserGwByAddress, insertUserGw, listUserGws } from "../store/user-gws.ts";
import type { UserGw } from "../vpn/entities.ts";
import { requireName } from "../vpn/text.ts";
import { readPeerAddress } from "../vpn/user-gw.ts";
import { type Caller, type Context, write } from "./context.ts";
import { generateUid } from "./generate.ts";

export interface CreateUserGw {
  readonly name: string;
  readonly address: string;
}

/**
 * Checks what a caller says of a peer gateway, and gives the address in its one spelling.
 * @throws ApiError user-gw-name-invalid, parameter-invalid
 */
export function checkUserGw({ config }: Context, { name, address }: CreateUserGw): CreateUserGw {
  requireName("user-gw-name-invalid", name);
  return { name, address: readPeerAddress(address, { allowPrivate: config.allowPrivatePeers }) };
}

/** @throws ApiError user-gw-name-invalid, parameter-invalid, user-gw-address-in-use, user-gw-limit-exceeded */
export async function createUserGw(context: Context, caller: Caller, input: CreateUserGw): Promise<UserGw> {
  const checked = checkUserGw(context, input);
  return write(context, caller, (db) => insertWithinRules(context, caller, db, checked));
}

async function insertWithinRules(context: Context, caller: Caller, db: Db, input: CreateUserGw): Promise<UserGw> {
  const isAddressUnique = context.config["unique.userGwAddresses"];
  const other = isAddressUnique ? await findUserGwByAddress(db, caller, input.address) : undefined;
  if (other !== undefined) {
    const message = `peer gateway ${other.uid} has the address ${input.address} already`;
    throw new ApiError("user-gw-address-in-use", message, { field: "address" });
  }
  const quota = context.config["quota.userGws"];
  const { total } = await listUserGws(db, caller, {}, { offset: 0, limit: 0, orderBy: "createdAt", direction: "asc" });
  if (quota > 0 && total >= quota) {
    throw new ApiError("user-gw-limit-exceeded", `the region has ${total} peer gateways; ${quota} are allowed`);
  }
  const userGw = {
    uid: generateUid("user-gw"),
    accountId: caller.accountId,
    region: caller.region,
    name: input.name,
    createdAtMs: context.clock(),
    address: input.address,
  };
  return insertUserGw(db, userGw, isAddressUnique);
}

/**
 * The peer gateway with this address, recorded now when there is none: for a channel that is given its peer inline.
 * @param input from checkUserGw
 * @throws ApiError user-gw-limit-exceeded
 */
export async function ensureUserGw(context: Context, caller: Caller, db: Db, input: CreateUserGw): Promise<UserGw> {
  const found = await findUserGwByAddress(db, caller, input.address);
  return found ?? insertWithinRules(context, caller, db, input);
}
