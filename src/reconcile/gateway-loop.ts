// The loop of one gateway: woken by a nudge, by charon, or by its own period, it always starts from desired and actual.
// A step is never retried inside a round; the next round is the retry, with backoff.
import {
  type ActualGateway,
  type Dataplane,
  DataplaneError,
  type GatewaySpec,
  type Step,
} from "../dataplane/dataplane.ts";
import type { Store } from "../store/store.ts";
import { type DesiredVpnConn, listChangedConns, listNetStatuses } from "../store/vpn-conns.ts";
import { findVpnGwById } from "../store/vpn-gws.ts";
import type { VpnGw } from "../vpn/entities.ts";
import type { NetStatus } from "../vpn/status.ts";
import { Attempts } from "./attempts.ts";
import { answerChange, type Change, failedStatus, isAnswered } from "./changes.ts";
import { connectionName, DesiredConns } from "./desired.ts";
import { byConnection, type Fit, fitOf } from "./fit.ts";
import type { Log } from "./log.ts";
import {
  type DesiredGateway,
  isLoading,
  planGateway,
  planInitiations,
  planLoading,
  removal,
  subjectOf,
} from "./plan.ts";
import { type ConnOutcome, recordGatewayFailure, recordRemoval, recordRound } from "./record.ts";
import { TrafficWatch } from "./traffic.ts";

export interface LoopContext {
  readonly store: Store;
  readonly dataplane: Dataplane;
  readonly clock: () => number;
  readonly log: Log;
  /** How often to look without a cause. */
  readonly periodMs: number;
  /** How long what has flowed is remembered. */
  readonly keepTrafficMs: number;
}

const longestBackoffMs = 30_000;
const firstBackoffMs = 500;

/** What a round left to do, and when. */
interface RoundEnd {
  readonly isGone: boolean;
  readonly lookAgainMs: number;
}

