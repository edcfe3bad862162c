// Removes a peer gateway that no channel leads to.
import { ApiError } from "../errors.ts";
import { deleteUserGw as deleteUserGwRow } from "../store/user-gws.ts";
import { hasConnOnUserGw } from "../store/vpn-conns.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireUserGw } from "./find.ts";

/** @throws ApiError user-gw-not-found, user-gw-in-use */
export async function deleteUserGw(context: Context, caller: Caller, input: { userGw: string }): Promise<void> {
  await write(context, caller, async (db) => {
    const userGw = await requireUserGw(db, caller, input.userGw);
    if (await hasConnOnUserGw(db, userGw.id)) {
      throw new ApiError("user-gw-in-use", `peer gateway ${userGw.uid} has VPN channels; delete them first`);
    }
    await deleteUserGwRow(db, userGw.id);
  });
}
