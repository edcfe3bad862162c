// Removes a VPC that nothing is left in.
import { ApiError } from "../errors.ts";
import { deleteVpc as deleteVpcRow } from "../store/vpcs.ts";
import { countVpnGwsByVpc } from "../store/vpn-gws.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireVpc } from "./find.ts";

/** @throws ApiError vpc-not-found, vpc-in-use */
export async function deleteVpc(context: Context, caller: Caller, input: { vpc: string }): Promise<void> {
  await write(context, caller, async (db) => {
    const vpc = await requireVpc(db, caller, input.vpc);
    const gateways = (await countVpnGwsByVpc(db, [vpc.id])).get(vpc.id) ?? 0;
    if (gateways > 0) {
      throw new ApiError("vpc-in-use", `VPC ${vpc.uid} has ${gateways} VPN gateway(s); delete them first`);
    }
    await deleteVpcRow(db, vpc.id);
  });
}
