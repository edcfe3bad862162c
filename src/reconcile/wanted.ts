// What one gateway should be by its rows, and the changes to its channels that wait for an answer.

import type { Db } from "../store/store.ts";
import { listChangedConns } from "../store/vpn-conns.ts";
import type { DesiredVpnConn, VpnConn, VpnGw } from "../vpn/entities.ts";
import { isOutrun } from "../vpn/volume.ts";
import { answerChange, type Change, failedStatus, isAnswered } from "./changes.ts";
import { connectionName, DesiredConns, isLeaving } from "./desired.ts";
import type { LoopContext } from "./loop-context.ts";
import type { DesiredGateway } from "./plan.ts";
import type { ConnOutcome } from "./record.ts";

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

  /** Reads the rows that changed. @param vpnGw as it is now */
  async read(db: Db, vpnGw: VpnGw): Promise<void> {
    if (vpnGw.generation <= this.#seenGeneration) return;
    for (const row of await listChangedConns(db, vpnGw.id, this.#seenGeneration)) {
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

  /** What becomes of changes to these channels, now that the gateway could not carry them out for too long. */
  fail(connIds: ReadonlySet<number>, failure: string): ConnOutcome[] {
    return [...this.#unanswered.values()]
      .filter(({ conn }) => connIds.has(conn.id))
      .map(({ conn: { id: connId, generation, status } }) => {
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
