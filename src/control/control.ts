// What a gateway host is told and what it reports: one interface, and nothing else. Two bodies: direct/ (over the store, for the host in
// the server's own process) and remote/ (over HTTPS, for a host that has no database). The reconciler knows no other source of what is
// desired; nothing here knows SQL, HTTP or charon.
import type { Diagnosis, UnknownPeer } from "../vpn/diagnosis.ts";
import type { DesiredVpnConn, VpnGw } from "../vpn/entities.ts";
import type { NetStatus, VpnConnStatus, VpnGwStatus } from "../vpn/status.ts";
import type { SaCounter } from "../vpn/traffic.ts";

/** A gateway as it is to be, as far as it changed. */
export interface GatewayRead {
  readonly vpnGw: VpnGw;
  /** Network address and length of its VPC. */
  readonly vpcCidr: string;
  /** Unified id of its VPC. */
  readonly vpcUid: string;
  /** Channels that changed after the generation that was asked for, those on their way out included. */
  readonly changed: readonly DesiredVpnConn[];
}

/** What was recorded of a gateway's channels before: what a loop begins with. */
export interface GatewayMemory {
  /** By channel; one that is not in here is not up. */
  readonly netStatuses: ReadonlyMap<number, NetStatus>;
  /** By channel, without those that have none. */
  readonly diagnoses: ReadonlyMap<number, Diagnosis>;
  readonly saCounters: readonly SaCounter[];
}

/** What came of one channel's change. */
export interface ConnOutcome {
  readonly connId: number;
  /** The change it answers; a later one is left alone. */
  readonly generation: number;
  /** undefined: the channel has gone. */
  readonly status: VpnConnStatus | undefined;
  readonly failure: string | undefined;
  /** It answers a modification that was accepted. */
  readonly isModified?: boolean;
}

/** What is recorded of each channel; undefined takes it away. */
export type DiagnosisChanges = ReadonlyMap<number, Diagnosis | undefined>;

/** What a round found and did. */
export interface RoundOutcome {
  readonly gatewayStatus: { readonly status: VpnGwStatus; readonly failure: string | undefined } | undefined;
  /** The generation that has been taken as a whole. */
  readonly observedGeneration: number | undefined;
  readonly conns: readonly ConnOutcome[];
  readonly netStatuses: ReadonlyMap<number, NetStatus>;
  readonly diagnoses: DiagnosisChanges;
  /** All that knock in vain; undefined: as recorded before. */
  readonly unknownPeers: readonly UnknownPeer[] | undefined;
}

/** What was recorded of a gateway that cannot run. */
export interface FailureRecorded {
  /** Channels whose tasks had waited long enough: they have failed. */
  readonly failedConnIds: readonly number[];
  /** In how many milliseconds the next task will have waited long enough; undefined: none waits. */
  readonly nextTaskInMs: number | undefined;
}

/**
 * How far a CHILD_SA has counted. What of it is new is found out where it is added up, so that a report may be repeated, and may be
 * overtaken by a later one.
 */
export interface CountedTraffic {
  readonly counter: SaCounter;
  /** When it was looked at before, or made: what is new has flowed since then. Milliseconds since 1970. */
  readonly fromMs: number;
}

/** The gateways of a host, and for how long it may run them (docs/decisions/0104-a-lease-for-each-gateway.md). */
export interface Leases {
  /**
   * From the moment at which renew was called, on the host's monotonic clock, in milliseconds; Infinity: for good, since nobody else
   * could run them.
   */
  readonly termMs: number;
  /** What it may run. Everything of this installation that is not in here it has to take off its machine. */
  readonly gatewayIds: readonly number[];
  /** What it is to stop and then to release, because another host is to run it. Not among `gatewayIds`. */
  readonly leavingIds: readonly number[];
  /**
   * To a host that is about to stop, and to no other: whether it has nothing more to wait for. What left it runs elsewhere, and it holds
   * nothing, or there is no other host that takes gateways.
   */
  readonly mayEnd?: boolean | undefined;
}

/** Something may have been missed; renewing has something new to say. */
export type Hint = "all" | "leases";

/** What a watch says: gateways to look at, or a hint. */
export type Nudged = readonly number[] | Hint;

/** Why a host was told nothing, or why what it reported was not taken. `message` is one sentence and holds no secret. */
export class ControlError extends Error {
  readonly kind: "unavailable" | "not-held" | "refused";

  /**
   * @param kind unavailable: nobody answers, try again; not-held: the gateway is not, or no more, this host's; refused: this host is not
   * known, or its token runs elsewhere
   */
  constructor(kind: "unavailable" | "not-held" | "refused", message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ControlError";
    this.kind = kind;
  }
}

/**
 * The desk that a host reads from and reports to. Reads and reports are about gateways in the last `Leases` only. Every report of a
 * gateway is one transaction, and is refused when the gateway has been given to another host since (fencing). A report whose answer was
 * lost may have been recorded: its host reads anew what is recorded, and goes on from there. @throws ControlError
 */
export interface Control {
  /**
   * Says that the host lives. Called again and again, well before `termMs` is over.
   * @param isStopping it is about to stop, and others are to have its gateways, in so far as they have room; unsaid by the next one that
   * does not say so, as that of its new process
   */
  renew(isStopping?: boolean): Promise<Leases>;
  /** The gateway, its charon and its address are off this machine. @throws ControlError not-held: it has been released before */
  release(gatewayId: number): Promise<void>;
  /**
   * Calls `onNudge` with gateways to look at, "all" when some may have been missed, and "leases" when renew has something new to say,
   * until `signal` is aborted. A nudge may be lost: who relies on it looks by himself too.
   */
  watch(onNudge: (nudged: Nudged) => void, signal: AbortSignal): Promise<void>;

  /** @param afterGeneration channels that have not changed since are left out; 0: all. @returns undefined: there is no such gateway for this host */
  readGateway(gatewayId: number, afterGeneration: number): Promise<GatewayRead | undefined>;
  /** @throws ControlError not-held, where readGateway says undefined */
  readMemory(gatewayId: number): Promise<GatewayMemory>;

  /** @param vpnGw as it was read when the round began */
  recordRound(vpnGw: VpnGw, outcome: RoundOutcome): Promise<void>;
  /** The gateway has gone from the machine: so do its row and its task. */
  recordRemoval(vpnGw: VpnGw): Promise<void>;
  /**
   * The gateway cannot be made to run, or cannot be removed. Tasks that have waited long enough fail with that reason.
   * @param answers what becomes of each channel with an unanswered change if its task has waited too long
   */
  recordFailure(vpnGw: VpnGw, failure: string, answers: readonly ConnOutcome[]): Promise<FailureRecorded>;
  /** Adds what has flowed, a part of a thorough look; each part is one transaction. */
  addTraffic(gatewayId: number, counted: readonly CountedTraffic[]): Promise<void>;
  forgetCounters(gatewayId: number, gone: readonly SaCounter[]): Promise<void>;
}
