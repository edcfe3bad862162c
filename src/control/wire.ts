// What host and API node say to each other, as JSON: arguments and result of each method of Control, and the nudges of a long poll.
// A new method, and a new field of a type, does not compile until it is here. Pure.
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
} from "../vpn/algorithms.ts";
import { causes, type Diagnosis, type DiagnosisEvent, type UnknownPeer } from "../vpn/diagnosis.ts";
import type { DesiredVpnConn, VpnConn, VpnGw } from "../vpn/entities.ts";
import type { StoredSpd } from "../vpn/spd.ts";
import { vpnConnStatuses, vpnGwStatuses } from "../vpn/status.ts";
import type { SaCounter } from "../vpn/traffic.ts";
import {
  anything,
  type Codec,
  count,
  duration,
  flag,
  integer,
  lazy,
  list,
  mapOf,
  maybe,
  nothing,
  oneOf,
  optional,
  record,
  secret,
  text,
  tuple,
} from "./codec.ts";
import type {
  ConnOutcome,
  Control,
  ControlError,
  CountedTraffic,
  FailureRecorded,
  GatewayMemory,
  GatewayRead,
  Leases,
  RoundOutcome,
} from "./control.ts";

/** What is asked and answered at once; `watch` is not. */
export type Method = Exclude<keyof Control, "watch">;
export type Arguments<M extends Method> = Parameters<Control[M]>;
export type Result<M extends Method> = Awaited<ReturnType<Control[M]>>;

/** Where a host finds the methods, each by its name. */
export const hostPath = "/host/v1/";
/** The header that says which data directory a host runs on. */
export const sessionHeader = "culvert-session";
/** How long a poll without news is kept, in milliseconds. */
export const pollMs = 25_000;

const netStatus = oneOf(["available", "unavailable"]);

const resource = { id: count, uid: text, accountId: count, region: text, name: text, createdAtMs: integer };

const vpnGw = record<VpnGw>({
  ...resource,
  vpcId: count,
  bandwidthMbps: count,
  chargeType: oneOf(["prepaid", "postpaid"]),
  isAutoRenew: flag,
  publicAddress: text,
  vpcAddress: text,
  status: oneOf(vpnGwStatuses),
  generation: count,
  failure: maybe(text),
  expiresAtMs: maybe(integer),
});

const identity = record<Identity>({ type: oneOf(identityTypes), value: text });

const ike = record<IkeSettings>({
  encryption: oneOf(ikeEncryptions),
  integrity: oneOf(integrities),
  exchangeMode: oneOf(exchangeModes),
  dhGroup: oneOf(dhGroups),
  lifetimeSeconds: count,
  localIdentity: identity,
  remoteIdentity: identity,
});

const ipsec = record<IpsecSettings>({
  encryption: oneOf(ipsecEncryptions),
  integrity: oneOf(integrities),
  lifetimeSeconds: count,
  lifetimeKilobytes: count,
  pfsGroup: maybe(oneOf(dhGroups)),
});

const conn = record<VpnConn>({
  ...resource,
  preSharedKey: secret,
  ike,
  ipsec,
  spds: list(record<StoredSpd>({ local: text, peers: list(text) })),
  ikeGeneration: count,
  ipsecGeneration: count,
  vpcId: count,
  vpnGwId: count,
  userGwId: count,
  status: oneOf(vpnConnStatuses),
  generation: count,
  failure: maybe(text),
});

const desiredConn: Codec<DesiredVpnConn> = record<DesiredVpnConn>({
  conn,
  ikeIdentity: text,
  peerAddress: text,
  fallback: optional(lazy(() => desiredConn)),
});

const diagnosis = record<Diagnosis>({
  cause: oneOf(causes),
  sentence: text,
  fix: text,
  sinceMs: integer,
  offered: text,
  said: text,
  events: list(record<DiagnosisEvent>({ atMs: integer, text })),
});

const unknownPeer = record<UnknownPeer>({
  address: text,
  identity: text,
  offered: text,
  said: text,
  firstMs: integer,
  lastMs: integer,
  count,
});

const saCounter = record<SaCounter>({ connId: count, spi: text, bytesIn: count, bytesOut: count, seenAtMs: integer });

const connOutcome = record<ConnOutcome>({
  connId: count,
  generation: count,
  status: maybe(oneOf(vpnConnStatuses)),
  failure: maybe(text),
  isModified: optional(flag),
});

