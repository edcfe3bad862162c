// Which host gets a gateway. Pure.
import { fitsLabels, type HostLabels } from "../vpn/gateway-host.ts";

/** A host that takes gateways. */
export interface Candidate {
  readonly id: number;
  readonly labels: HostLabels;
  /** How many gateways it may run; 0: as many as there are. */
  readonly capacity: number;
  /** How many it holds. */
  readonly held: number;
}

/** A gateway that wants a host. */
export interface Homeless {
  readonly id: number;
  readonly vpcId: number;
  readonly region: string;
  /** Name of its account. */
  readonly account: string;
  /** A host that is the last choice: the gateway was let go there. */
  readonly movingFrom: number | undefined;
}

/** A gateway of a VPC that a host holds. */
export interface Neighbour {
  readonly vpcId: number;
  readonly hostId: number;
}

/** Why no host can have a gateway: a sentence for its task. */
export const noHost = {
  none: "no gateway host is there to run it",
  unfit: "no gateway host takes gateways of its region and account",
  full: "no gateway host has room for it",
} as const;

export type Choice = { readonly hostId: number } | { readonly failure: string };

/**
 * Gives each gateway, in their order, a host with room whose labels fit: one with the fewest gateways of the same VPC; of these the
 * emptiest by its share of capacity; of these that with the lowest number. A host without a limit counts as large as the largest that has
 * one.
 * @param hosts only those that take gateways and live
 * @param neighbours gateways of the same VPCs that somebody holds
 */
export function place(
  gateways: readonly Homeless[],
  hosts: readonly Candidate[],
  neighbours: readonly Neighbour[],
): Map<number, Choice> {
  const usual = Math.max(1, ...hosts.map(({ capacity }) => capacity));
  const rooms = hosts.map(
    (host): Room => ({ ...host, size: host.capacity === 0 ? usual : host.capacity, ofVpcs: new Map() }),
  );
  for (const { vpcId, hostId } of neighbours) {
    const room = rooms.find(({ id }) => id === hostId);
    if (room !== undefined) settle(room, vpcId);
  }
  return new Map(gateways.map((gateway) => [gateway.id, choose(gateway, rooms)]));
}

/** A host while gateways are given away. */
interface Room extends Omit<Candidate, "held"> {
  held: number;
  readonly size: number;
  /** How many gateways it has of each VPC. */
  readonly ofVpcs: Map<number, number>;
}

function settle({ ofVpcs }: Room, vpcId: number): void {
  ofVpcs.set(vpcId, (ofVpcs.get(vpcId) ?? 0) + 1);
}

function choose(gateway: Homeless, rooms: readonly Room[]): Choice {
  if (rooms.length === 0) return { failure: noHost.none };
  const fit = rooms.filter(({ labels }) => fitsLabels(labels, gateway));
  if (fit.length === 0) return { failure: noHost.unfit };
  const free = fit.filter(({ capacity, held }) => capacity === 0 || held < capacity);
  const [first, ...rest] = free;
  if (first === undefined) return { failure: noHost.full };
  const best = rest.reduce((chosen, room) => (compare(gateway, room, chosen) < 0 ? room : chosen), first);
  best.held += 1;
  settle(best, gateway.vpcId);
  return { hostId: best.id };
}

/** Below zero: `a` is better. */
function compare({ vpcId, movingFrom }: Homeless, a: Room, b: Room): number {
  const isLeft = (room: Room) => (room.id === movingFrom ? 1 : 0);
  const count = ({ ofVpcs }: Room) => ofVpcs.get(vpcId) ?? 0;
  // Shares as products: quotients of whole numbers may differ where they are the same.
  return isLeft(a) - isLeft(b) || count(a) - count(b) || a.held * b.size - b.held * a.size || a.id - b.id;
}
