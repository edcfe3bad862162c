// One turn of giving gateways away, in one transaction: it reads what it needs, decides, and writes down. Of several nodes one at a time
// does so (placementTurn), so that none fills a place twice.
import { countHeld, grantLeases, markLeaving } from "../store/gateway-leases.ts";
import { listHosts } from "../store/hosts.ts";
import {
  countMoves,
  endMoves,
  type FreeGateway,
  listFreeGateways,
  listGatewaysOfHost,
  listHostsOfVpcs,
  listLeavingGateways,
  type PlacedGateway,
} from "../store/placing.ts";
import type { Db } from "../store/store.ts";
import { recordMoved } from "../store/vpn-gws.ts";
import type { GatewayHost } from "../vpn/gateway-host.ts";
import { isLeavingGw } from "../vpn/status.ts";
import { type Candidate, type Choice, type Neighbour, place } from "./placement.ts";

/** Gateways that are given away in one transaction, and those of a draining host among which one is looked for that has a place. */
export const batchSize = 500;

export interface Arranged {
  /** By gateway: who got it. */
  readonly granted: ReadonlyMap<number, number>;
  /** Gateways that no host can have, and why. */
  readonly homeless: readonly { readonly gateway: FreeGateway; readonly failure: string }[];
  /** Gateways that are to be removed, and that nobody holds. */
  readonly going: readonly FreeGateway[];
  /** By gateway: the host that is to leave it. */
  readonly leaving: ReadonlyMap<number, number>;
  /** Where the next turn goes on among the gateways that nobody holds; 0: at the beginning. */
  readonly next: number;
}

/**
 * @param isLive whether a host was seen to renew not long ago
 * @param after gateways with higher numbers than this are looked at
 */
export async function arrange(db: Db, isLive: (hostId: number) => boolean, after: number): Promise<Arranged> {
  await endMoves(db);
  const free = await listFreeGateways(db, after, batchSize);
  const hosts = await listHosts(db);
  const wanting = free.filter(({ status }) => !isLeavingGw(status));
  const candidates = await countCandidates(db, hosts, isLive, wanting.length > 0);
  const choices = place(wanting, candidates, await listNeighbours(db, wanting, candidates));
  const granted = await grant(db, choices);
  const homeless = wanting.flatMap((gateway) => {
    const choice = choices.get(gateway.id);
    return choice !== undefined && "failure" in choice ? [{ gateway, failure: choice.failure }] : [];
  });
  const leaving = await emptyHosts(db, hosts, isLive);
  const going = free.filter(({ status }) => isLeavingGw(status));
  return { granted, homeless, going, leaving, next: free.length < batchSize ? 0 : (free.at(-1)?.id ?? 0) };
}

/** Whether a host takes gateways. */
export function isOpen({ state, session, isStopping, id }: GatewayHost, isLive: (hostId: number) => boolean): boolean {
  return state === "ready" && session !== undefined && !isStopping && isLive(id);
}

/** A host that is about to stop has not long: of the gateways that it lets go some are gone for longer than one alone would be. */
const mostMovesAtStop = 8;

/** How many gateways may be on the way from a host at a time. */
export function mostMoves({ state, session, isStopping }: GatewayHost): number {
  if (session === undefined) return 0;
  if (isStopping) return mostMovesAtStop;
  return state === "draining" ? 1 : 0;
}

async function countCandidates(
  db: Db,
  hosts: readonly GatewayHost[],
  isLive: (hostId: number) => boolean,
  isAnythingWanted: boolean,
): Promise<Candidate[]> {
  if (!isAnythingWanted) return [];
  const candidates: Candidate[] = [];
  for (const host of hosts) {
    if (isOpen(host, isLive)) candidates.push({ ...host, held: await countHeld(db, host.id) });
  }
  return candidates;
}

async function grant(db: Db, choices: ReadonlyMap<number, Choice>): Promise<Map<number, number>> {
  const ofHosts = new Map<number, number[]>();
  for (const [gatewayId, choice] of choices) {
    if ("hostId" in choice) ofHosts.set(choice.hostId, [...(ofHosts.get(choice.hostId) ?? []), gatewayId]);
  }
  const granted = new Map<number, number>();
  for (const [hostId, gatewayIds] of ofHosts) {
    for (const id of await grantLeases(db, hostId, gatewayIds)) granted.set(id, hostId);
  }
  await recordMoved(db, [...granted.keys()]);
  return granted;
}

/**
 * Of each draining host one gateway that another host has room for is to leave, and the next one when that runs there: so each is gone for
 * as short as can be, and a host that cannot run what it gets gets no more. Of a host that is about to stop, a few.
 */
async function emptyHosts(
  db: Db,
  hosts: readonly GatewayHost[],
  isLive: (hostId: number) => boolean,
): Promise<Map<number, number>> {
  const leaving = new Map<number, number>();
  const ready: { readonly id: number; readonly most: number }[] = [];
  for (const host of hosts) {
    const most = mostMoves(host);
    const under = most === 0 ? 0 : await countMoves(db, host.id);
    if (most > under) ready.push({ id: host.id, most: most - under });
  }
  if (ready.length === 0) return leaving;
  const candidates = await countCandidates(db, hosts, isLive, true);
  // Those that others are about to leave have a place, too.
  const before = await listLeavingGateways(db, batchSize);
  for (const { id, most } of ready) {
    const isAsked = new Set(before.map((gateway) => gateway.id));
    const held = (await listGatewaysOfHost(db, id, batchSize)).filter((gateway) => !isAsked.has(gateway.id));
    const neighbours = await listNeighbours(db, [...before, ...held], candidates);
    let left = 0;
    for (const gateway of held) {
      if (left === most) break;
      const choice = place([...before, gateway], candidates, neighbours).get(gateway.id);
      if (choice === undefined || "failure" in choice) continue;
      await markLeaving(db, gateway.id, id);
      leaving.set(gateway.id, id);
      before.push(gateway);
      left += 1;
    }
  }
  return leaving;
}

async function listNeighbours(
  db: Db,
  gateways: readonly PlacedGateway[],
  candidates: readonly Candidate[],
): Promise<readonly Neighbour[]> {
  if (candidates.length === 0) return [];
  return listHostsOfVpcs(
    db,
    gateways.map(({ vpcId }) => vpcId),
  );
}
