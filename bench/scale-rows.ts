// The rows of a gateway and its channels as a server that has run for a while has left them: everything up, all tasks ended.
import type { Insertable } from "kysely";
import type { Schema } from "../src/store/schema.ts";
import type { Db } from "../src/store/store.ts";
import { writeSettings } from "../src/store/vpn-conn-settings.ts";
import { formatAddress, networkAt, storedNetwork } from "../src/vpn/network.ts";
import type { Secret } from "../src/vpn/secret.ts";
import { spdPairs, storeSpds } from "../src/vpn/spd.ts";
import { completeIke, completeIpsec, ikeIdentityKey, resolveIdentities } from "../src/vpn/vpn-conn.ts";
import { connNameOf, type GatewayPlace, peerOf, uidOf } from "./scale-layout.ts";

/** 198.18.0.0 and 64.0.0.0: every gateway and every peer has an address of its own. */
const firstGatewayAddress = 198 * 2 ** 24 + 18 * 2 ** 16;
const firstPeerAddress = 64 * 2 ** 24;
/** 11.0.0.0: a gateway's channels take networks of 16 addresses from here on, one to three each. */
const firstPeerNetwork = 11 * 2 ** 24;
const networkSize = 16;
const mostPairs = 3;
export const region = "gz";

/** Takes rows, each table's in any order. */
export interface Sink {
  add<Table extends keyof Schema>(table: Table, row: Insertable<Schema[Table]>): void;
}

export interface RowContext {
  readonly db: Db;
  /** Ids in the order of places. */
  readonly accountIds: readonly number[];
  readonly preSharedKey: Secret;
  readonly nowMs: number;
}

const vpcCidr = "10.0.0.0/16";
const week = 7 * 86_400_000;

export function addGateway(sink: Sink, context: RowContext, place: GatewayPlace): void {
  const { vpc, slot, gateway, conns, firstPeer, peers } = place;
  const owner = { account_id: context.accountIds[place.account] ?? 0, region };
  // Half a year in which all was made.
  const made = (number: number) => context.nowMs - 26 * week + number * 10;
  if (slot === 0) {
    const name = `vpc ${vpc}`;
    const uid = uidOf("vpc", vpc);
    sink.add("vpcs", { id: vpc, uid, ...owner, name, created_at: made(vpc), name_key: name, cidr: vpcCidr });
  }
  const generation = 2 * conns + 1;
  sink.add("vpn_gws", {
    id: gateway,
    uid: uidOf("vpn-gw", gateway),
    ...owner,
    name: `gateway ${gateway}`,
    created_at: made(gateway),
    vpc_id: vpc,
    slot,
    public_address: firstGatewayAddress + gateway,
    bandwidth_mbps: 100,
    charge_type: "postpaid",
    is_auto_renew: 0,
    status: "running",
    generation,
    observed_generation: generation,
    failure: null,
    expires_at: null,
  });
  for (let number = firstPeer; number < firstPeer + peers; number += 1) {
    const address = formatAddress(firstPeerAddress + number);
    const resource = { id: number, uid: uidOf("user-gw", number), ...owner, name: `peer ${number}` };
    sink.add("user_gws", { ...resource, created_at: made(number), address, address_key: address });
  }
  // Sealing takes longer than a row does: one sealed key for all of a gateway's channels.
  const sealed = context.db.sealer.seal(context.preSharedKey, "pre-shared-key");
  const db = { ...context.db, sealer: { ...context.db.sealer, seal: () => sealed } };
  for (let index = 0; index < conns; index += 1) {
    addConn(sink, { ...context, db }, place, index, made(place.firstConn + index));
  }
}

function addConn(sink: Sink, context: RowContext, place: GatewayPlace, index: number, createdAt: number): void {
  const id = place.firstConn + index;
  const peer = peerOf(place, index);
  const [publicAddress, peerAddress] = [firstGatewayAddress + place.gateway, firstPeerAddress + peer].map(
    formatAddress,
  ) as [string, string];
  const identities = resolveIdentities({}, publicAddress, peerAddress);
  const count = 1 + (index % mostPairs);
  const networks = Array.from({ length: count }, (_, pair) =>
    networkAt(firstPeerNetwork + (index * mostPairs + pair) * networkSize, 28),
  );
  const spds = [{ local: storedNetwork(vpcCidr), peers: networks }];
  const settings = {
    preSharedKey: context.preSharedKey,
    ike: completeIke({}, identities, undefined),
    ipsec: completeIpsec({}),
    spds: storeSpds(spds),
    ikeGeneration: 2,
    ipsecGeneration: 2 * index + 2,
  };
  const account_id = context.accountIds[place.account] ?? 0;
  const generation = 2 * index + 2;
  const name = connNameOf(id);
  sink.add("vpn_conns", {
    id,
    uid: uidOf("vpn-conn", id),
    account_id,
    region,
    name,
    created_at: createdAt,
    name_key: name,
    vpc_id: place.vpc,
    vpn_gw_id: place.gateway,
    user_gw_id: peer,
    ...writeSettings(context.db, settings, ikeIdentityKey(peerAddress, identities)),
    status: "running",
    generation,
    observed_generation: generation,
    failure: null,
  });
  sink.add("vpn_conn_observations", { vpn_conn_id: id, net_status: "available", changed_at: createdAt });
  spdPairs(spds).forEach(({ local, peer: far }) => {
    sink.add("spd_pairs", {
      vpn_gw_id: place.gateway,
      peer_first: far.first,
      peer_last: far.last,
      local_first: local.first,
      local_last: local.last,
      vpn_conn_id: id,
    });
  });
  sink.add("tasks", {
    id,
    account_id,
    vpn_gw_id: place.gateway,
    vpn_conn_id: id,
    action: "create-vpn-conn",
    generation,
    status: "succeeded",
    failure: null,
    // Tasks are kept for a week.
    created_at: context.nowMs - (id % 500_000) * 1_000,
    finished_at: context.nowMs - (id % 500_000) * 1_000 + 1_000,
  });
}
