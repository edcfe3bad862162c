// A host among others: what it runs it has a lease for, which it keeps by asking again and again. Over whatever control it is given: the
// API over HTTPS, or the store itself.
import type { Control, Hint, Leases, Nudged } from "../control/control.ts";
import type { LoopContext } from "../reconcile/loop-context.ts";
import { Reconciler } from "../reconcile/reconciler.ts";
import { HandOver } from "./hand-over.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { type Listener, tell } from "./listener.ts";

export type LeasedHostOptions = Omit<LoopContext, "onNotHeld">;

export class LeasedHost implements Listener {
  readonly #control: Control;
  readonly #log: LoopContext["log"];
  readonly #reconciler: Reconciler;
  readonly #keeper: LeaseKeeper;
  readonly #stopping = new AbortController();
  #watching: Promise<void> | undefined;
  #held: readonly number[] | undefined;
  #handOver: HandOver | undefined;

  constructor(context: LeasedHostOptions) {
    const { control, dataplane, log } = context;
    this.#control = control;
    this.#log = log;
    this.#reconciler = new Reconciler({ ...context, onNotHeld: () => this.#keeper.renewNow() });
    this.#keeper = new LeaseKeeper({
      control,
      permit: (gatewayIds, forMs) => dataplane.permit(gatewayIds, forMs),
      hold: (leases) => this.#hold(leases),
      log,
    });
  }

  /** What it was told to run, as of the last leases; undefined: nobody has answered yet. */
  get held(): readonly number[] | undefined {
    return this.#held;
  }

  /** Whether the last renewal was answered, and its term lasts. */
  get isRenewed(): boolean {
    return this.#keeper.isRenewed;
  }

  /**
   * Finds what is on the machine, and asks what of it this host may run. When nobody answers it goes on to ask.
   * @throws DataplaneError when this machine cannot run gateways
   */
  async start(): Promise<void> {
    await this.#reconciler.start();
    await this.#keeper.start();
    const onNudge = (nudged: Nudged) => tell(this, nudged);
    this.#watching = this.#control.watch(onNudge, this.#stopping.signal).catch((error: unknown) => {
      this.#log.error({ err: error }, "the watch has ended; gateways are looked at now and then");
    });
  }

  /** Says "look at this gateway". */
  nudge(vpnGwId: number): void {
    this.#reconciler.nudge(vpnGwId);
  }

  hear(hint: Hint): void {
    if (hint === "leases") this.#keeper.renewNow();
    else for (const id of this.#held ?? []) this.nudge(id);
  }

  /**
   * Others are to have its gateways, and it runs what is left until they do, nobody can, or so many milliseconds have passed. Nothing is
   * granted to it any more; `stop` comes next. @param patienceMs 0: it keeps them
   */
  async handOver(patienceMs: number): Promise<void> {
    const gateways = this.#held?.length ?? 0;
    if (patienceMs === 0 || gateways === 0) return;
    this.#log.info({ gateways }, "about to stop: others are to have the gateways of this host");
    this.#handOver = new HandOver(patienceMs);
    this.#keeper.announceStop();
    await this.#handOver.ended;
    this.#log.info({ gateways: this.#held?.length }, "the hand-over has ended; these are left");
  }

  /** Ends the loops. The gateways live on for as long as their leases last. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    await this.#keeper.stop();
    await this.#reconciler.stop();
  }

  #hold(leases: Leases): void {
    this.#held = [...leases.gatewayIds, ...leases.leavingIds];
    this.#reconciler.hold(leases);
    this.#handOver?.note(leases);
  }
}
