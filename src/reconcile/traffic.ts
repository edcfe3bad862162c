// Writes down what flows through one gateway's channels, from what the rounds of its loop observe. It asks charon nothing itself.
import type { ActualGateway } from "../dataplane/dataplane.ts";
import type { Store } from "../store/store.ts";
import { addTraffic, deleteSaCounter, listSaCounters, saveSaCounter } from "../store/traffic.ts";
import { type SaCounter, spread, type TrafficSlot } from "../vpn/traffic.ts";
import { type Flow, Meter } from "./meter.ts";

/** How many slots share a transaction, about. More would hold up other writes for longer: a slot takes some 15 µs. */
const slotsAtOnce = 200;

/** A flow with the slots that it is spread over. */
interface Spread {
  readonly flow: Flow;
  readonly slots: readonly TrafficSlot[];
}

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
    for (const part of divide(flows)) await this.#record(this.#meter, part);
    if (listed !== undefined) await this.#forget(this.#meter.forget(listed));
  }

  async #record(meter: Meter, part: readonly Spread[]): Promise<void> {
    const moved = part.filter(({ slots }) => slots.length > 0);
    if (moved.length > 0) {
      await this.#store.transaction(async (db) => {
        for (const { flow, slots } of moved) {
          for (const slot of slots) await addTraffic(db, flow.counter.connId, slot);
          await saveSaCounter(db, flow.counter);
        }
      }, "later");
    }
    meter.accept(part.map(({ flow }) => flow));
  }

  async #forget(gone: readonly SaCounter[]): Promise<void> {
    if (gone.length === 0) return;
    await this.#store.transaction(async (db) => {
      for (const counter of gone) await deleteSaCounter(db, counter);
    }, "later");
  }
}

/** Parts of flows, each for a transaction of its own. After a long time without a server one CHILD_SA may have hundreds of slots. */
function* divide(flows: readonly Flow[]): Generator<Spread[]> {
  let part: Spread[] = [];
  let count = 0;
  for (const flow of flows) {
    const slots = spread(flow, flow);
    part.push({ flow, slots });
    count += slots.length;
    if (count < slotsAtOnce) continue;
    yield part;
    [part, count] = [[], 0];
  }
  if (part.length > 0) yield part;
}
