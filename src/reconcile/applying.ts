// Plans carried out: one step after the other, none tried twice in a round.
import { type ActualGateway, DataplaneError, type GatewaySpec, type Step } from "../dataplane/dataplane.ts";
import type { Attempts } from "./attempts.ts";
import type { Cure } from "./flows.ts";
import type { LoopContext } from "./loop-context.ts";
import { type DesiredGateway, isLoading, planInitiations, planLoading, subjectOf } from "./plan.ts";
import type { Wanted } from "./wanted.ts";

/** What became of the steps of a round. */
export interface Applied {
  /** What was there before, as it was seen last. */
  readonly actual: ActualGateway;
  /** What charon said to what it refused, by connection name or by the channel's unified id. */
  readonly refused: ReadonlyMap<string, string>;
  /** When to look again if nothing wakes the loop before. */
  readonly lookAgainMs: number | undefined;
  /** What was loaded could not be initiated: what is known of this charon is wrong. */
  readonly isDoubtful: boolean;
}

/** The steps of one gateway's rounds. */
export class Applying {
  readonly #context: LoopContext;
  readonly #wanted: Wanted;
  readonly #attempts: Attempts;

  constructor(context: LoopContext, wanted: Wanted, attempts: Attempts) {
    this.#context = context;
    this.#wanted = wanted;
    this.#attempts = attempts;
  }

  /** What charon has said of SAs that ended is said once: it is not to be lost. */
  async lookAgain(gatewayId: number, { ended }: ActualGateway): Promise<ActualGateway> {
    const actual = await this.#context.dataplane.observe(gatewayId, false);
    return { ...actual, ended: [...ended, ...actual.ended] };
  }

  /**
   * Loads and ends what there is to load and to end.
   * @param refused what charon has refused in this round; more comes to it
   * @returns what was desired, and what was there before
   */
  async load(
    gateway: GatewaySpec,
    actual: ActualGateway,
    refused: Map<string, string>,
  ): Promise<{ readonly desired: DesiredGateway; readonly actual: ActualGateway }> {
    const desired = this.#wanted.gateway(gateway.vpcCidr);
    for (const step of planLoading(desired, actual)) {
      const subject = subjectOf(step);
      if (refused.has(subject) && isLoading(step)) continue;
      const failure = await this.#tryStep(gateway, step);
      if (failure === undefined) continue;
      refused.set(subject, failure);
      if (!this.#wanted.goBack(subject, failure)) continue;
      return this.load(gateway, await this.lookAgain(gateway.id, actual), refused);
    }
    return { desired, actual };
  }

  /** Begins what is due and waits for none of it. */
  async initiate(
    gateway: GatewaySpec,
    desired: DesiredGateway,
    actual: ActualGateway,
  ): Promise<Pick<Applied, "lookAgainMs" | "isDoubtful">> {
    const { clock } = this.#context;
    let isDoubtful = false;
    this.#attempts.see(actual.ikeSas, clock());
    const { steps, lookAgainMs } = planInitiations(desired, actual.ikeSas, this.#attempts, clock());
    for (const step of steps) {
      if (step.kind === "initiate-child") this.#attempts.start(step.child, clock());
      if ((await this.#tryStep(gateway, step)) !== undefined) isDoubtful = true;
    }
    return { lookAgainMs, isDoubtful };
  }

  /** New CHILD_SAs in the place of those that carry nothing in; what is on its way out goes on. */
  async renegotiate(gateway: GatewaySpec, cures: readonly Cure[]): Promise<void> {
    for (const { child, uniqueId } of cures) {
      this.#context.log.info({ gateway: gateway.uid, child }, "packets go out and none come in: negotiating anew");
      await this.#tryStep(gateway, { kind: "rekey-child-sa", uniqueId, child });
    }
  }

  /** One connection that charon refuses must not hold up the others. @returns what charon says to it */
  async #tryStep(gateway: GatewaySpec, step: Step): Promise<string | undefined> {
    try {
      await this.#context.dataplane.apply(gateway, step);
      return undefined;
    } catch (error) {
      if (!(error instanceof DataplaneError) || error.kind !== "connection") throw error;
      const fields = { gateway: gateway.uid, step: step.kind, subject: subjectOf(step), err: error };
      this.#context.log.warn(fields, "a step failed");
      return error.message;
    }
  }
}