/** One gateway's loop. It lives from the first nudge until the gateway has gone, or the server stops. */
export class GatewayLoop {
  readonly #id: number;
  readonly #context: LoopContext;
  readonly #onGone: () => void;
  readonly #attempts = new Attempts();
  readonly #traffic: TrafficWatch;
  /** As recorded. A channel that is not in here is not up. */
  #netStatuses = new Map<number, NetStatus>();
  /** How the SAs fitted each connection when that was recorded. */
  #recordedFits: ReadonlyMap<string, Fit> = new Map();
  /** Latest changes that have not been answered yet, by channel. */
  readonly #unanswered = new Map<number, Change>();
  #desired: DesiredConns | undefined;
  #seenGeneration = 0;
  /** Generation that has been recorded as taken. */
  #observedGeneration = 0;
  #failures = 0;
  #thoroughAtMs = 0;
  #isNudged = false;
  #isStopped = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(id: number, context: LoopContext, onGone: () => void) {
    this.#id = id;
    this.#context = context;
    this.#onGone = onGone;
    this.#traffic = new TrafficWatch(id, context.store, context.periodMs);
  }

  /** Says "look". */
  nudge(): void {
    if (this.#isStopped) return;
    this.#isNudged = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isNudged) this.nudge();
    });
  }

  /** Ends the loop; a round under way is finished. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isNudged && !this.#isStopped) {
      this.#isNudged = false;
      clearTimeout(this.#timer);
      const { isGone, lookAgainMs } = await this.#roundOrBackoff();
      // Nudged while it went: its number may have been given to a new gateway, where somebody began anew with an empty database.
      if (isGone && this.#isNudged) continue;
      if (isGone) {
        this.#isStopped = true;
        this.#onGone();
        return;
      }
      const delayMs = Math.max(0, lookAgainMs - this.#context.clock());
      if (!this.#isStopped) this.#timer = setTimeout(() => this.nudge(), delayMs).unref();
    }
  }

  async #roundOrBackoff(): Promise<RoundEnd> {
    const { clock, log, periodMs } = this.#context;
    try {
      const end = await this.#round();
      if (end.lookAgainMs > clock() + periodMs) return { ...end, lookAgainMs: clock() + periodMs };
      return end;
    } catch (error) {
      log.error({ gatewayId: this.#id, err: error }, "a round failed");
      return { isGone: false, lookAgainMs: clock() + this.#backOff() };
    }
  }

  #backOff(): number {
    const delayMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#thoroughAtMs = 0;
    return delayMs;
  }

  async #round(): Promise<RoundEnd> {
    const { store, clock, dataplane, log } = this.#context;
    const place = await findVpnGwById(store.db, this.#id);
    if (place === undefined) return this.#removeOrphan();
    const gateway = specOf(place.vpnGw, place.vpcCidr);
    await this.#readChanges(place.vpnGw);
    if (isLeavingGw(place.vpnGw)) return this.#remove(place.vpnGw, gateway);

    const isThorough = clock() >= this.#thoroughAtMs;
    let actual: ActualGateway | undefined;
    try {
      actual = await dataplane.observe(this.#id, isThorough);
      const making = planGateway(actual);
      if (making.length > 0) {
        log.info({ gateway: gateway.uid, steps: making.map((step) => step.kind) }, "making the gateway run");
        for (const step of making) await dataplane.apply(gateway, step);
        this.#attempts.clear();
        actual = await this.#lookAgain(actual);
      }
    } catch (error) {
      return this.#recordFailure(place.vpnGw, error, actual);
    }
    if (isThorough) this.#thoroughAtMs = clock() + this.#context.periodMs;
    return this.#converge(place.vpnGw, gateway, actual);
  }

  /** What charon has said of SAs that ended is said once: it is not to be lost. */
  async #lookAgain({ ended }: ActualGateway): Promise<ActualGateway> {
    const actual = await this.#context.dataplane.observe(this.#id, false);
    return { ...actual, ended: [...ended, ...actual.ended] };
  }

  #countTraffic(actual: ActualGateway): Promise<void> {
    const connIdOf = (child: string) => this.#desired?.connIdOf(child);
    return this.#traffic.look(actual, connIdOf, this.#context.clock());
  }

  async #readChanges(vpnGw: VpnGw): Promise<void> {
    const { db } = this.#context.store;
    if (this.#desired === undefined) {
      this.#netStatuses = await listNetStatuses(db, this.#id);
      this.#desired = new DesiredConns(vpnGw.publicAddress);
    }
    if (vpnGw.generation <= this.#seenGeneration) return;
    for (const row of await listChangedConns(db, this.#id, this.#seenGeneration)) {
      this.#take(this.#desired, row);
      const { conn, fallback } = row;
      if (!isAnswered(conn.status)) {
        this.#unanswered.set(conn.id, { conn, connectionName: connectionName(row), fallback });
      }
    }
    this.#seenGeneration = vpnGw.generation;
  }

  /** A child that goes to another connection is tried there at once, however young it is. */
  #take(desired: DesiredConns, row: DesiredVpnConn): void {
    const before = desired.get(row.conn.id)?.connectionName;
    desired.take(row);
    const held = desired.get(row.conn.id);
    if (held?.connectionName === before) return;
    for (const { name } of held?.children ?? []) this.#attempts.forget(name);
  }

  /**
   * Modifications on a connection that charon has refused: their channels are desired again as they were before. Loading comes before
   * ending, so nothing of the old has been touched yet. @returns whether there were any
   */
  #goBack(connection: string, refusal: string): boolean {
    let isAny = false;
    for (const change of this.#unanswered.values()) {
      if (change.conn.status !== "modifying" || change.connectionName !== connection) continue;
      if (change.refusal === undefined && this.#fallBack(change)) isAny = true;
      this.#unanswered.set(change.conn.id, { ...change, refusal });
    }
    return isAny;
  }

  #fallBack({ fallback }: Change): boolean {
    if (fallback === undefined || this.#desired === undefined) return false;
    this.#take(this.#desired, fallback);
    return true;
  }

  async #converge(vpnGw: VpnGw, gateway: GatewaySpec, seen: ActualGateway): Promise<RoundEnd> {
    const { store, clock } = this.#context;
    const refused = new Map<string, string>();
    let actual = seen;
    let lookAgainMs: number | undefined;
    try {
      const loaded = await this.#load(gateway, actual, refused);
      actual = loaded.actual;
      lookAgainMs = await this.#initiate(gateway, withoutRefused(loaded.desired, refused), actual);
    } catch (error) {
      return this.#recordFailure(vpnGw, error, actual);
    }
    const conns = this.#answer(refused);
    const gatewayStatus = vpnGw.status === "running" ? undefined : ({ status: "running", failure: undefined } as const);
    const isNew = refused.size === 0 && vpnGw.generation > this.#observedGeneration;
    const observedGeneration = isNew ? vpnGw.generation : undefined;
    const fits = this.#fits(actual);
    this.#reviewAttempts(fits);
    const netStatuses = this.#netStatusChanges(fits);
    await recordRound(store, vpnGw, { gatewayStatus, observedGeneration, conns, netStatuses }, clock());
    this.#settle(conns, netStatuses);
    this.#recordedFits = fits;
    this.#observedGeneration = observedGeneration ?? this.#observedGeneration;
    await this.#countTraffic(actual);
    this.#failures = refused.size === 0 ? 0 : this.#failures;
    const nextMs = refused.size === 0 ? Number.POSITIVE_INFINITY : clock() + this.#backOff();
    return { isGone: false, lookAgainMs: Math.min(lookAgainMs ?? Number.POSITIVE_INFINITY, nextMs) };
  }

  /** Loads and ends what there is to load and to end. @returns what was desired, and what was there before */
  async #load(
    gateway: GatewaySpec,
    actual: ActualGateway,
    refused: Map<string, string>,
  ): Promise<{ readonly desired: DesiredGateway; readonly actual: ActualGateway }> {
    const desired = this.#desiredGateway(gateway);
    for (const step of planLoading(desired, actual)) {
      const subject = subjectOf(step);
      // A step is not tried twice in a round.
      if (refused.has(subject) && isLoading(step)) continue;
      const failure = await this.#tryStep(gateway, step);
      if (failure === undefined) continue;
      refused.set(subject, failure);
      if (!this.#goBack(subject, failure)) continue;
      return this.#load(gateway, await this.#lookAgain(actual), refused);
    }
    return { desired, actual };
  }

  /** Begins what is due and waits for none of it. @returns when to look again */
  async #initiate(gateway: GatewaySpec, desired: DesiredGateway, actual: ActualGateway): Promise<number | undefined> {
    const { clock } = this.#context;
    this.#attempts.see(actual.ikeSas, clock());
    const { steps, lookAgainMs } = planInitiations(desired, actual.ikeSas, this.#attempts, clock());
    for (const step of steps) {
      if (step.kind === "initiate-child") this.#attempts.start(step.child, clock());
      // What was loaded cannot be initiated: what is known of this charon is wrong.
      if ((await this.#tryStep(gateway, step)) !== undefined) this.#thoroughAtMs = 0;
    }
    return lookAgainMs;
  }

  #desiredGateway(gateway: GatewaySpec): DesiredGateway {
    const localNetworks = this.#desired?.localNetworks() ?? new Set<string>();
    return {
      localNetworks: localNetworks.add(gateway.vpcCidr),
      connections: this.#desired?.connections() ?? new Map(),
    };
  }

  /** One connection that charon refuses must not hold up the others. @returns what charon says to it */
  async #tryStep(gateway: GatewaySpec, step: Step): Promise<string | undefined> {
    try {
      await this.#context.dataplane.apply(gateway, step);
      return undefined;
    } catch (error) {
      if (!(error instanceof DataplaneError) || error.kind !== "connection") throw error;
      const fields = { gateway: gateway.uid, step: step.kind, subject: subjectOf(step), err: error };
      this.#context.log.warn(fields, "a step failed");
      return error.message;
    }
  }

  /** What came of every change that waits for an answer, now that all steps are done. */
  #answer(refused: ReadonlyMap<string, string>): ConnOutcome[] {
    return [...this.#unanswered.values()].flatMap((change) => answerChange(change, refused) ?? []);
  }

  /** Remembers what has been recorded. */
  #settle(conns: readonly ConnOutcome[], netStatuses: ReadonlyMap<number, NetStatus>): void {
    for (const { connId, status, failure } of conns) {
      const change = this.#unanswered.get(connId);
      if (status === undefined) this.#netStatuses.delete(connId);
      if (status === "modify-failed" && change !== undefined) this.#fallBack(change);
      if (status === undefined || change === undefined || isAnswered(status)) this.#unanswered.delete(connId);
      else this.#unanswered.set(connId, { ...change, conn: { ...change.conn, status, failure } });
    }
    for (const [connId, netStatus] of netStatuses) this.#netStatuses.set(connId, netStatus);
  }

  /** How the SAs fit each connection. */
  #fits(actual: ActualGateway): ReadonlyMap<string, Fit> {
    const sasOf = byConnection(actual.ikeSas);
    const connections = [...(this.#desired?.connections() ?? [])];
    return new Map(connections.map(([name, { spec }]) => [name, fitOf(spec, sasOf.get(name) ?? [])]));
  }

  /** A channel is available when every pair of it has a CHILD_SA. Only connections that changed are gone through. */
  #netStatusChanges(fits: ReadonlyMap<string, Fit>): Map<number, NetStatus> {
    const changes = new Map<number, NetStatus>();
    for (const [name, fit] of fits) {
      if (this.#recordedFits.get(name) === fit) continue;
      for (const { conn, children } of this.#desired?.members(name) ?? []) {
        const netStatus = children.every((child) => fit.installed.has(child.name)) ? "available" : "unavailable";
        if ((this.#netStatuses.get(conn.id) ?? "unavailable") === netStatus) continue;
        changes.set(conn.id, netStatus);
        this.#context.log.info({ conn: conn.uid, netStatus }, "channel changed");
      }
    }
    return changes;
  }

  #reviewAttempts(fits: ReadonlyMap<string, Fit>): void {
    const nowMs = this.#context.clock();
    for (const child of this.#attempts.children()) {
      const connection = this.#desired?.ownerOf(child)?.connectionName;
      if (connection === undefined) this.#attempts.forget(child);
      else if (fits.get(connection)?.installed.has(child)) this.#attempts.succeed(child, nowMs);
    }
  }

  /** @param actual what was seen before it failed; undefined when nothing could be seen */
  async #recordFailure(vpnGw: VpnGw, error: unknown, actual: ActualGateway | undefined): Promise<RoundEnd> {
    const { store, clock, log } = this.#context;
    const failure = error instanceof DataplaneError ? error.message : "an internal failure; see the log";
    log.error({ gateway: vpnGw.uid, err: error }, "the gateway cannot run");
    if (actual !== undefined) await this.#countTraffic(actual);
    // Where no charon runs, a channel on its way out has gone already.
    const isDown = actual !== undefined && !actual.isRunning;
    const gone = isDown ? this.#answer(new Map()).filter(({ status }) => status === undefined) : [];
    const fits = this.#fits(actual ?? noSas);
    this.#reviewAttempts(fits);
    const netStatuses = this.#netStatusChanges(fits);
    const outcome = { gatewayStatus: undefined, observedGeneration: undefined, conns: gone, netStatuses };
    await recordRound(store, vpnGw, outcome, clock());
    this.#settle(gone, netStatuses);
    this.#recordedFits = fits;

    const failed: ConnOutcome[] = [];
    const answerFailed = (overdue: ReadonlySet<number>) => {
      for (const { conn } of this.#unanswered.values()) {
        if (!overdue.has(conn.id)) continue;
        failed.push({ connId: conn.id, generation: conn.generation, status: failedStatus(conn.status), failure });
      }
      return failed;
    };
    const nextTaskMs = await recordGatewayFailure(store, vpnGw, failure, answerFailed, clock());
    this.#settle(failed, new Map());
    const retryMs = clock() + this.#backOff();
    return { isGone: false, lookAgainMs: Math.min(retryMs, nextTaskMs ?? retryMs) };
  }

  async #remove(vpnGw: VpnGw, gateway: GatewaySpec): Promise<RoundEnd> {
    const { store, dataplane, clock, log } = this.#context;
    try {
      for (const step of removal) await dataplane.apply(gateway, step);
    } catch (error) {
      return this.#recordFailure(vpnGw, error, undefined);
    }
    await recordRemoval(store, vpnGw, clock());
    log.info({ gateway: gateway.uid }, "the gateway has gone");
    return { isGone: true, lookAgainMs: 0 };
  }

  /** A gateway on the machine that no row speaks of: the row went, but not the last of the machine. */
  async #removeOrphan(): Promise<RoundEnd> {
    const { dataplane, log } = this.#context;
    log.warn({ gatewayId: this.#id }, "removing a gateway that no row speaks of");
    const gateway = { id: this.#id, uid: "", vpcId: 0, vpcCidr: "", vpcAddress: "", publicAddress: "" };
    for (const step of removal) await dataplane.apply(gateway, step);
    return { isGone: true, lookAgainMs: 0 };
  }
}

const noSas: ActualGateway = {
  hasNetwork: false,
  localNetworks: [],
  isRunning: false,
  connections: new Map(),
  secrets: new Map(),
  ikeSas: [],
  ended: [],
};

function isLeavingGw({ status }: VpnGw): boolean {
  return status === "deleting" || status === "delete-failed";
}

function withoutRefused(desired: DesiredGateway, refused: ReadonlyMap<string, string>): DesiredGateway {
  if (refused.size === 0) return desired;
  const connections = [...desired.connections].filter(([name]) => !refused.has(name));
  return { ...desired, connections: new Map(connections) };
}

function specOf(vpnGw: VpnGw, vpcCidr: string): GatewaySpec {
  return {
    id: vpnGw.id,
    uid: vpnGw.uid,
    vpcId: vpnGw.vpcId,
    vpcCidr,
    vpcAddress: vpnGw.vpcAddress,
    publicAddress: vpnGw.publicAddress,
  };
}
