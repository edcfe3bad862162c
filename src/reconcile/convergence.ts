// One gateway's channels from round to round: what is applied for them, and what is recorded of them, in a good round and in one that
// fails.
import { type ActualGateway, DataplaneError, type GatewaySpec } from "../dataplane/dataplane.ts";
import { findDiagnoses } from "../store/diagnoses.ts";
import { listNetStatuses } from "../store/vpn-conns.ts";
import type { VpnGw } from "../vpn/entities.ts";
import type { NetStatus } from "../vpn/status.ts";
import { type Applied, Applying } from "./applying.ts";
import { Attempts } from "./attempts.ts";
import { ChannelDiagnoses, type DiagnosisChanges } from "./channel-diagnoses.ts";
import { byConnection, fitOf } from "./fit.ts";
import { type Cure, Flows } from "./flows.ts";
import { Knocks } from "./knocks.ts";
import type { LoopContext } from "./loop-context.ts";
import { type Fits, NetStatuses } from "./net-statuses.ts";
import type { DesiredGateway } from "./plan.ts";
import { type RoundOutcome, recordGatewayFailure, recordRound } from "./record.ts";
import { TrafficWatch } from "./traffic.ts";
import { Wanted } from "./wanted.ts";
import { warningsOf } from "./warnings.ts";

const defaultOneWayMs = 60_000;

/** Steps that did not come to their end, and what was seen before. */
export interface Broken {
  readonly error: unknown;
  readonly actual: ActualGateway;
}

export class Convergence {
  readonly #context: LoopContext;
  readonly #attempts = new Attempts();
  readonly #wanted: Wanted;
  readonly #applying: Applying;
  readonly #netStatuses: NetStatuses;
  /** Begun with the first round, which reads the channels. */
  #diagnoses: ChannelDiagnoses | undefined;
  readonly #knocks = new Knocks();
  readonly #flows: Flows;
  readonly #traffic: TrafficWatch;
  /** Generation that has been recorded as taken. */
  #observedGeneration = 0;

  static async open(context: LoopContext, vpnGw: VpnGw): Promise<Convergence> {
    return new Convergence(context, vpnGw, await listNetStatuses(context.store.db, vpnGw.id));
  }

  private constructor(context: LoopContext, vpnGw: VpnGw, netStatuses: ReadonlyMap<number, NetStatus>) {
    this.#context = context;
    this.#wanted = new Wanted(context, vpnGw.publicAddress, (child) => this.#attempts.forget(child));
    this.#applying = new Applying(context, this.#wanted, this.#attempts);
    this.#netStatuses = new NetStatuses(netStatuses);
    this.#flows = new Flows(context.oneWayMs ?? defaultOneWayMs);
    this.#traffic = new TrafficWatch(vpnGw.id, context.store, context.periodMs);
  }

  /** Reads the rows that changed. */
  async read(vpnGw: VpnGw): Promise<void> {
    const { db } = this.#context.store;
    await this.#wanted.read(db, vpnGw);
    this.#diagnoses ??= new ChannelDiagnoses(await findDiagnoses(db, this.#wanted.conns.ids()));
  }

  /** charon has been started anew: nothing that was tried before says anything. @param before what was seen then */
  async lookAnew(gatewayId: number, before: ActualGateway): Promise<ActualGateway> {
    this.#attempts.clear();
    return await this.#applying.lookAgain(gatewayId, before);
  }

  async apply(gateway: GatewaySpec, seen: ActualGateway): Promise<Applied | Broken> {
    const refused = new Map<string, string>();
    let actual = seen;
    try {
      const loaded = await this.#applying.load(gateway, actual, refused);
      actual = loaded.actual;
      const initiated = await this.#applying.initiate(gateway, withoutRefused(loaded.desired, refused), actual);
      await this.#applying.renegotiate(gateway, this.#lookAtFlows(actual));
      return { actual, refused, ...initiated };
    } catch (error) {
      return { error, actual };
    }
  }