const roundOutcome = record<RoundOutcome>({
  gatewayStatus: maybe(record({ status: oneOf(vpnGwStatuses), failure: maybe(text) })),
  observedGeneration: maybe(count),
  conns: list(connOutcome),
  netStatuses: mapOf(netStatus),
  diagnoses: mapOf(maybe(diagnosis)),
  unknownPeers: maybe(list(unknownPeer)),
});

const flags = list(flag);

/** Every method: what it is given, and what it gives. */
export const wire: {
  readonly [M in Method]: { readonly args: Codec<Arguments<M>>; readonly result: Codec<Result<M>> };
} = {
  renew: {
    args: { encode: ([isStopping = false]) => [isStopping], decode: (json) => [flags.decode(json)[0] ?? false] },
    result: record<Leases>({
      termMs: duration,
      gatewayIds: list(count),
      leavingIds: list(count),
      mayEnd: optional(flag),
    }),
  },
  release: { args: tuple<[number]>(count), result: nothing },
  readGateway: {
    args: tuple<[number, number]>(count, count),
    result: maybe(record<GatewayRead>({ vpnGw, vpcCidr: text, vpcUid: text, changed: list(desiredConn) })),
  },
  readMemory: {
    args: tuple<[number]>(count),
    result: record<GatewayMemory>({
      netStatuses: mapOf(netStatus),
      diagnoses: mapOf(diagnosis),
      saCounters: list(saCounter),
    }),
  },
  recordRound: { args: tuple<Arguments<"recordRound">>(vpnGw, roundOutcome), result: nothing },
  recordRemoval: { args: tuple<[VpnGw]>(vpnGw), result: nothing },
  recordFailure: {
    args: tuple<Arguments<"recordFailure">>(vpnGw, text, list(connOutcome)),
    result: record<FailureRecorded>({ failedConnIds: list(count), nextTaskInMs: maybe(duration) }),
  },
  addTraffic: {
    args: tuple<Arguments<"addTraffic">>(count, list(record<CountedTraffic>({ counter: saCounter, fromMs: integer }))),
    result: nothing,
  },
  forgetCounters: { args: tuple<Arguments<"forgetCounters">>(count, list(saCounter)), result: nothing },
};

/** What is sent of a method. */
export interface Question {
  /** As `wire` has them. */
  readonly args: unknown;
  /** Of the gateway that they are about, as the host was told it with its last leases: any node can tell whether it is still the one. */
  readonly fence: number | undefined;
}

export const question = record<Question>({ args: anything, fence: optional(count) });

/** The gateway that arguments are about. */
export function gatewayOf([first]: readonly unknown[]): number | undefined {
  if (typeof first === "number") return first;
  return typeof first === "object" && first !== null ? (first as VpnGw).id : undefined;
}

/** What a renewal gives: the leases, and their fences, which the host hands back with what it asks and reports. */
export interface Renewal {
  readonly leases: Leases;
  /** By gateway. */
  readonly fences: ReadonlyMap<number, number>;
}

export const renewal = record<Renewal>({ leases: wire.renew.result, fences: mapOf(count) });

/** What a poll asks: where the last one ended; undefined: there was none. */
export interface PollRequest {
  readonly cursor: string | undefined;
}

/** What happened since the cursor. */
export interface PollAnswer {
  readonly cursor: string;
  /** Gateways to look at; "all": some may have been missed. */
  readonly nudged: "all" | readonly number[];
  /** renew has something new to say. */
  readonly hasNewLeases: boolean;
}

const gatewayIds = list(count);

export const pollRequest = record<PollRequest>({ cursor: maybe(text) });
export const pollAnswer = record<PollAnswer>({
  cursor: text,
  nudged: {
    encode: (nudged) => (nudged === "all" ? nudged : gatewayIds.encode(nudged)),
    decode: (json) => (json === "all" ? json : gatewayIds.decode(json)),
  },
  hasNewLeases: flag,
});

/** The status of a refusal, by its kind. */
export const statuses: Readonly<Record<ControlError["kind"], number>> = {
  refused: 401,
  "not-held": 409,
  unavailable: 503,
};

/** A refusal: its status says what kind, and this why. */
export const refusalBody = record<{ readonly message: string }>({ message: text });
