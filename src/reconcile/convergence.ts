// One gateway's channels from round to round: what is applied for them, and what is recorded of them, in a good round and in one that
// fails.
import {
  ControlError,
  type DiagnosisChanges,
  type GatewayMemory,
  type GatewayRead,
  type RoundOutcome,
} from "../control/control.ts";
import { type ActualGateway, type ChildSa, DataplaneError, type GatewaySpec } from "../dataplane/dataplane.ts";
import type { VpnGw } from "../vpn/entities.ts";
import type { NetStatus } from "../vpn/status.ts";
import { type Applied, Applying } from "./applying.ts";
import { Attempts } from "./attempts.ts";
import { ChannelDiagnoses } from "./channel-diagnoses.ts";
import { byConnection, fitOf } from "./fit.ts";
import { type Cure, Flows } from "./flows.ts";
import { Knocks } from "./knocks.ts";
import type { LoopContext } from "./loop-context.ts";
import { type Fits, NetStatuses } from "./net-statuses.ts";
import type { DesiredGateway } from "./plan.ts";
import { TrafficWatch } from "./traffic.ts";
import { Wanted } from "./wanted.ts";
import { warningsOf } from "./warnings.ts";

const defaultOneWayMs = 60_000;

/** Steps that did not come to their end, and what was seen before. */
export interface Broken {
  readonly error: unknown;
  readonly actual: ActualGateway;
}

/** What is recorded of the channels. */
interface Recorded {
  readonly netStatuses: NetStatuses;
  readonly diagnoses: ChannelDiagnoses;
  readonly traffic: TrafficWatch;
}

export class Convergence {
  readonly #context: LoopContext;
  readonly #attempts = new Attempts();
  readonly #wanted: Wanted;
  readonly #applying: Applying;
  readonly #knocks = new Knocks();
  readonly #flows: Flows;
  /** Read at the first round, and anew when it is in doubt. */
  #recorded: Recorded | undefined;
  /** CHILD_SAs that have ended, which is told once, and whose traffic has not been reported yet. */
  readonly #uncounted: ChildSa[] = [];
  /** Generation that has been recorded as taken. */
  #observedGeneration = 0;

  constructor(context: LoopContext, publicAddress: string) {
    this.#context = context;
    this.#wanted = new Wanted(context, publicAddress, (child) => this.#attempts.forget(child));
    this.#applying = new Applying(context, this.#wanted, this.#attempts);
    this.#flows = new Flows(context.oneWayMs ?? defaultOneWayMs);
  }

  /** Channels that have changed since are what is to be read. */
  get seenGeneration(): number {
    return this.#wanted.seenGeneration;
  }

  /** Takes what has changed after `seenGeneration`. @throws ControlError */
  async take(read: GatewayRead): Promise<void> {
    const { id } = read.vpnGw;
    this.#recorded ??= this.#recall(id, await this.#context.control.readMemory(id));
    await this.#wanted.take(read);
  }

  #recall(gatewayId: number, { netStatuses, diagnoses, saCounters }: GatewayMemory): Recorded {
    const { control, periodMs } = this.#context;
    return {
      netStatuses: new NetStatuses(netStatuses),
      diagnoses: new ChannelDiagnoses(diagnoses),
      traffic: new TrafficWatch(gatewayId, control, saCounters, periodMs),
    };
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

  /**
   * @returns when there will be more to record, in milliseconds since 1970; undefined: not before something happens
   * @throws ControlError
   */
  record(vpnGw: VpnGw, { actual, refused }: Applied): Promise<number | undefined> {
    return this.#report(actual, (recorded) => this.#recordRound(recorded, vpnGw, actual, refused));
  }

