// Makes a VPN channel: resolves what it refers to, completes it by the rules, writes it with its task, and wakes the loop.
import { ApiError, refuseField } from "../errors.ts";
import type { NeighbourQuery } from "../store/ike-neighbours.ts";
import { findOverlappingPair, insertSpdPairs } from "../store/spd-pairs.ts";
import type { Db } from "../store/store.ts";
import { together } from "../store/together.ts";
import { hasVpnConns, insertVpnConn, isConnNameTaken, type NameRule, renameVpnConn } from "../store/vpn-conns.ts";
import { raiseGeneration } from "../store/vpn-gws.ts";
import { enqueueTask } from "../tasks/tasks.ts";
import type { UserGw, Vpc, VpnGw } from "../vpn/entities.ts";
import { formatNetwork, storedNetwork } from "../vpn/network.ts";
import type { Secret } from "../vpn/secret.ts";
import {
  completeSpds,
  type ReadSpd,
  readSpds,
  type SpdPair,
  type SpdRequest,
  spdPairs,
  storeSpds,
} from "../vpn/spd.ts";
import { requireUsableGw } from "../vpn/status.ts";
import {
  checkIdentities,
  checkPreSharedKey,
  completeIke,
  completeIpsec,
  completeKey,
  completeMode,
  generatedConnName,
  type Identities,
  type IkeRequest,
  type IpsecRequest,
  ikeIdentityKey,
  requireConnName,
  resolveIdentities,
  siblingOf,
} from "../vpn/vpn-conn.ts";
import { type Caller, type Context, write } from "./context.ts";
import { checkUserGw, ensureUserGw } from "./create-user-gw.ts";
import { requirePlacedGw, requireUserGw } from "./find.ts";
import { generatePreSharedKey, generateUid } from "./generate.ts";
import { findSettledNeighbour, refuseTooManyPairs } from "./ike-neighbour.ts";

/** The peer gateway of a new channel: one that is recorded, or an address to look up or record. */
export type PeerRequest = { readonly userGw: string } | { readonly name: string; readonly address: string };

export interface CreateVpnConn {
  readonly vpc: string;
  readonly vpnGw: string;
  readonly peer: PeerRequest;
  /** undefined: `<numeric id>_vpnconn`. */
  readonly name: string | undefined;
  /** undefined: the key of a channel with the same IKE identity, else a generated one. */
  readonly preSharedKey: Secret | undefined;
  readonly spds: readonly SpdRequest[];
  readonly ike: IkeRequest;
  readonly ipsec: IpsecRequest;
}

export interface CreatedVpnConn {
  readonly taskId: number;
  /** The key in force: given, inherited or generated. */
  readonly preSharedKey: Secret;
  readonly userGw: UserGw;
}

interface Place {
  readonly vpc: Vpc;
  readonly vpnGw: VpnGw;
  readonly userGw: UserGw;
}

/**
 * @throws ApiError vpc-not-found, vpn-gw-not-found, user-gw-not-found, vpn-gw-state-invalid, action-locked,
 *   vpn-conn-name-invalid, vpn-conn-name-in-use, vpn-conn-limit-exceeded, parameter-invalid; as checkUserGw and
 *   ensureUserGw for an inline peer
 */
export async function createVpnConn(context: Context, caller: Caller, input: CreateVpnConn): Promise<CreatedVpnConn> {
  if (input.name !== undefined) requireConnName(input.name);
  if (input.preSharedKey !== undefined) checkPreSharedKey(input.preSharedKey);
  checkIdentities(input.ike);
  const peer = "userGw" in input.peer ? input.peer : checkUserGw(context, input.peer);
  const spds = readSpds(input.spds);
  const { vpnGwId, ...created } = await write(context, caller, async (db) => {
    const [place, userGw] = await together([
      requirePlacedGw(db, caller, input),
      "userGw" in peer ? requireUserGw(db, caller, peer.userGw) : ensureUserGw(context, caller, db, peer),
    ]);
    return insertWithinRules(context, caller, db, { ...place, userGw }, spds, input);
  });
  context.nudge(vpnGwId);
  return created;
}

