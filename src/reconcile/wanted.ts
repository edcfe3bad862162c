// What one gateway should be by what control says, and the changes to its channels that wait for an answer.
import type { ConnOutcome, GatewayRead } from "../control/control.ts";
import type { DesiredVpnConn, VpnConn, VpnGw } from "../vpn/entities.ts";
import { failedStatus } from "../vpn/status.ts";
import { isOutrun } from "../vpn/volume.ts";
import { answerChange, type Change, isAnswered } from "./changes.ts";
import { connectionName, DesiredConns, isLeaving } from "./desired.ts";
import type { LoopContext } from "./loop-context.ts";
import type { DesiredGateway } from "./plan.ts";

export class Wanted {
  readonly conns: DesiredConns;
  readonly #context: LoopContext;
  /** Latest changes that have not been answered yet, by channel. */
  readonly #unanswered = new Map<number, Change>();
  readonly #onMoved: (child: string) => void;
  #seenGeneration = 0;

  /** @param onMoved called with each child that goes to another connection */
  constructor(context: LoopContext, publicAddress: string, onMoved: (child: string) => void) {
    this.#context = context;
    this.conns = new DesiredConns(publicAddress);
    this.#onMoved = onMoved;
  }

  /** Channels that have changed since are what is to be read. */
  get seenGeneration(): number {
    return this.#seenGeneration;
  }

  /** Takes what has changed after `seenGeneration`. */
  async take({ vpnGw, changed }: GatewayRead): Promise<void> {
    for (const row of changed) {
      const { conn, fallback } = row;
      const refusal = isLeaving(conn) ? undefined : await this.#context.dataplane.findRefusal(conn.ike, conn.ipsec);
      if (!isLeaving(conn)) this.#warnOfVolume(conn, vpnGw);
      if (refusal === undefined) this.#take(row);
      else this.#refuse(row);
      if (refusal !== undefined || !isAnswered(conn.status)) {
        this.#unanswered.set(conn.id, { conn, connectionName: connectionName(row), fallback, refusal });
      }
    }
    this.#seenGeneration = vpnGw.generation;
  }

  /** All channels are to be read anew: whether what was reported of them last has been recorded is not known. */
  doubt(): void {
    this.#seenGeneration = 0;
    this.#unanswered.clear();
  }

  gateway(vpcCidr: string): DesiredGateway {
    return { localNetworks: this.conns.localNetworks().add(vpcCidr), connections: this.conns.connections() };
  }

  /**
   * Modifications on a connection that charon has refused: their channels are desired again as they were before. Loading comes before
   * ending, so nothing of the old has been touched yet. @returns whether there were any
   */
  goBack(connection: string, refusal: string): boolean {
    let isAny = false;
    for (const change of this.#unanswered.values()) {
      if (change.conn.status !== "modifying" || change.connectionName !== connection) continue;
      if (change.refusal === undefined && this.#fallBack(change)) isAny = true;
      this.#unanswered.set(change.conn.id, { ...change, refusal });
    }
    return isAny;
  }

  /** What came of every change that waits for an answer, now that all steps are done. */
  answer(refused: ReadonlyMap<string, string>): ConnOutcome[] {
    return [...this.#unanswered.values()].flatMap((change) => answerChange(change, refused) ?? []);
  }

  /** What becomes of every change that waits for an answer if the gateway could not carry it out for too long. */
  fail(failure: string): ConnOutcome[] {
    return [...this.#unanswered.values()].map(({ conn: { id: connId, generation, status } }) => {
      return { connId, generation, status: failedStatus(status), failure };
    });
  }

  /** Remembers what has been recorded. */
  settle(outcomes: readonly ConnOutcome[]): void {
    for (const { connId, status, failure } of outcomes) {
      const change = this.#unanswered.get(connId);
      if (status === "modify-failed" && change !== undefined) this.#fallBack(change);
      if (status === undefined || change === undefined || isAnswered(status)) this.#unanswered.delete(connId);
      else this.#unanswered.set(connId, { ...change, conn: { ...change.conn, status, failure } });
    }
  }

  /** Channels that this machine cannot carry. */
  refused(): number[] {
    const changes = [...this.#unanswered.values()].filter(({ refusal }) => refusal !== undefined);
    return changes.map(({ conn }) => conn.id).filter((connId) => this.conns.get(connId) === undefined);
  }

  #warnOfVolume({ uid, ipsec: { lifetimeKilobytes } }: VpnConn, { bandwidthMbps }: VpnGw): void {
    if (!isOutrun(lifetimeKilobytes, bandwidthMbps)) return;
    const fields = { conn: uid, lifetimeKilobytes, bandwidthMbps };
    this.#context.log.warn(fields, "at its gateway's bandwidth this volume lifetime is used up in less than 5 s");
  }

  /** A channel that this machine cannot carry is not desired; one that was to become such stays as it was. */
  #refuse({ conn, fallback }: DesiredVpnConn): void {
    if (conn.status === "modifying" && fallback !== undefined) this.#take(fallback);
    else this.conns.drop(conn.id);
  }

  #fallBack({ fallback }: Change): boolean {
    if (fallback === undefined) return false;
    this.#take(fallback);
    return true;
  }

  /** A child that goes to another connection is tried there at once, however young it is. */
  #take(row: DesiredVpnConn): void {
    const before = this.conns.get(row.conn.id)?.connectionName;
    this.conns.take(row);
    const held = this.conns.get(row.conn.id);
    if (held?.connectionName === before) return;
    for (const { name } of held?.children ?? []) this.#onMoved(name);
  }
}