  async #recordRound(
    recorded: Recorded,
    vpnGw: VpnGw,
    actual: ActualGateway,
    refused: ReadonlyMap<string, string>,
  ): Promise<number | undefined> {
    const conns = this.#wanted.answer(refused);
    const gatewayStatus = vpnGw.status === "running" ? undefined : ({ status: "running", failure: undefined } as const);
    const isNew = refused.size === 0 && vpnGw.generation > this.#observedGeneration;
    const observedGeneration = isNew ? vpnGw.generation : undefined;
    await this.#record(recorded, vpnGw, { gatewayStatus, observedGeneration, conns }, actual, undefined);
    this.#observedGeneration = observedGeneration ?? this.#observedGeneration;
    await this.#countTraffic(recorded, actual);
    return this.#knocks.dueMs(actual.unknownPeers);
  }

  /**
   * The gateway cannot run, or cannot be removed.
   * @param actual what was seen before it failed; undefined when nothing could be seen
   * @returns when the next task will have waited long enough, in milliseconds since 1970
   * @throws ControlError
   */
  recordFailure(vpnGw: VpnGw, error: unknown, actual: ActualGateway | undefined): Promise<number | undefined> {
    const failure = error instanceof DataplaneError ? error.message : "an internal failure; see the log";
    this.#context.log.error({ gateway: vpnGw.uid, err: error }, "the gateway cannot run");
    return this.#report(actual, (recorded) => this.#recordFailure(recorded, vpnGw, failure, actual));
  }

  async #recordFailure(
    recorded: Recorded,
    vpnGw: VpnGw,
    failure: string,
    actual: ActualGateway | undefined,
  ): Promise<number | undefined> {
    const { control, clock } = this.#context;
    if (actual !== undefined) await this.#countTraffic(recorded, actual);
    // Where no charon runs, a channel on its way out has gone already.
    const isDown = actual !== undefined && !actual.isRunning;
    const gone = isDown ? this.#wanted.answer(new Map()).filter(({ status }) => status === undefined) : [];
    const outcome = { gatewayStatus: undefined, observedGeneration: undefined, conns: gone };
    await this.#record(recorded, vpnGw, outcome, actual ?? noSas, failure);

    const answers = this.#wanted.fail(failure);
    const { failedConnIds, nextTaskInMs } = await control.recordFailure(vpnGw, failure, answers);
    const failed = new Set(failedConnIds);
    this.#wanted.settle(answers.filter(({ connId }) => failed.has(connId)));
    return nextTaskInMs === undefined ? undefined : clock() + nextTaskInMs;
  }

  /** Control may have recorded what it gave no answer to: then it is asked for what is recorded. */
  async #report<T>(actual: ActualGateway | undefined, work: (recorded: Recorded) => Promise<T>): Promise<T> {
    if (this.#recorded === undefined) throw new TypeError("a round begins by taking what is desired");
    if (actual !== undefined) this.#uncounted.push(...actual.ended);
    try {
      return await work(this.#recorded);
    } catch (error) {
      if (error instanceof ControlError) {
        this.#recorded = undefined;
        this.#wanted.doubt();
      }
      throw error;
    }
  }

  /** @param failure why the gateway cannot run; undefined: it runs */
  async #record(
    recorded: Recorded,
    vpnGw: VpnGw,
    known: Pick<RoundOutcome, "gatewayStatus" | "observedGeneration" | "conns">,
    actual: ActualGateway,
    failure: string | undefined,
  ): Promise<void> {
    const { control, clock } = this.#context;
    const { conns } = this.#wanted;
    const fits = this.#fits(actual);
    this.#attempts.review(fits, (child) => conns.ownerOf(child)?.connectionName, clock());
    const netStatuses = recorded.netStatuses.changes(fits, conns, this.#wanted.refused());
    this.#logChanges(netStatuses);
    const diagnoses = this.#diagnoseChannels(recorded, fits, actual, failure);
    const isKnocked = (this.#knocks.dueMs(actual.unknownPeers) ?? Number.POSITIVE_INFINITY) <= clock();
    const unknownPeers = isKnocked ? actual.unknownPeers : undefined;
    const outcome = { ...known, netStatuses, diagnoses, unknownPeers };
    if (hasNews(outcome)) await control.recordRound(vpnGw, outcome);
    this.#wanted.settle(known.conns);
    const gone = known.conns.flatMap(({ connId, status }) => (status === undefined ? [connId] : []));
    recorded.netStatuses.settle(fits, netStatuses, gone);
    recorded.diagnoses.settle(diagnoses, gone, clock());
    if (unknownPeers !== undefined) this.#knocks.settle(unknownPeers, clock());
  }

  #diagnoseChannels(
    { diagnoses }: Recorded,
    fits: Fits,
    actual: ActualGateway,
    failure: string | undefined,
  ): DiagnosisChanges {
    const { conns } = this.#wanted;
    const nowMs = this.#context.clock();
    if (failure !== undefined && !actual.isRunning) return diagnoses.changesOfStopped(failure, conns, nowMs);
    const warnings = warningsOf(this.#flows, conns, nowMs);
    return diagnoses.changes(fits, { troubles: actual.troubles, warnings }, conns, nowMs);
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

  async #countTraffic({ traffic }: Recorded, actual: ActualGateway): Promise<void> {
    const connIdOf = (child: string) => this.#wanted.conns.connIdOf(child);
    await traffic.look({ ...actual, ended: this.#uncounted }, connIdOf, this.#context.clock());
    this.#uncounted.length = 0;
  }
}

/** A generation that has been taken is worth a report only with what came of it. */
function hasNews({ gatewayStatus, conns, netStatuses, diagnoses, unknownPeers }: RoundOutcome): boolean {
  const isOfChannels = conns.length > 0 || netStatuses.size > 0 || diagnoses.size > 0;
  return gatewayStatus !== undefined || isOfChannels || unknownPeers !== undefined;
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
