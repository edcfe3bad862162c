// Renames a peer gateway. Its address is what it is: channels lead to it.
import { refuseField } from "../errors.ts";
import { renameUserGw } from "../store/user-gws.ts";
import { requireName } from "../vpn/text.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireUserGw } from "./find.ts";

export interface ModifyUserGw {
  readonly userGw: string;
  readonly name: string;
  /** May be repeated, but not changed. */
  readonly address: string | undefined;
}

/** @throws ApiError user-gw-name-invalid, user-gw-not-found, parameter-invalid */
export async function modifyUserGw(context: Context, caller: Caller, input: ModifyUserGw): Promise<void> {
  requireName("user-gw-name-invalid", input.name);
  await write(context, caller, async (db) => {
    const userGw = await requireUserGw(db, caller, input.userGw);
    if (input.address !== undefined && input.address !== userGw.address) {
      throw refuseField("address", `peer gateway ${userGw.uid} has another address, which cannot be changed`);
    }
    await renameUserGw(db, userGw.id, input.name);
  });
}
