// All the loops: one per gateway, made when it is first looked at, for what this host holds and for what is on the machine and is not held.
import type { Leases } from "../control/control.ts";
import { ControlTrouble } from "./control-trouble.ts";
import { GatewayLoop } from "./gateway-loop.ts";
import { Holdings } from "./holdings.ts";
import type { LoopContext } from "./loop-context.ts";

/** The reconciler of one host. */
export class Reconciler {
  readonly #context: LoopContext;
  readonly #holdings = new Holdings();
  readonly #trouble: ControlTrouble;
  readonly #loops = new Map<number, GatewayLoop>();
  /** What was on the machine at the start, until it is known what of it is held. */
  #found: readonly number[] = [];
  #isStopped = false;

  constructor(context: LoopContext) {
    this.#context = context;
    this.#trouble = new ControlTrouble(context);
  }

  /** Finds what is on the machine, and touches none of it before `hold`. @throws DataplaneError when this machine cannot run gateways */
  async start(): Promise<void> {
    const { dataplane } = this.#context;
    await dataplane.start();
    dataplane.onChange((gatewayId) => this.nudge(gatewayId));
    this.#found = await dataplane.listGatewayIds();
  }

  /**
   * Says what this host may run. What it holds is run, what is leaving is taken off the machine and released, and what it holds no more,
   * or never did, is taken off once control says that it is not this host's. Without any, when the term of the last leases is over: what
   * is held again later is begun anew, since another host may have run it meanwhile.
   */
  hold(leases: Leases): void {
    if (this.#isStopped) return;
    const { changed, lost } = this.#holdings.take(leases);
    const found = this.#found;
    this.#found = [];
    for (const id of lost) this.#loops.get(id)?.forget();
    // A loop ends when control says that its gateway is not this host's, which may have changed since.
    const unseen = leases.gatewayIds.filter((id) => !this.#loops.has(id));
    for (const id of new Set([...changed, ...unseen, ...found])) this.#look(id);
  }

  /** Says "look at this gateway". */
  nudge(gatewayId: number): void {
    if (this.#loops.has(gatewayId) || this.#holdings.standingOf(gatewayId) === "held") this.#look(gatewayId);
  }

  /** Ends the loops; the gateways live on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()));
    await this.#context.dataplane.close();
  }

  #look(gatewayId: number): void {
    if (this.#isStopped) return;
    let loop = this.#loops.get(gatewayId);
    if (loop === undefined) {
      const onGone = () => this.#loops.delete(gatewayId);
      loop = new GatewayLoop(gatewayId, this.#context, { holdings: this.#holdings, trouble: this.#trouble, onGone });
      this.#loops.set(gatewayId, loop);
    }
    loop.nudge();
  }
}
