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
import { listChangedConns } from "../store/vpn-conns.ts";
import { findVpnGwById } from "../store/vpn-gws.ts";
import type { Vpc, VpnConn, VpnGw } from "../vpn/entities.ts";
import type { NetStatus, VpnConnStatus } from "../vpn/status.ts";
import { Attempts } from "./attempts.ts";
import { DesiredConns, isLeaving } from "./desired.ts";
import type { Log } from "./log.ts";
import { type DesiredGateway, installedChildren, planGateway, planInitiations, planLoading, removal } from "./plan.ts";
import { type ConnOutcome, recordGatewayFailure, recordRemoval, recordRound } from "./record.ts";

export interface LoopContext {
  readonly store: Store;
  readonly dataplane: Dataplane;
  readonly clock: () => number;
  readonly log: Log;
  /** How often to look without a cause. */
  readonly periodMs: number;
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
  readonly #netStatuses = new Map<number, NetStatus>();
  /** Channels whose latest change has not been answered yet. */
  readonly #unanswered = new Map<number, VpnConn>();
  #desired: DesiredConns | undefined;
  #seenGeneration = 0;
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
    const gateway = specOf(place.vpnGw, place.vpc);
    await this.#readChanges(place.vpnGw);
    if (isLeavingGw(place.vpnGw)) return this.#remove(place.vpnGw, gateway);

    const isThorough = clock() >= this.#thoroughAtMs;
    let actual: ActualGateway = noSas;
    let isObserved = false;
    try {
      actual = await dataplane.observe(this.#id, isThorough);
      isObserved = true;
      const making = planGateway(actual);
      if (making.length > 0) {
        log.info({ gateway: gateway.uid, steps: making.map((step) => step.kind) }, "making the gateway run");
        for (const step of making) await dataplane.apply(gateway, step);
        this.#attempts.clear();
        actual = await dataplane.observe(this.#id, false);
      }
    } catch (error) {
      return this.#recordFailure(place.vpnGw, error, isObserved && !actual.isRunning);
    }
    if (isThorough) this.#thoroughAtMs = clock() + this.#context.periodMs;
    return this.#converge(place.vpnGw, gateway, actual);
  }

  async #readChanges(vpnGw: VpnGw): Promise<void> {
    this.#desired ??= new DesiredConns(vpnGw.publicAddress);
    if (vpnGw.generation <= this.#seenGeneration) return;
    const changed = await listChangedConns(this.#context.store.db, this.#id, this.#seenGeneration);
    for (const row of changed) {
      this.#desired.take(row);
      if (row.conn.status !== "running") this.#unanswered.set(row.conn.id, row.conn);
      if (row.conn.status === "creating") this.#netStatuses.set(row.conn.id, "unavailable");
    }
    this.#seenGeneration = vpnGw.generation;
  }

  async #converge(vpnGw: VpnGw, gateway: GatewaySpec, actual: ActualGateway): Promise<RoundEnd> {
    const { store, clock } = this.#context;
    const desired = this.#desiredGateway(gateway);
    const refused = new Map<string, string>();
    try {
      for (const step of planLoading(desired, actual)) await this.#applyOrNote(gateway, step, refused);
    } catch (error) {
      return this.#recordFailure(vpnGw, error);
    }
    const { steps, lookAgainMs } = planInitiations(desired, actual.ikeSas, this.#attempts, clock());
    for (const step of steps) {
      if (step.kind === "initiate-child") this.#attempts.start(step.child, clock());
      await this.#applyOrNote(gateway, step, refused);
    }
    const conns = this.#answer(refused);
    const gatewayStatus = vpnGw.status === "running" ? undefined : ({ status: "running", failure: undefined } as const);
    const netStatuses = this.#netStatusChanges(actual);
    await recordRound(store, vpnGw, { gatewayStatus, conns, netStatuses }, clock());
    this.#settle(conns, netStatuses);
    this.#failures = refused.size === 0 ? 0 : this.#failures;
    const nextMs = refused.size === 0 ? Number.POSITIVE_INFINITY : clock() + this.#backOff();
    return { isGone: false, lookAgainMs: Math.min(lookAgainMs ?? Number.POSITIVE_INFINITY, nextMs) };
  }

  #desiredGateway(gateway: GatewaySpec): DesiredGateway {
    const localNetworks = this.#desired?.localNetworks() ?? new Set<string>();
    return {
      localNetworks: localNetworks.add(gateway.vpcCidr),
      connections: this.#desired?.connections() ?? new Map(),
    };
  }

  /** One connection that charon refuses must not hold up the others. */
  async #applyOrNote(gateway: GatewaySpec, step: Step, refused: Map<string, string>): Promise<void> {
    try {
      await this.#context.dataplane.apply(gateway, step);
    } catch (error) {
      if (!(error instanceof DataplaneError) || error.kind !== "connection") throw error;
      const name = connectionOf(step);
      this.#context.log.warn({ gateway: gateway.uid, step: step.kind, connection: name, err: error }, "a step failed");
      if (name !== undefined && step.kind !== "initiate-child") refused.set(name, error.message);
    }
  }

