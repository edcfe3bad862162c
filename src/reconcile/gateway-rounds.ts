// The rounds of one gateway: each starts from desired and actual. A step is never retried inside a round; the next round is the retry,
// with backoff.
import { ControlError, type GatewayRead } from "../control/control.ts";
import type { ActualGateway, GatewaySpec } from "../dataplane/dataplane.ts";
import type { VpnGw } from "../vpn/entities.ts";
import { isLeavingGw } from "../vpn/status.ts";
import { Convergence } from "./convergence.ts";
import type { Holdings } from "./holdings.ts";
import type { LoopContext } from "./loop-context.ts";
import { planGateway, removal } from "./plan.ts";

const longestBackoffMs = 30_000;
const firstBackoffMs = 500;
const never = Number.POSITIVE_INFINITY;
const gone: RoundEnd = { isGone: true, lookAgainMs: 0 };

/** What a round left to do, and when. */
export interface RoundEnd {
  readonly isGone: boolean;
  readonly lookAgainMs: number;
}

export class GatewayRounds {
  readonly #id: number;
  readonly #context: LoopContext;
  readonly #holdings: Holdings;
  /** What is known of the gateway's channels, from the first round that is told of it. */
  #channels: Convergence | undefined;
  #isForgotten = false;
  #failures = 0;
  #thoroughAtMs = 0;

  constructor(id: number, context: LoopContext, holdings: Holdings) {
    this.#id = id;
    this.#context = context;
    this.#holdings = holdings;
  }

  /** @throws ControlError when nobody says what is desired, or what was found is not taken */
  async round(): Promise<RoundEnd> {
    if (this.#isForgotten) this.#beginAnew();
    const standing = this.#holdings.standingOf(this.#id);
    if (standing === "released") return gone;
    if (standing === "leaving") return this.#leave();
    const read = await this.#context.control.readGateway(this.#id, this.#channels?.seenGeneration ?? 0);
    if (read === undefined) return this.#removeOrphan();
    // It was given to this host after the host asked what it may run: it may once it has asked again.
    if (standing === "none") return { isGone: false, lookAgainMs: never };
    const { vpnGw } = read;
    const gateway = specOf(read);
    this.#channels ??= new Convergence(this.#context, vpnGw.publicAddress);
    await this.#channels.take(read);
    return isLeavingGw(vpnGw.status)
      ? this.#remove(this.#channels, vpnGw, gateway)
      : this.#keep(this.#channels, vpnGw, gateway);
  }

  /** The next round begins as if it were the first. */
  forget(): void {
    this.#isForgotten = true;
  }

  #beginAnew(): void {
    this.#isForgotten = false;
    this.#channels = undefined;
    this.#failures = 0;
    this.#thoroughAtMs = 0;
  }

  /** One more round has failed, and the next looks thoroughly. @returns how long to wait for it, in milliseconds */
  backOff(): number {
    const delayMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#thoroughAtMs = 0;
    return delayMs;
  }

  async #keep(channels: Convergence, vpnGw: VpnGw, gateway: GatewaySpec): Promise<RoundEnd> {
    const { clock, periodMs } = this.#context;
    const isThorough = clock() >= this.#thoroughAtMs;
    let actual: ActualGateway | undefined;
    try {
      actual = await this.#context.dataplane.observe(this.#id, isThorough);
      if (await this.#make(gateway, actual)) actual = await channels.lookAnew(this.#id, actual);
    } catch (error) {
      return this.#fail(channels, vpnGw, error, actual);
    }
    if (isThorough) this.#thoroughAtMs = clock() + periodMs;
    const applied = await channels.apply(gateway, actual);
    if ("error" in applied) return this.#fail(channels, vpnGw, applied.error, applied.actual);
    if (applied.isDoubtful) this.#thoroughAtMs = 0;
    const recordMs = await channels.record(vpnGw, applied);
    const { refused, lookAgainMs = never } = applied;
    if (refused.size === 0) this.#failures = 0;
    const nextMs = refused.size === 0 ? never : clock() + this.backOff();
    return { isGone: false, lookAgainMs: Math.min(lookAgainMs, nextMs, recordMs ?? never) };
  }

  /** @returns whether anything had to be done to make the gateway run */
  async #make(gateway: GatewaySpec, actual: ActualGateway): Promise<boolean> {
    const { dataplane, log } = this.#context;
    const steps = planGateway(actual);
    if (steps.length === 0) return false;
    log.info({ gateway: gateway.uid, steps: steps.map((step) => step.kind) }, "making the gateway run");
    for (const step of steps) await dataplane.apply(gateway, step);
    return true;
  }

  /** @param actual what was seen before it failed; undefined when nothing could be seen */
  async #fail(
    channels: Convergence,
    vpnGw: VpnGw,
    error: unknown,
    actual: ActualGateway | undefined,
  ): Promise<RoundEnd> {
    const nextTaskMs = await channels.recordFailure(vpnGw, error, actual);
    const retryMs = this.#context.clock() + this.backOff();
    return { isGone: false, lookAgainMs: Math.min(retryMs, nextTaskMs ?? retryMs) };
  }

  async #remove(channels: Convergence, vpnGw: VpnGw, gateway: GatewaySpec): Promise<RoundEnd> {
    const { control, log } = this.#context;
    try {
      await this.#takeOff(gateway);
    } catch (error) {
      return this.#fail(channels, vpnGw, error, undefined);
    }
    await control.recordRemoval(vpnGw);
    log.info({ gateway: gateway.uid }, "the gateway has gone");
    return gone;
  }

  /** A gateway on the machine that control has not got for this host: its row went, or another host's it is now. */
  async #removeOrphan(): Promise<RoundEnd> {
    this.#context.log.warn({ gatewayId: this.#id }, "removing a gateway that this host is not to have");
    await this.#takeOff(nobodys(this.#id));
    this.#channels = undefined;
    return gone;
  }

  /** Another host is to run it, and begins once this one says that it has ended. */
  async #leave(): Promise<RoundEnd> {
    const { control, log } = this.#context;
    log.info({ gatewayId: this.#id }, "leaving a gateway to another host");
    this.#channels = undefined;
    await this.#takeOff(nobodys(this.#id));
    try {
      await control.release(this.#id);
    } catch (error) {
      // It has been released before, and the answer was lost.
      if (!(error instanceof ControlError) || error.kind !== "not-held") throw error;
    }
    this.#holdings.release(this.#id);
    return gone;
  }

  async #takeOff(gateway: GatewaySpec): Promise<void> {
    for (const step of removal) await this.#context.dataplane.apply(gateway, step);
    this.#thoroughAtMs = 0;
  }
}

function nobodys(id: number): GatewaySpec {
  return { id, uid: "", vpcId: 0, vpcUid: "", vpcCidr: "", vpcAddress: "", publicAddress: "" };
}

function specOf({ vpnGw, vpcCidr, vpcUid }: GatewayRead): GatewaySpec {
  return {
    id: vpnGw.id,
    uid: vpnGw.uid,
    vpcId: vpnGw.vpcId,
    vpcUid,
    vpcCidr,
    vpcAddress: vpnGw.vpcAddress,
    publicAddress: vpnGw.publicAddress,
  };
}
