// Asks for a VPN gateway's removal. Its row goes when the machine has let go of it.
import { ApiError } from "../errors.ts";
import { hasConnOnGw } from "../store/vpn-conns.ts";
import { raiseGeneration, setVpnGwStatus } from "../store/vpn-gws.ts";
import { enqueueTask } from "../tasks/tasks.ts";
import { requireDeletableGw } from "../vpn/status.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireVpc, requireVpnGw } from "./find.ts";

/** @throws ApiError vpc-not-found, vpn-gw-not-found, action-locked, vpn-gw-state-invalid while it has channels */
export async function deleteVpnGw(
  context: Context,
  caller: Caller,
  input: { vpc: string; vpnGw: string },
): Promise<{ taskId: number }> {
  const result = await write(context, caller, async (db) => {
    const vpc = await requireVpc(db, caller, input.vpc);
    const vpnGw = await requireVpnGw(db, caller, input.vpnGw, vpc);
    requireDeletableGw(vpnGw.uid, vpnGw.status);
    const generation = await raiseGeneration(db, vpnGw.id);
    if (await hasConnOnGw(db, vpnGw.id)) {
      throw new ApiError("vpn-gw-state-invalid", `VPN gateway ${vpnGw.uid} has VPN channels; delete them first`);
    }
    await setVpnGwStatus(db, vpnGw.id, "deleting");
    const taskId = await enqueueTask(context, db, { action: "delete-vpn-gw", vpnGw, vpnConnId: undefined, generation });
    return { vpnGwId: vpnGw.id, taskId };
  });
  context.nudge(result.vpnGwId);
  return { taskId: result.taskId };
}
