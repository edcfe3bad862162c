// Changes a VPN channel: what is not given is left alone. Until charon has accepted the change, the settings from before are kept, to go
// back to them.
import { insertSpdPairs } from "../store/spd-pairs.ts";
import type { Db } from "../store/store.ts";
import { together } from "../store/together.ts";
import { getUserGwById } from "../store/user-gws.ts";
import { insertFallback } from "../store/vpn-conn-fallbacks.ts";
import { renameVpnConn, setConnStatus, updateSettings } from "../store/vpn-conns.ts";
import { raiseGeneration } from "../store/vpn-gws.ts";
import { enqueueTask } from "../tasks/tasks.ts";
import type { UserGw, Vpc, VpnConn, VpnConnSettings, VpnGw } from "../vpn/entities.ts";
import { storedNetwork } from "../vpn/network.ts";
import type { Secret } from "../vpn/secret.ts";
import {
  completeSpds,
  type ReadSpd,
  readSpds,
  type SpdRequest,
  type StoredSpd,
  spdPairs,
  storedPairs,
  storeSpds,
} from "../vpn/spd.ts";
import { requireSteadyConn } from "../vpn/status.ts";
import {
  checkIdentities,
  checkIdentityTexts,
  checkPreSharedKey,
  completeIke,
  completeIpsec,
  completeKey,
  type IkeRequest,
  type IpsecRequest,
  identitiesOf,
  ikeIdentityKey,
  requireConnName,
  resolveIdentities,
  siblingOf,
} from "../vpn/vpn-conn.ts";
import { changedIke, changedIpsec, isSameIke, isSameIpsec } from "../vpn/vpn-conn-change.ts";
import { type Caller, type Context, write } from "./context.ts";
import { refuseOverlap, refuseTakenName, refuseTunnelInItself } from "./create-vpn-conn.ts";
import { requirePlacedConn } from "./find.ts";
import { findSettledNeighbour, refuseTooManyPairs } from "./ike-neighbour.ts";

/** undefined, and every field of the sets that is not named: as it is. */
export interface ModifyVpnConn {
  readonly vpc: string;
  readonly vpnGw: string;
  readonly vpnConn: string;
  readonly name: string | undefined;
  readonly preSharedKey: Secret | undefined;
  /** In place of all that there are. */
  readonly spds: readonly SpdRequest[] | undefined;
  readonly ike: IkeRequest;
  readonly ipsec: IpsecRequest;
}

export interface ModifiedVpnConn {
  readonly taskId: number;
  /** Numeric. */
  readonly userGwId: number;
  /** After the change. */
  readonly preSharedKey: Secret;
  readonly spds: readonly StoredSpd[];
}

interface Place {
  readonly vpc: Vpc;
  readonly vpnGw: VpnGw;
  readonly userGw: UserGw;
  readonly conn: VpnConn;
}

/**
 * @throws ApiError vpc-not-found, vpn-gw-not-found, vpn-conn-not-found, action-locked, vpn-conn-state-invalid,
 *   vpn-conn-name-invalid, vpn-conn-name-in-use, parameter-invalid
 */
export async function modifyVpnConn(context: Context, caller: Caller, input: ModifyVpnConn): Promise<ModifiedVpnConn> {
  if (input.name !== undefined) requireConnName(input.name);
  if (input.preSharedKey !== undefined) checkPreSharedKey(input.preSharedKey);
  checkIdentityTexts(input.ike);
  const spds = input.spds === undefined ? undefined : readSpds(input.spds);
  const { vpnGwId, ...modified } = await write(context, caller, async (db) => {
    const { vpc, vpnGw, conn } = await requirePlacedConn(db, caller, input);
    requireSteadyConn(conn.uid, conn.status);
    const [userGw, generation] = await together([
      getUserGwById(db, conn.userGwId),
      // Everything about one gateway's channels is decided under its row's lock.
      raiseGeneration(db, vpnGw.id),
    ]);
    const place = { vpc, vpnGw, conn, userGw };
    const [, networks, phaseOne] = await together([
      input.name !== undefined && input.name !== conn.name && rename(context, db, place, input.name),
      spds && changeNetworks(context, db, place, spds),
      changeIke(db, place, input, generation),
    ]);
    const changed = changeSettings(place, input, { networks, phaseOne }, generation);
    if (changed !== undefined) {
      const ikeIdentity = ikeIdentityKey(place.userGw.address, identitiesOf(changed.ike));
      const query = { vpnGwId: vpnGw.id, ikeIdentity, ownId: conn.id };
      await together([refuseTooManyPairs(db, query, storedPairs(changed.spds).length), insertFallback(db, conn.id)]);
      await updateSettings(db, conn.id, changed, ikeIdentity);
    }
    const task = { action: "modify-vpn-conn", vpnGw, vpnConnId: conn.id, generation } as const;
    const { preSharedKey, spds: rules } = changed ?? conn;
    const [taskId] = await together([
      enqueueTask(context, db, task),
      setConnStatus(db, conn.id, "modifying", generation),
    ]);
    return { vpnGwId: vpnGw.id, taskId, userGwId: conn.userGwId, preSharedKey, spds: rules };
  });
  context.nudge(vpnGwId);
  return modified;
}

