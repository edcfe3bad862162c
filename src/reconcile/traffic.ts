// Reports what flows through one gateway's channels, from what the rounds of its loop observe. It asks charon nothing itself.
import type { Control } from "../control/control.ts";
import type { ActualGateway } from "../dataplane/dataplane.ts";
import { type SaCounter, spread } from "../vpn/traffic.ts";
import { type Flow, Meter } from "./meter.ts";

/** How many slots share a report, about. More would hold up other writes for longer: a slot takes some 15 µs. */
const slotsAtOnce = 200;

export class TrafficWatch {
  readonly #gatewayId: number;
  readonly #control: Control;
  readonly #restMs: number;
  readonly #meter: Meter;
  #dueMs = 0;

  /**
   * @param counters as they were reported last, by whoever did
   * @param periodMs how often the loop looks without a cause. The counters of what it lists then are taken, and else not before half
   * of it has passed; so they are taken once or twice a period. Those of an SA that ends are taken at once.
   */
  constructor(gatewayId: number, control: Control, counters: readonly SaCounter[], periodMs: number) {
    this.#gatewayId = gatewayId;
    this.#control = control;
    this.#meter = new Meter(counters);
    this.#restMs = periodMs / 2;
  }

  /** Takes the counters of what a round observed, if they are due, and of what has ended. @param connIdOf the channel of a child */
  async look(actual: ActualGateway, connIdOf: (child: string) => number | undefined, nowMs: number): Promise<void> {
    const isDue = nowMs >= this.#dueMs;
    if (isDue) this.#dueMs = nowMs + this.#restMs;
    // While charon does not answer its SAs may live: none of them is forgotten.
    const listed = isDue && actual.isRunning ? actual.ikeSas.flatMap(({ children }) => children) : undefined;
    if (listed === undefined && actual.ended.length === 0) return;
    const flows = this.#meter.read([...actual.ended, ...(listed ?? [])], connIdOf, nowMs);
    for (const part of divide(flows)) await this.#report(part);
    if (listed !== undefined) await this.#forget(this.#meter.forget(listed));
  }

  async #report(part: readonly Flow[]): Promise<void> {
    const moved = part.filter(({ bytesIn, bytesOut }) => bytesIn > 0 || bytesOut > 0);
    const counted = moved.map(({ counter, fromMs }) => ({ counter, fromMs }));
    if (counted.length > 0) await this.#control.addTraffic(this.#gatewayId, counted);
    this.#meter.accept(part);
  }

  async #forget(gone: readonly SaCounter[]): Promise<void> {
    if (gone.length > 0) await this.#control.forgetCounters(this.#gatewayId, gone);
  }
}

/** Parts of flows, each for a report of its own. After a long time without a server one CHILD_SA may have hundreds of slots. */
function* divide(flows: readonly Flow[]): Generator<Flow[]> {
  let part: Flow[] = [];
  let count = 0;
  for (const flow of flows) {
    part.push(flow);
    count += spread(flow, flow).length;
    if (count < slotsAtOnce) continue;
    yield part;
    [part, count] = [[], 0];
  }
  if (part.length > 0) yield part;
}
