// Removes a VPC that no gateway is left in. Its subnets, which are records only, go with it.
import { ApiError } from "../errors.ts";
import { deleteSubnetsOfVpc } from "../store/subnets.ts";
import { countByVpc, deleteVpc as deleteVpcRow } from "../store/vpcs.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireVpc } from "./find.ts";

/** @throws ApiError vpc-not-found, vpc-in-use */
export async function deleteVpc(context: Context, caller: Caller, input: { vpc: string }): Promise<void> {
  await write(context, caller, async (db) => {
    const vpc = await requireVpc(db, caller, input.vpc);
    const gateways = (await countByVpc(db, "vpn_gws", [vpc.id])).get(vpc.id) ?? 0;
    if (gateways > 0) {
      throw new ApiError("vpc-in-use", `VPC ${vpc.uid} has ${gateways} VPN gateway(s); delete them first`);
    }
    await deleteSubnetsOfVpc(db, vpc.id);
    await deleteVpcRow(db, vpc.id);
  });
}
