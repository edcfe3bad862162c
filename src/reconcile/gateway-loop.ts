// The loop of one gateway: woken by a nudge, by charon, or by its own period. When a round takes place; what it does is
// gateway-rounds.ts's.
import { ControlError } from "../control/control.ts";
import type { ControlTrouble } from "./control-trouble.ts";
import { GatewayRounds, type RoundEnd } from "./gateway-rounds.ts";
import type { Holdings } from "./holdings.ts";
import type { LoopContext } from "./loop-context.ts";

/** What a loop shares with the others of its reconciler. */
export interface LoopShare {
  readonly holdings: Holdings;
  readonly trouble: ControlTrouble;
  readonly onGone: () => void;
}

/** One gateway's loop. It lives from the first nudge until the gateway has gone, or the server stops. */
export class GatewayLoop {
  readonly #id: number;
  readonly #context: LoopContext;
  readonly #share: LoopShare;
  readonly #rounds: GatewayRounds;
  #isNudged = false;
  #isStopped = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(id: number, context: LoopContext, share: LoopShare) {
    this.#id = id;
    this.#context = context;
    this.#share = share;
    this.#rounds = new GatewayRounds(id, context, share.holdings);
  }

  /** Says "look". */
  nudge(): void {
    if (this.#isStopped) return;
    this.#isNudged = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isNudged) this.nudge();
    });
  }

  /** The gateway is not this host's any more: whatever is known of it is out of date from now on. */
  forget(): void {
    this.#rounds.forget();
    this.nudge();
  }

  /** Ends the loop; a round under way is finished. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isNudged && !this.#isStopped) {
      this.#isNudged = false;
      clearTimeout(this.#timer);
      const { isGone, lookAgainMs } = await this.#roundOrBackoff();
      // Nudged while it went: its number may have been given to a new gateway, where somebody began anew with an empty database.
      if (isGone && this.#isNudged) continue;
      if (isGone) {
        this.#isStopped = true;
        this.#share.onGone();
        return;
      }
      const delayMs = Math.max(0, lookAgainMs - this.#context.clock());
      if (!this.#isStopped) this.#timer = setTimeout(() => this.nudge(), delayMs).unref();
    }
  }

  async #roundOrBackoff(): Promise<RoundEnd> {
    const { clock, log, periodMs } = this.#context;
    try {
      const end = await this.#rounds.round();
      this.#share.trouble.settle(this.#id);
      if (end.lookAgainMs > clock() + periodMs) return { ...end, lookAgainMs: clock() + periodMs };
      return end;
    } catch (error) {
      if (error instanceof ControlError) this.#share.trouble.note(this.#id, error);
      else log.error({ gatewayId: this.#id, err: error }, "a round failed");
      return { isGone: false, lookAgainMs: clock() + this.#rounds.backOff() };
    }
  }
}
