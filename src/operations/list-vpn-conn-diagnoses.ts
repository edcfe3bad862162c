// Lists VPN channels with all that is known of why they are not up, and the peers that knock at their gateways without being known there.
import { findDiagnoses, listUnknownPeers } from "../store/diagnoses.ts";
import type { Diagnosis, UnknownPeer } from "../vpn/diagnosis.ts";
import type { VpnConnView, VpnGw } from "../vpn/entities.ts";
import type { Listing } from "../vpn/listing.ts";
import type { Caller, Context } from "./context.ts";
import { requireVpnGw } from "./find.ts";
import { type ListVpnConns, listVpnConns } from "./list-vpn-conns.ts";

export interface DiagnosedConn extends VpnConnView {
  readonly diagnosis: Diagnosis | undefined;
}

export interface DiagnosedConns extends Listing<DiagnosedConn> {
  /** Of the gateways of these channels, and of the one that was asked for. */
  readonly unknownPeers: readonly { readonly vpnGw: VpnGw; readonly peer: UnknownPeer }[];
}

/** @throws ApiError vpc-not-found, vpn-gw-not-found, vpn-conn-not-found when a filter names one that does not exist */
export async function listVpnConnDiagnoses(
  context: Context,
  caller: Caller,
  input: ListVpnConns,
): Promise<DiagnosedConns> {
  const { db } = context.store;
  const { rows, total } = await listVpnConns(context, caller, input);
  const ids = rows.filter(({ diagnosis }) => diagnosis !== undefined).map(({ conn }) => conn.id);
  const diagnoses = await findDiagnoses(db, ids);
  const gateways = rows.map(({ vpnGw }) => vpnGw);
  // One that has no channels has peers that knock all the same.
  if (input.vpnGw !== undefined) gateways.push(await requireVpnGw(db, caller, input.vpnGw));
  const unknownPeers: { vpnGw: VpnGw; peer: UnknownPeer }[] = [];
  for (const vpnGw of new Map(gateways.map((each) => [each.id, each])).values()) {
    const peers = await listUnknownPeers(db, vpnGw.id);
    unknownPeers.push(...peers.map((peer) => ({ vpnGw, peer })));
  }
  // Read a moment later than the row: the later one counts.
  const diagnosed = rows.map((view) => ({ ...view, diagnosis: diagnoses.get(view.conn.id) }));
  return { rows: diagnosed, total, unknownPeers };
}