async function insertWithinRules(
  context: Context,
  caller: Caller,
  db: Db,
  place: Place,
  readRules: readonly ReadSpd[],
  input: CreateVpnConn,
) {
  const { vpc, vpnGw, userGw } = place;
  const { config } = context;
  requireUsableGw(vpnGw.uid, vpnGw.status);
  if (userGw.address === vpnGw.publicAddress) {
    throw refuseField("userGw", `peer gateway ${userGw.uid} has the VPN gateway's own address ${userGw.address}`);
  }
  const limits = { spdsPerConn: config["quota.spdsPerConn"], peersPerSpd: config["quota.peersPerSpd"] };
  const spds = completeSpds(readRules, storedNetwork(vpc.cidr), limits);
  const pairs = spdPairs(spds);
  refuseTunnelInItself(pairs, userGw);

  const identities = resolveIdentities(input.ike, vpnGw.publicAddress, userGw.address);
  const ikeIdentity = ikeIdentityKey(userGw.address, identities);
  const query = { vpnGwId: vpnGw.id, ikeIdentity, ownId: 0 };
  const rule = { isUnique: config["unique.vpnConnNames"] };
  const [generation, phaseOne] = await together([
    // Everything about one gateway's channels is decided under its row's lock.
    raiseGeneration(db, vpnGw.id),
    completePhaseOne(db, query, input, identities),
    refuseOverlap(db, vpnGw, pairs),
    refuseTooManyPairs(db, query, pairs.length),
    input.name !== undefined && refuseTakenName(db, vpc, input.name, rule),
    refuseAboveQuota(context, caller, db, place),
  ]);
  const { ike, preSharedKey, neighbour } = phaseOne;

  const uid = generateUid("vpn-conn");
  const conn = {
    uid,
    accountId: caller.accountId,
    region: caller.region,
    name: input.name ?? uid,
    createdAtMs: context.clock(),
    vpcId: vpc.id,
    vpnGwId: vpnGw.id,
    userGwId: userGw.id,
    preSharedKey,
    ike,
    ipsec: completeIpsec(input.ipsec),
    spds: storeSpds(spds),
    ikeGeneration: neighbour?.isSameIdentity ? neighbour.ikeGeneration : generation,
    ipsecGeneration: generation,
    status: "creating",
    generation,
  } as const;
  const id = await insertVpnConn(db, conn, ikeIdentity, rule);
  if (input.name === undefined) await renameVpnConn(db, id, await findFreeName(db, vpc, id), rule);
  const task = { action: "create-vpn-conn", vpnGw, vpnConnId: id, generation } as const;
  const [taskId] = await together([enqueueTask(context, db, task), insertSpdPairs(db, id, vpnGw.id, pairs)]);
  return { vpnGwId: vpnGw.id, taskId, preSharedKey, userGw };
}

/** Phase 1 and key by the rules of those who share them (api-v2.md 9.4). @throws ApiError action-locked, parameter-invalid */
async function completePhaseOne(db: Db, query: NeighbourQuery, input: CreateVpnConn, identities: Identities) {
  const neighbour = await findSettledNeighbour(db, query);
  const exchangeMode = completeMode(input.ike, neighbour);
  const sibling = siblingOf(exchangeMode, neighbour);
  const ike = completeIke({ ...input.ike, exchangeMode }, identities, sibling);
  const preSharedKey = completeKey(input.preSharedKey, sibling) ?? generatePreSharedKey();
  return { ike, preSharedKey, neighbour };
}

/** @throws ApiError vpn-conn-limit-exceeded */
async function refuseAboveQuota({ config }: Context, caller: Caller, db: Db, place: Place): Promise<void> {
  const { vpnGw, userGw } = place;
  const isPerGw = config["quota.vpnConnsScope"] === "gateway";
  const quotas = [
    {
      most: config["quota.vpnConns"],
      scope: isPerGw ? { vpnGwId: vpnGw.id } : caller,
      owner: isPerGw ? `VPN gateway ${vpnGw.uid}` : "the region",
    },
    {
      most: config["quota.vpnConnsPerUserGw"],
      scope: { userGwId: userGw.id },
      owner: `peer gateway ${userGw.uid}`,
    },
  ];
  const refuseAbove = async ({ most, scope, owner }: (typeof quotas)[number]) => {
    if (most > 0 && (await hasVpnConns(db, scope, most))) {
      throw new ApiError("vpn-conn-limit-exceeded", `${owner} has ${most} VPN channels; no more are allowed`);
    }
  };
  await together(quotas.map(refuseAbove));
}

/** @throws ApiError vpn-conn-name-in-use */
export async function refuseTakenName(db: Db, vpc: Vpc, name: string, rule: NameRule): Promise<void> {
  if (rule.isUnique && (await isConnNameTaken(db, vpc.id, name))) {
    const message = `a VPN channel of VPC ${vpc.uid} has this name already`;
    throw new ApiError("vpn-conn-name-in-use", message, { field: "name" });
  }
}

/** The tunnel's own packets cannot go through the tunnel: strongSwan refuses a policy for just the peer's address. */
export function refuseTunnelInItself(pairs: readonly SpdPair[], userGw: UserGw): void {
  const isPeerItself = pairs.some(({ peer }) => formatNetwork(peer) === `${userGw.address}/32`);
  if (isPeerItself) {
    throw refuseField("spds", `peer network ${userGw.address}/32 is the peer gateway itself`);
  }
}

/** @param ownId the channel that the pairs are for; 0 for one that is not there yet */
export async function refuseOverlap(db: Db, vpnGw: VpnGw, pairs: readonly SpdPair[], ownId = 0): Promise<void> {
  const refuse = async (pair: SpdPair) => {
    const other = await findOverlappingPair(db, vpnGw.id, pair, ownId);
    if (other !== undefined) {
      throw refuseField(
        "spds",
        `${formatNetwork(pair.local)} to ${formatNetwork(pair.peer)} overlaps ${other.local} to ${other.peer} of VPN channel ${other.connUid} on the same gateway`,
      );
    }
  };
  await together(pairs.map(refuse));
}

async function findFreeName(db: Db, vpc: Vpc, id: number): Promise<string> {
  const mostAttempts = 1_000;
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const name = generatedConnName(id, attempt);
    if (!(await isConnNameTaken(db, vpc.id, name))) return name;
  }
  throw new ApiError("vpn-conn-name-in-use", "no generated name is free; give one", { field: "name" });
}
