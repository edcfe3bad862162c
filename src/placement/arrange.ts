// One turn of giving gateways away, in one transaction: it reads what it needs, decides, and writes down. Of several nodes one at a time
// does so (placementTurn), so that none fills a place twice.
import { countHeld, grantLeases, markLeaving } from "../store/gateway-leases.ts";
import { listHosts } from "../store/hosts.ts";
import {
  endMoves,
  type FreeGateway,
  hasMoves,
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
export function isOpen({ state, session, id }: GatewayHost, isLive: (hostId: number) => boolean): boolean {
  return state === "ready" && session !== undefined && isLive(id);
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
 * as short as can be, and a host that cannot run what it gets gets no more.
 */
async function emptyHosts(
  db: Db,
  hosts: readonly GatewayHost[],
  isLive: (hostId: number) => boolean,
): Promise<Map<number, number>> {
  const leaving = new Map<number, number>();
  const ready: GatewayHost[] = [];
  for (const host of hosts) {
    const { id, state, session } = host;
    if (state === "draining" && session !== undefined && !(await hasMoves(db, id))) ready.push(host);
  }
  if (ready.length === 0) return leaving;
  const candidates = await countCandidates(db, hosts, isLive, true);
  // Those that others are about to leave have a place, too.
  const before = await listLeavingGateways(db, batchSize);
  for (const { id } of ready) {
    const held = await listGatewaysOfHost(db, id, batchSize);
    const neighbours = await listNeighbours(db, [...before, ...held], candidates);
    const found = held.find((gateway) => {
      const choice = place([...before, gateway], candidates, neighbours).get(gateway.id);
      return choice !== undefined && "hostId" in choice;
    });
    if (found === undefined) continue;
    await markLeaving(db, found.id, id);
    leaving.set(found.id, id);
    before.push(found);
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
