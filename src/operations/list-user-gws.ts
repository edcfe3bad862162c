// Lists peer gateways.

import { listUserGws as listUserGwRows, type UserGwListing } from "../store/user-gws.ts";
import { readRef } from "../vpn/id.ts";
import type { Listing, Page } from "../vpn/listing.ts";
import type { Caller, Context } from "./context.ts";
import { requireUserGw } from "./find.ts";

export interface ListUserGws extends Page {
  readonly userGw: string | undefined;
  readonly name: string | undefined;
}

/** @throws ApiError user-gw-not-found when the filter names one that does not exist */
export async function listUserGws(
  { store: { db } }: Context,
  caller: Caller,
  input: ListUserGws,
): Promise<Listing<UserGwListing>> {
  if (input.userGw !== undefined) await requireUserGw(db, caller, input.userGw);
  const ref = input.userGw === undefined ? undefined : readRef(input.userGw, "user-gw");
  return listUserGwRows(db, caller, { ref, name: input.name }, input);
}
