// What control does not do for the loops, in the log: once, and not for every gateway and every try.
import type { ControlError } from "../control/control.ts";
import type { LoopContext } from "./loop-context.ts";

export class ControlTrouble {
  readonly #context: LoopContext;
  readonly #notHeld = new Set<number>();
  #isAway = false;

  constructor(context: LoopContext) {
    this.#context = context;
  }

  /** A round could not be begun, or not be reported. */
  note(gatewayId: number, { kind, message: reason }: ControlError): void {
    const { log, onNotHeld } = this.#context;
    if (kind === "not-held") {
      if (!this.#notHeld.has(gatewayId)) log.warn({ gatewayId, reason }, "a gateway is not this host's any more");
      this.#notHeld.add(gatewayId);
      onNotHeld?.();
      return;
    }
    if (!this.#isAway) log.warn({ reason }, "control does not answer; the gateways stay as they are until it does");
    this.#isAway = true;
  }

  /** A round came to its end. */
  settle(gatewayId: number): void {
    this.#notHeld.delete(gatewayId);
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#context.log.info({}, "control answers again");
  }
}
