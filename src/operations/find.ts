// Finds what a request names, or refuses it by the right name. A child that another parent owns is not found (api-v2.md 3.1).
import { ApiError } from "../errors.ts";
import type { Db } from "../store/store.ts";
import { together } from "../store/together.ts";
import { findUserGw } from "../store/user-gws.ts";
import { findVpc } from "../store/vpcs.ts";
import { findVpnConn } from "../store/vpn-conns.ts";
import { findVpnGw } from "../store/vpn-gws.ts";
import type { UserGw, Vpc, VpnConn, VpnGw } from "../vpn/entities.ts";
import { readRef } from "../vpn/id.ts";
import type { Owner } from "../vpn/listing.ts";

/** Ids come from callers: what is shown of them is bounded. */
function show(id: string): string {
  return id.length > 40 ? `${id.slice(0, 40)}…` : id;
}

export async function requireVpc(db: Db, owner: Owner, id: string): Promise<Vpc> {
  const vpc = await findVpc(db, owner, readRef(id, "vpc"));
  if (vpc === undefined) throw new ApiError("vpc-not-found", `VPC ${show(id)} does not exist`, { field: "vpc" });
  return vpc;
}

export async function requireVpnGw(db: Db, owner: Owner, id: string, vpc?: Vpc): Promise<VpnGw> {
  return requireGwIn(vpc, await findVpnGw(db, owner, readRef(id, "vpn-gw")), id);
}

function requireGwIn(vpc: Vpc | undefined, vpnGw: VpnGw | undefined, id: string): VpnGw {
  if (vpnGw === undefined || (vpc !== undefined && vpnGw.vpcId !== vpc.id)) {
    const where = vpc === undefined ? "" : ` in VPC ${vpc.uid}`;
    throw new ApiError("vpn-gw-not-found", `VPN gateway ${show(id)} does not exist${where}`, { field: "vpnGw" });
  }
  return vpnGw;
}

/** A VPN gateway with its VPC, both named by the request. */
export async function requirePlacedGw(
  db: Db,
  owner: Owner,
  ids: { readonly vpc: string; readonly vpnGw: string },
): Promise<{ vpc: Vpc; vpnGw: VpnGw }> {
  const [vpc, vpnGw] = await together([
    requireVpc(db, owner, ids.vpc),
    findVpnGw(db, owner, readRef(ids.vpnGw, "vpn-gw")),
  ]);
  return { vpc, vpnGw: requireGwIn(vpc, vpnGw, ids.vpnGw) };
}

export async function requireUserGw(db: Db, owner: Owner, id: string): Promise<UserGw> {
  const userGw = await findUserGw(db, owner, readRef(id, "user-gw"));
  if (userGw === undefined) {
    throw new ApiError("user-gw-not-found", `peer gateway ${show(id)} does not exist`, { field: "userGw" });
  }
  return userGw;
}

export async function requireVpnConn(db: Db, owner: Owner, id: string, vpnGw?: VpnGw, vpc?: Vpc): Promise<VpnConn> {
  return requireConnOn(await findVpnConn(db, owner, readRef(id, "vpn-conn")), id, vpnGw, vpc);
}

function requireConnOn(conn: VpnConn | undefined, id: string, vpnGw?: VpnGw, vpc?: Vpc): VpnConn {
  const isElsewhere =
    (vpnGw !== undefined && conn?.vpnGwId !== vpnGw.id) || (vpc !== undefined && conn?.vpcId !== vpc.id);
  if (conn === undefined || isElsewhere) {
    const inVpc = vpc === undefined ? "" : ` in VPC ${vpc.uid}`;
    const where = vpnGw === undefined ? inVpc : ` on VPN gateway ${vpnGw.uid}`;
    throw new ApiError("vpn-conn-not-found", `VPN channel ${show(id)} does not exist${where}`, { field: "vpnConn" });
  }
  return conn;
}

/** A channel with its VPC and its gateway, all three named by the request. */
export async function requirePlacedConn(
  db: Db,
  owner: Owner,
  ids: { readonly vpc: string; readonly vpnGw: string; readonly vpnConn: string },
): Promise<{ vpc: Vpc; vpnGw: VpnGw; conn: VpnConn }> {
  const [{ vpc, vpnGw }, conn] = await together([
    requirePlacedGw(db, owner, ids),
    findVpnConn(db, owner, readRef(ids.vpnConn, "vpn-conn")),
  ]);
  return { vpc, vpnGw, conn: requireConnOn(conn, ids.vpnConn, vpnGw) };
}
