// The simulated data plane with a hand on it: steps wait while it is held, and fail when it is told to.
import type { GatewaySpec, Step } from "../../src/dataplane/dataplane.ts";
import { SimulatedDataplane } from "../../src/dataplane/simulated.ts";

export class HeldDataplane extends SimulatedDataplane {
  #held: PromiseWithResolvers<void> | undefined;
  #failureOf: (step: Step) => Error | undefined = () => undefined;

  /** From now on no step is carried out. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** From now on steps fail with what `failureOf` gives. */
  fail(failureOf: (step: Step) => Error | undefined): void {
    this.#failureOf = failureOf;
  }

  override async apply(gateway: GatewaySpec, step: Step): Promise<void> {
    await this.#held?.promise;
    const failure = this.#failureOf(step);
    if (failure !== undefined) throw failure;
    return super.apply(gateway, step);
  }
}
