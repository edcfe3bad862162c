// How many channels are spread over accounts, VPCs and gateways, by arithmetic alone: whoever knows a number knows the rest. Pure.
import { idPrefixes, type ResourceKind } from "../src/vpn/id.ts";

/** The gateways of a block: nine, with a thousand channels together. Every size is made of the same blocks. */
const channelsOfGateways = [20, 20, 30, 30, 50, 50, 100, 200, 500] as const;
export const channelsPerBlock = 1_000;
export const gatewaysPerBlock = channelsOfGateways.length;
const gatewaysPerVpc = 3;
export const vpcsPerBlock = gatewaysPerBlock / gatewaysPerVpc;
const channelsPerPeer = 5;
export const peersPerBlock = channelsPerBlock / channelsPerPeer;
/** Every so-manieth block belongs to the largest account, the others to one of their own each. */
const blocksPerLargest = 10;

/** A gateway, and where its channels and peers are: numbers from 1 on. */
export interface GatewayPlace {
  /** Place of its account, from 0, which is the largest. */
  readonly account: number;
  readonly vpc: number;
  /** Among those of the VPC, from 0. */
  readonly slot: number;
  readonly gateway: number;
  readonly firstConn: number;
  readonly conns: number;
  readonly firstPeer: number;
  readonly peers: number;
}

/** The account of a block, from 0. */
export function accountOfBlock(block: number): number {
  return block % blocksPerLargest === 0 ? 0 : block - Math.floor(block / blocksPerLargest);
}

export function countAccounts(blocks: number): number {
  return new Set(Array.from({ length: blocks }, (_, block) => accountOfBlock(block))).size;
}

export function gatewaysOfBlock(block: number): GatewayPlace[] {
  let conns = 0;
  return channelsOfGateways.map((count, index) => {
    const place = {
      account: accountOfBlock(block),
      vpc: block * vpcsPerBlock + Math.floor(index / gatewaysPerVpc) + 1,
      slot: index % gatewaysPerVpc,
      gateway: block * gatewaysPerBlock + index + 1,
      firstConn: block * channelsPerBlock + conns + 1,
      conns: count,
      firstPeer: block * peersPerBlock + conns / channelsPerPeer + 1,
      peers: count / channelsPerPeer,
    };
    conns += count;
    return place;
  });
}

/** The peer of a gateway's n-th channel, from 0. */
export function peerOf({ firstPeer, peers }: GatewayPlace, index: number): number {
  return firstPeer + (index % peers);
}

const uids = 36 ** 8;
/** Prime to 36, so that no two numbers give the same id; so large that ids of neighbours lie far apart, as random ones do. */
const stride = 1_431_655_763;

/** The unified id of a number below 2^22. */
export function uidOf(kind: ResourceKind, number: number): string {
  return `${idPrefixes[kind]}-${((number * stride) % uids).toString(36).padStart(8, "0")}`;
}

/** One name in a thousand ends in the same three digits. */
export function connNameOf(conn: number): string {
  return `branch-office-${conn}`;
}