async function rename({ config }: Context, db: Db, { vpc, conn }: Place, name: string): Promise<void> {
  const rule = { isUnique: config["unique.vpnConnNames"] };
  await refuseTakenName(db, vpc, name, rule);
  await renameVpnConn(db, conn.id, name, rule);
}

/**
 * The rules in place of those that are there; undefined when they are the same. The pairs of both are the channel's until the
 * change has been answered.
 */
async function changeNetworks(
  { config }: Context,
  db: Db,
  { vpc, vpnGw, userGw, conn }: Place,
  readRules: readonly ReadSpd[],
): Promise<readonly StoredSpd[] | undefined> {
  const limits = { spdsPerConn: config["quota.spdsPerConn"], peersPerSpd: config["quota.peersPerSpd"] };
  const spds = completeSpds(readRules, storedNetwork(vpc.cidr), limits);
  const stored = storeSpds(spds);
  if (JSON.stringify(stored) === JSON.stringify(conn.spds)) return undefined;
  const pairs = spdPairs(spds);
  refuseTunnelInItself(pairs, userGw);
  await refuseOverlap(db, vpnGw, pairs, conn.id);
  await insertSpdPairs(db, conn.id, vpnGw.id, pairs);
  return stored;
}

/** @returns what the channel is to have; undefined when that is what it has */
function changeSettings(
  { conn }: Place,
  input: ModifyVpnConn,
  { networks, phaseOne }: Changes,
  generation: number,
): VpnConnSettings | undefined {
  const ipsec = completeIpsec(changedIpsec(conn.ipsec, input.ipsec));
  const isIpsecSame = isSameIpsec(conn.ipsec, ipsec);
  if (phaseOne === undefined && isIpsecSame && networks === undefined) return undefined;
  const ipsecGeneration = isIpsecSame ? conn.ipsecGeneration : generation;
  return { ...conn, ...phaseOne, ipsec, ipsecGeneration, ...(networks === undefined ? {} : { spds: networks }) };
}

/** undefined: as it is. */
interface Changes {
  readonly networks: readonly StoredSpd[] | undefined;
  readonly phaseOne: Pick<VpnConnSettings, "preSharedKey" | "ike" | "ikeGeneration"> | undefined;
}

/** Key and phase 1 after the change, by the rules of those who share them (api-v2.md 9.4); undefined when nothing changes. */
async function changeIke(db: Db, { vpnGw, userGw, conn }: Place, input: ModifyVpnConn, generation: number) {
  const request = changedIke(conn.ike, input.ike);
  checkIdentities(request);
  const identities = resolveIdentities(request, vpnGw.publicAddress, userGw.address);
  const ike = completeIke(request, identities, undefined);
  const preSharedKey = input.preSharedKey ?? conn.preSharedKey;
  if (isSameIke(ike, conn.ike) && preSharedKey.equals(conn.preSharedKey)) return undefined;
  const ikeIdentity = ikeIdentityKey(userGw.address, identities);
  const neighbour = await findSettledNeighbour(db, { vpnGwId: vpnGw.id, ikeIdentity, ownId: conn.id });
  const sibling = siblingOf(ike.exchangeMode, neighbour);
  // Complete already: this only compares them with the sibling's.
  completeIke(request, identities, sibling);
  completeKey(preSharedKey, sibling);
  const ikeGeneration = neighbour?.isSameIdentity ? neighbour.ikeGeneration : generation;
  return { preSharedKey, ike, ikeGeneration };
}
