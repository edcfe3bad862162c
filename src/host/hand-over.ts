// The last seconds of a host that is about to stop: others take its gateways, and it waits for that, but not for ever. Only the waiting is
// here (docs/decisions/0117-a-stop-hands-over.md).
import type { Leases } from "../control/control.ts";

/** So long after the last change nothing more is expected: others have no room for what is left, or nobody answers. */
const quietMs = 10_000;

export class HandOver {
  /** Resolves when there is nothing more to wait for. */
  readonly ended: Promise<void>;
  readonly #end: () => void;
  readonly #quiet: NodeJS.Timeout;
  readonly #patience: NodeJS.Timeout;
  /** What was held at the last answer. */
  #held = "";

  /** @param patienceMs longest wait */
  constructor(patienceMs: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = () => {
      clearTimeout(this.#quiet);
      clearTimeout(this.#patience);
      resolve();
    };
    this.#quiet = setTimeout(this.#end, quietMs);
    this.#patience = setTimeout(this.#end, patienceMs);
  }

  /** Takes in what a renewal gave. One that did not say yet that the host stops, or was not answered, says nothing. */
  note({ gatewayIds, leavingIds, mayEnd }: Leases): void {
    if (mayEnd === undefined) return;
    const held = [gatewayIds, leavingIds].join(" ");
    if (held !== this.#held) this.#quiet.refresh();
    this.#held = held;
    if (mayEnd) this.#end();
  }
}