  /** What came of every change that waits for an answer, now that all steps are done. */
  #answer(refused: ReadonlyMap<string, string>): ConnOutcome[] {
    return [...this.#unanswered.values()].flatMap((conn): ConnOutcome[] => {
      const { id: connId, generation } = conn;
      if (isLeaving(conn)) return [{ connId, generation, status: undefined, failure: undefined }];
      const failure = refused.get(this.#desired?.get(connId)?.connectionName ?? "");
      const status = failure === undefined ? "running" : failedStatus(conn.status);
      if (status === conn.status && failure === conn.failure) return [];
      return [{ connId, generation, status, failure }];
    });
  }

  /** Remembers what has been recorded. */
  #settle(conns: readonly ConnOutcome[], netStatuses: ReadonlyMap<number, NetStatus>): void {
    for (const { connId, status, failure } of conns) {
      const conn = this.#unanswered.get(connId);
      if (status === undefined) this.#netStatuses.delete(connId);
      if (status === undefined || status === "running" || conn === undefined) this.#unanswered.delete(connId);
      else this.#unanswered.set(connId, { ...conn, status, failure });
    }
    for (const [connId, netStatus] of netStatuses) this.#netStatuses.set(connId, netStatus);
  }

  /** A channel is available when every pair of it has a CHILD_SA. */
  #netStatusChanges(actual: ActualGateway): Map<number, NetStatus> {
    const installed = installedChildren(actual.ikeSas);
    const changes = new Map<number, NetStatus>();
    const wanted = new Set<string>();
    for (const { conn, children } of this.#desired?.all() ?? []) {
      for (const { name } of children) {
        wanted.add(name);
        if (installed.has(name)) this.#attempts.succeed(name, this.#context.clock());
      }
      const isUp = children.every((child) => installed.has(child.name));
      const netStatus = isUp ? "available" : "unavailable";
      if (this.#netStatuses.get(conn.id) === netStatus) continue;
      changes.set(conn.id, netStatus);
      this.#context.log.info({ conn: conn.uid, netStatus }, "channel changed");
    }
    this.#attempts.keep(wanted);
    return changes;
  }

  /** @param isDown whether charon is known not to run, so that a channel on its way out has gone already */
  async #recordFailure(vpnGw: VpnGw, error: unknown, isDown = false): Promise<RoundEnd> {
    const { store, clock, log } = this.#context;
    const failure = error instanceof DataplaneError ? error.message : "an internal failure; see the log";
    log.error({ gateway: vpnGw.uid, err: error }, "the gateway cannot run");
    const failed: ConnOutcome[] = [];
    const answerFailed = (overdue: ReadonlySet<number>) => {
      for (const conn of this.#unanswered.values()) {
        if (!overdue.has(conn.id)) continue;
        failed.push({ connId: conn.id, generation: conn.generation, status: failedStatus(conn.status), failure });
      }
      return failed;
    };
    const nextTaskMs = await recordGatewayFailure(store, vpnGw, failure, answerFailed, clock());
    const conns = isDown ? this.#answer(new Map()).filter(({ status }) => status === undefined) : [];
    const netStatuses = this.#netStatusChanges(noSas);
    await recordRound(store, vpnGw, { gatewayStatus: undefined, conns, netStatuses }, clock());
    this.#settle([...failed, ...conns], netStatuses);
    const retryMs = clock() + this.#backOff();
    return { isGone: false, lookAgainMs: Math.min(retryMs, nextTaskMs ?? retryMs) };
  }

  async #remove(vpnGw: VpnGw, gateway: GatewaySpec): Promise<RoundEnd> {
    const { store, dataplane, clock, log } = this.#context;
    try {
      for (const step of removal) await dataplane.apply(gateway, step);
    } catch (error) {
      return this.#recordFailure(vpnGw, error);
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
};

function isLeavingGw({ status }: VpnGw): boolean {
  return status === "deleting" || status === "delete-failed";
}

function failedStatus(status: VpnConnStatus): VpnConnStatus {
  if (status === "modifying" || status === "modify-failed") return "modify-failed";
  return status === "deleting" || status === "delete-failed" ? "delete-failed" : "create-failed";
}

function connectionOf(step: Step): string | undefined {
  switch (step.kind) {
    case "load-secret":
    case "load-connection":
      return step.connection.name;
    case "initiate-child":
    case "terminate-ike-sa":
      return step.connection;
    case "unload-connection":
    case "unload-secret":
      return step.name;
    default:
      return undefined;
  }
}

function specOf(vpnGw: VpnGw, vpc: Vpc): GatewaySpec {
  return {
    id: vpnGw.id,
    uid: vpnGw.uid,
    vpcId: vpc.id,
    vpcCidr: vpc.cidr,
    vpcAddress: vpnGw.vpcAddress,
    publicAddress: vpnGw.publicAddress,
  };
}
