// Values of every type that host and API node exchange, at random: for what has to bear all of them.
import fc, { type Arbitrary } from "fast-check";
import type { ConnOutcome, RoundOutcome } from "../../src/control/control.ts";
import type { Arguments, Method, Result } from "../../src/control/wire.ts";
import {
  dhGroups,
  exchangeModes,
  type Identity,
  type IkeSettings,
  type IpsecSettings,
  identityTypes,
  ikeEncryptions,
  integrities,
  ipsecEncryptions,
} from "../../src/vpn/algorithms.ts";
import { causes, type Diagnosis, type UnknownPeer } from "../../src/vpn/diagnosis.ts";
import type { DesiredVpnConn, VpnConn, VpnGw } from "../../src/vpn/entities.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { type NetStatus, vpnConnStatuses, vpnGwStatuses } from "../../src/vpn/status.ts";
import type { SaCounter } from "../../src/vpn/traffic.ts";

/** Many are beyond 31 bits. */
const count = fc.maxSafeNat();
const integer = fc.maxSafeInteger();
const text = fc.string({ unit: "grapheme" }).filter((each) => !each.includes("\0"));
const maybeText = fc.option(text, { nil: undefined });
const netStatus = fc.constantFrom<NetStatus>("available", "unavailable");

function list<T>(each: Arbitrary<T>): Arbitrary<T[]> {
  return fc.array(each, { maxLength: 4 });
}

function mapOf<T>(value: Arbitrary<T>): Arbitrary<ReadonlyMap<number, T>> {
  return list(fc.tuple(count, value)).map((entries) => new Map(entries));
}

/** As our code makes them, and JSON: with a prototype. */
function objectOf<T>(fields: { [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as Arbitrary<T>;
}

const resource = { id: count, uid: text, accountId: count, region: text, name: text, createdAtMs: integer };

export const vpnGw: Arbitrary<VpnGw> = objectOf({
  ...resource,
  vpcId: count,
  bandwidthMbps: count,
  chargeType: fc.constantFrom("prepaid", "postpaid"),
  isAutoRenew: fc.boolean(),
  publicAddress: text,
  vpcAddress: text,
  status: fc.constantFrom(...vpnGwStatuses),
  generation: count,
  failure: maybeText,
  expiresAtMs: fc.option(integer, { nil: undefined }),
});

const identity: Arbitrary<Identity> = objectOf({ type: fc.constantFrom(...identityTypes), value: text });

const ike: Arbitrary<IkeSettings> = objectOf({
  encryption: fc.constantFrom(...ikeEncryptions),
  integrity: fc.constantFrom(...integrities),
  exchangeMode: fc.constantFrom(...exchangeModes),
  dhGroup: fc.constantFrom(...dhGroups),
  lifetimeSeconds: count,
  localIdentity: identity,
  remoteIdentity: identity,
});

const ipsec: Arbitrary<IpsecSettings> = objectOf({
  encryption: fc.constantFrom(...ipsecEncryptions),
  integrity: fc.constantFrom(...integrities),
  lifetimeSeconds: count,
  lifetimeKilobytes: count,
  pfsGroup: fc.option(fc.constantFrom(...dhGroups), { nil: undefined }),
});

const conn: Arbitrary<VpnConn> = objectOf({
  ...resource,
  preSharedKey: text.map((value) => new Secret(value)),
  ike,
  ipsec,
  spds: list(objectOf({ local: text, peers: list(text) })),
  ikeGeneration: count,
  ipsecGeneration: count,
  vpcId: count,
  vpnGwId: count,
  userGwId: count,
  status: fc.constantFrom(...vpnConnStatuses),
  generation: count,
  failure: maybeText,
});

const plainConn = objectOf({ conn, ikeIdentity: text, peerAddress: text });
const desiredConn: Arbitrary<DesiredVpnConn> = fc
  .tuple(plainConn, fc.option(plainConn, { nil: undefined }))
  .map(([wanted, fallback]) => (fallback === undefined ? wanted : { ...wanted, fallback }));

const diagnosis: Arbitrary<Diagnosis> = objectOf({
  cause: fc.constantFrom(...causes),
  sentence: text,
  fix: text,
  sinceMs: integer,
  offered: text,
  said: text,
  events: list(objectOf({ atMs: integer, text })),
});

const unknownPeer: Arbitrary<UnknownPeer> = objectOf({
  address: text,
  identity: text,
  offered: text,
  said: text,
  firstMs: integer,
  lastMs: integer,
  count,
});

const counter: Arbitrary<SaCounter> = objectOf({
  connId: count,
  spi: text,
  bytesIn: count,
  bytesOut: count,
  seenAtMs: integer,
});

const plainOutcome = objectOf<ConnOutcome>({
  connId: count,
  generation: count,
  status: fc.option(fc.constantFrom(...vpnConnStatuses), { nil: undefined }),
  failure: maybeText,
});
const connOutcome: Arbitrary<ConnOutcome> = fc.oneof(
  plainOutcome,
  fc.tuple(plainOutcome, fc.boolean()).map(([outcome, isModified]) => ({ ...outcome, isModified })),
);

export const roundOutcome: Arbitrary<RoundOutcome> = objectOf({
  gatewayStatus: fc.option(objectOf({ status: fc.constantFrom(...vpnGwStatuses), failure: maybeText }), {
    nil: undefined,
  }),
  observedGeneration: fc.option(count, { nil: undefined }),
  conns: list(connOutcome),
  netStatuses: mapOf(netStatus),
  diagnoses: mapOf(fc.option(diagnosis, { nil: undefined })),
  unknownPeers: fc.option(list(unknownPeer), { nil: undefined }),
});

const termMs = fc.oneof(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), fc.constant(Infinity));

/** What each method is given. */
export const argumentsOf: { readonly [M in Method]: Arbitrary<Arguments<M>> } = {
  renew: fc.tuple(fc.boolean()),
  release: fc.tuple(count),
  readGateway: fc.tuple(count, count),
  readMemory: fc.tuple(count),
  recordRound: fc.tuple(vpnGw, roundOutcome),
  recordRemoval: fc.tuple(vpnGw),
  recordFailure: fc.tuple(vpnGw, text, list(connOutcome)),
  addTraffic: fc.tuple(count, list(objectOf({ counter, fromMs: integer }))),
  forgetCounters: fc.tuple(count, list(counter)),
};

const leases = { termMs: termMs.map(Math.abs), gatewayIds: list(count), leavingIds: list(count) };

/** What each method gives. */
export const resultOf: { readonly [M in Method]: Arbitrary<Result<M>> } = {
  renew: fc.oneof(objectOf(leases), objectOf({ ...leases, mayEnd: fc.boolean() })),
  release: fc.constant(undefined),
  readGateway: fc.option(objectOf({ vpnGw, vpcCidr: text, vpcUid: text, changed: list(desiredConn) }), {
    nil: undefined,
  }),
  readMemory: objectOf({ netStatuses: mapOf(netStatus), diagnoses: mapOf(diagnosis), saCounters: list(counter) }),
  recordRound: fc.constant(undefined),
  recordRemoval: fc.constant(undefined),
  recordFailure: objectOf({
    failedConnIds: list(count),
    nextTaskInMs: fc.option(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map(Math.abs), {
      nil: undefined,
    }),
  }),
  addTraffic: fc.constant(undefined),
  forgetCounters: fc.constant(undefined),
};