  /** @returns what is up and carries nothing in */
  #lookAtFlows({ ikeSas, ended }: ActualGateway): readonly Cure[] {
    const { conns } = this.#wanted;
    const limitOf = (child: string) => {
      const kilobytes = conns.ownerOf(child)?.conn.ipsec.lifetimeKilobytes;
      return kilobytes === undefined ? undefined : kilobytes * 1_000;
    };
    return this.#flows.look(ikeSas, ended, limitOf, this.#context.clock());
  }

  /** @returns when there will be more to record, in milliseconds since 1970; undefined: not before something happens */
  async record(vpnGw: VpnGw, { actual, refused }: Applied): Promise<number | undefined> {
    const conns = this.#wanted.answer(refused);
    const gatewayStatus = vpnGw.status === "running" ? undefined : ({ status: "running", failure: undefined } as const);
    const isNew = refused.size === 0 && vpnGw.generation > this.#observedGeneration;
    const observedGeneration = isNew ? vpnGw.generation : undefined;
    await this.#record(vpnGw, { gatewayStatus, observedGeneration, conns }, actual, undefined);
    this.#observedGeneration = observedGeneration ?? this.#observedGeneration;
    await this.#countTraffic(actual);
    return this.#knocks.dueMs(actual.unknownPeers);
  }

  /**
   * The gateway cannot run, or cannot be removed.
   * @param actual what was seen before it failed; undefined when nothing could be seen
   * @returns when the next task will have waited long enough, in milliseconds since 1970
   */
  async recordFailure(vpnGw: VpnGw, error: unknown, actual: ActualGateway | undefined): Promise<number | undefined> {
    const { store, clock, log } = this.#context;
    const failure = error instanceof DataplaneError ? error.message : "an internal failure; see the log";
    log.error({ gateway: vpnGw.uid, err: error }, "the gateway cannot run");
    if (actual !== undefined) await this.#countTraffic(actual);
    // Where no charon runs, a channel on its way out has gone already.
    const isDown = actual !== undefined && !actual.isRunning;
    const gone = isDown ? this.#wanted.answer(new Map()).filter(({ status }) => status === undefined) : [];
    const outcome = { gatewayStatus: undefined, observedGeneration: undefined, conns: gone };
    await this.#record(vpnGw, outcome, actual ?? noSas, failure);

    let failed: ReturnType<Wanted["fail"]> = [];
    const failOverdue = (overdue: ReadonlySet<number>) => {
      failed = this.#wanted.fail(overdue, failure);
      return failed;
    };
    const nextTaskMs = await recordGatewayFailure(store, vpnGw, failure, failOverdue, clock());
    this.#wanted.settle(failed);
    return nextTaskMs;
  }

  /** @param failure why the gateway cannot run; undefined: it runs */
  async #record(
    vpnGw: VpnGw,
    known: Pick<RoundOutcome, "gatewayStatus" | "observedGeneration" | "conns">,
    actual: ActualGateway,
    failure: string | undefined,
  ): Promise<void> {
    const { store, clock } = this.#context;
    const { conns } = this.#wanted;
    const fits = this.#fits(actual);
    this.#attempts.review(fits, (child) => conns.ownerOf(child)?.connectionName, clock());
    const netStatuses = this.#netStatuses.changes(fits, conns, this.#wanted.refused());
    this.#logChanges(netStatuses);
    const diagnoses = this.#diagnoseChannels(fits, actual, failure);
    const isKnocked = (this.#knocks.dueMs(actual.unknownPeers) ?? Number.POSITIVE_INFINITY) <= clock();
    const unknownPeers = isKnocked ? actual.unknownPeers : undefined;
    await recordRound(store, vpnGw, { ...known, netStatuses, diagnoses, unknownPeers }, clock());
    this.#wanted.settle(known.conns);
    const gone = known.conns.flatMap(({ connId, status }) => (status === undefined ? [connId] : []));
    this.#netStatuses.settle(fits, netStatuses, gone);
    this.#diagnoses?.settle(diagnoses, gone, clock());
    if (unknownPeers !== undefined) this.#knocks.settle(unknownPeers, clock());
  }

  #diagnoseChannels(fits: Fits, actual: ActualGateway, failure: string | undefined): DiagnosisChanges {
    const { conns } = this.#wanted;
    const nowMs = this.#context.clock();
    if (this.#diagnoses === undefined) return new Map();
    if (failure !== undefined && !actual.isRunning) return this.#diagnoses.changesOfStopped(failure, conns, nowMs);
    const warnings = warningsOf(this.#flows, conns, nowMs);
    return this.#diagnoses.changes(fits, { troubles: actual.troubles, warnings }, conns, nowMs);
  }

  #logChanges(netStatuses: ReadonlyMap<number, NetStatus>): void {
    for (const [connId, netStatus] of netStatuses) {
      this.#context.log.info({ conn: this.#wanted.conns.get(connId)?.conn.uid, netStatus }, "channel changed");
    }
  }

  /** How the SAs fit each connection. */
  #fits(actual: ActualGateway): Fits {
    const sasOf = byConnection(actual.ikeSas);
    const connections = [...this.#wanted.conns.connections()];
    return new Map(connections.map(([name, { spec }]) => [name, fitOf(spec, sasOf.get(name) ?? [])]));
  }

  #countTraffic(actual: ActualGateway): Promise<void> {
    return this.#traffic.look(actual, (child) => this.#wanted.conns.connIdOf(child), this.#context.clock());
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
  troubles: new Map(),
  unknownPeers: [],
};

function withoutRefused(desired: DesiredGateway, refused: ReadonlyMap<string, string>): DesiredGateway {
  if (refused.size === 0) return desired;
  const connections = [...desired.connections].filter(([name]) => !refused.has(name));
  return { ...desired, connections: new Map(connections) };
}
