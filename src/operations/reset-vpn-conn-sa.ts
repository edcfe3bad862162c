// Has a VPN channel negotiated anew. The reset is on disk when it is answered: its SAs are then of an earlier generation than the
// channel's, which the reconciler sees by their names.
import { getUserGwById } from "../store/user-gws.ts";
import { renewSas } from "../store/vpn-conns.ts";
import { raiseGeneration } from "../store/vpn-gws.ts";
import { requireSteadyConn } from "../vpn/status.ts";
import { identitiesOf, ikeIdentityKey } from "../vpn/vpn-conn.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requirePlacedConn } from "./find.ts";
import { findSettledNeighbour } from "./ike-neighbour.ts";

/** @throws ApiError vpc-not-found, vpn-gw-not-found, vpn-conn-not-found, action-locked, vpn-conn-state-invalid */
export async function resetVpnConnSa(
  context: Context,
  caller: Caller,
  input: { vpc: string; vpnGw: string; vpnConn: string },
): Promise<void> {
  const vpnGwId = await write(context, caller, async (db) => {
    const { vpnGw, conn } = await requirePlacedConn(db, caller, input);
    requireSteadyConn(conn.uid, conn.status);
    const generation = await raiseGeneration(db, vpnGw.id);
    const { address } = await getUserGwById(db, conn.userGwId);
    const ikeIdentity = ikeIdentityKey(address, identitiesOf(conn.ike));
    const neighbour = await findSettledNeighbour(db, { vpnGwId: vpnGw.id, ikeIdentity, ownId: conn.id });
    // An IKE_SA that other channels live on stays.
    const isShared = neighbour?.isSameIdentity ?? false;
    await renewSas(db, conn.id, isShared ? "ipsec" : "ike", generation);
    return vpnGw.id;
  });
  context.nudge(vpnGwId);
}
