// The host whose control is the store itself, and who has every gateway for good: loops over a data plane, and the database's housekeeping.
import { DirectControl } from "../control/direct/direct-control.ts";
import { EternalLeases } from "../control/direct/eternal-leases.ts";
import { Housekeeping } from "../control/direct/housekeeping.ts";
import type { LoopContext } from "../reconcile/loop-context.ts";
import { Reconciler } from "../reconcile/reconciler.ts";
import type { Store } from "../store/store.ts";

export interface DirectHostOptions extends Omit<LoopContext, "control" | "onNotHeld"> {
  readonly store: Store;
  /** How long what has flowed is remembered. */
  readonly keepTrafficMs: number;
}

export class DirectHost {
  readonly #control: DirectControl;
  readonly #reconciler: Reconciler;
  readonly #housekeeping: Housekeeping;

  constructor({ store, keepTrafficMs, ...context }: DirectHostOptions) {
    const { clock, log } = context;
    this.#control = new DirectControl({ store, clock, leases: new EternalLeases(store) });
    this.#reconciler = new Reconciler({ ...context, control: this.#control });
    this.#housekeeping = new Housekeeping({ store, clock, log, keepTrafficMs });
  }

  /** Looks at every gateway that there is or should be. @throws DataplaneError when this machine cannot run gateways */
  async start(): Promise<void> {
    await this.#reconciler.start();
    await this.#housekeeping.start();
    // Last: with many gateways their first rounds take all the time there is, and nobody who waits for the start waits for them.
    this.#reconciler.hold(await this.#control.renew());
  }

  /** Says "look at this gateway". */
  nudge(vpnGwId: number): void {
    this.#reconciler.nudge(vpnGwId);
  }

  /** Ends the loops; the gateways live on, and the store stays open. */
  async stop(): Promise<void> {
    await this.#housekeeping.stop();
    await this.#reconciler.stop();
  }
}
