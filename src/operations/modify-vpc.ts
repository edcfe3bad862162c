// Renames a VPC.
import { ApiError } from "../errors.ts";
import type { Db } from "../store/store.ts";
import { findVpcByName, renameVpc } from "../store/vpcs.ts";
import { requireName } from "../vpn/text.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireVpc } from "./find.ts";

/** @throws ApiError vpc-name-invalid, vpc-not-found, vpc-name-in-use */
export async function modifyVpc(context: Context, caller: Caller, input: { vpc: string; name: string }): Promise<void> {
  requireName("vpc-name-invalid", input.name);
  const isNameUnique = context.config["unique.vpcNames"];
  await write(context, caller, async (db) => {
    const vpc = await requireVpc(db, caller, input.vpc);
    if (isNameUnique) await refuseTakenVpcName(db, caller, input.name, vpc.id);
    await renameVpc(db, vpc.id, input.name, isNameUnique);
  });
}

/** @param ownId the VPC that may have the name, when there is one already @throws ApiError vpc-name-in-use */
export async function refuseTakenVpcName(db: Db, caller: Caller, name: string, ownId?: number): Promise<void> {
  const holder = await findVpcByName(db, caller, name);
  if (holder !== undefined && holder !== ownId) {
    throw new ApiError("vpc-name-in-use", "another VPC of the region has this name", { field: "name" });
  }
}
