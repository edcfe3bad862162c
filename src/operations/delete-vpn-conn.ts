// Asks for a VPN channel's removal. Its row goes when charon has let go of it.
import { setConnStatus } from "../store/vpn-conns.ts";
import { raiseGeneration } from "../store/vpn-gws.ts";
import { enqueueTask } from "../tasks/tasks.ts";
import { requireDeletableConn } from "../vpn/status.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requirePlacedConn } from "./find.ts";

/** @throws ApiError vpc-not-found, vpn-gw-not-found, vpn-conn-not-found, vpn-conn-state-invalid */
export async function deleteVpnConn(
  context: Context,
  caller: Caller,
  input: { vpc: string; vpnGw: string; vpnConn: string },
): Promise<{ taskId: number }> {
  const { vpnGwId, taskId } = await write(context, caller, async (db) => {
    const { vpnGw, conn } = await requirePlacedConn(db, caller, input);
    requireDeletableConn(conn.uid, conn.status);
    const generation = await raiseGeneration(db, vpnGw.id);
    await setConnStatus(db, conn.id, "deleting", generation);
    const task = { action: "delete-vpn-conn", vpnGw, vpnConnId: conn.id, generation } as const;
    return { vpnGwId: vpnGw.id, taskId: await enqueueTask(context, db, task) };
  });
  context.nudge(vpnGwId);
  return { taskId };
}
