// Writes down what flows through one gateway's channels, from what the rounds of its loop observe. It asks charon nothing itself.
import type { ActualGateway } from "../dataplane/dataplane.ts";
import type { Store } from "../store/store.ts";
import { addTraffic, deleteSaCounter, listSaCounters, type SaCounter, saveSaCounter } from "../store/traffic.ts";
import { spread } from "../vpn/traffic.ts";
import { type Flow, Meter } from "./meter.ts";

/** How many CHILD_SAs share a transaction. More would hold up the others for longer. */
const flowsAtOnce = 100;

export class TrafficWatch {
  readonly #gatewayId: number;
  readonly #store: Store;
  readonly #restMs: number;
  #meter: Meter | undefined;
  #dueMs = 0;

  /**
   * @param periodMs how often the loop looks without a cause. The counters of what it lists then are taken, and else not before half
   * of it has passed; so they are taken once or twice a period. Those of an SA that ends are taken at once.
   */
  constructor(gatewayId: number, store: Store, periodMs: number) {
    this.#gatewayId = gatewayId;
    this.#store = store;
    this.#restMs = periodMs / 2;
  }

  /** Takes the counters of what a round observed, if they are due, and of what has ended. @param connIdOf the channel of a child */
  async look(actual: ActualGateway, connIdOf: (child: string) => number | undefined, nowMs: number): Promise<void> {
    const isDue = nowMs >= this.#dueMs;
    if (isDue) this.#dueMs = nowMs + this.#restMs;
    // While charon does not answer its SAs may live: none of them is forgotten.
    const listed = isDue && actual.isRunning ? actual.ikeSas.flatMap(({ children }) => children) : undefined;
    if (listed === undefined && actual.ended.length === 0) return;
    this.#meter ??= new Meter(await listSaCounters(this.#store.db, this.#gatewayId));
    const flows = this.#meter.read([...actual.ended, ...(listed ?? [])], connIdOf, nowMs);
    for (let start = 0; start < flows.length; start += flowsAtOnce) {
      await this.#record(this.#meter, flows.slice(start, start + flowsAtOnce));
    }
    if (listed !== undefined) await this.#forget(this.#meter.forget(listed));
  }

  async #record(meter: Meter, flows: readonly Flow[]): Promise<void> {
    const moved = flows.filter(({ bytesIn, bytesOut }) => bytesIn > 0 || bytesOut > 0);
    if (moved.length > 0) {
      await this.#store.transaction(async (db) => {
        for (const flow of moved) {
          for (const slot of spread(flow, flow)) await addTraffic(db, flow.counter.connId, slot);
          await saveSaCounter(db, flow.counter);
        }
      }, "later");
    }
    meter.accept(flows);
  }

  async #forget(gone: readonly SaCounter[]): Promise<void> {
    if (gone.length === 0) return;
    await this.#store.transaction(async (db) => {
      for (const counter of gone) await deleteSaCounter(db, counter);
    }, "later");
  }
}
