// The rounds of one gateway: each starts from desired and actual. A step is never retried inside a round; the next round is the retry,
// with backoff.
import type { ActualGateway, GatewaySpec } from "../dataplane/dataplane.ts";
import { findVpnGwById } from "../store/vpn-gws.ts";
import type { VpnGw } from "../vpn/entities.ts";
import { Convergence } from "./convergence.ts";
import type { LoopContext } from "./loop-context.ts";
import { planGateway, removal } from "./plan.ts";
import { recordRemoval } from "./record.ts";

const longestBackoffMs = 30_000;
const firstBackoffMs = 500;
const never = Number.POSITIVE_INFINITY;

/** What a round left to do, and when. */
export interface RoundEnd {
  readonly isGone: boolean;
  readonly lookAgainMs: number;
}

export class GatewayRounds {
  readonly #id: number;
  readonly #context: LoopContext;
  /** What is known of the gateway's channels, from the first round that finds its row. */
  #channels: Convergence | undefined;
  #failures = 0;
  #thoroughAtMs = 0;

  constructor(id: number, context: LoopContext) {
    this.#id = id;
    this.#context = context;
  }

  async round(): Promise<RoundEnd> {
    const { db } = this.#context.store;
    const place = await findVpnGwById(db, this.#id);
    if (place === undefined) return this.#removeOrphan();
    const { vpnGw } = place;
    const gateway = specOf(place);
    this.#channels ??= await Convergence.open(this.#context, vpnGw);
    await this.#channels.read(vpnGw);
    return isLeavingGw(vpnGw)
      ? this.#remove(this.#channels, vpnGw, gateway)
      : this.#keep(this.#channels, vpnGw, gateway);
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
    const { store, dataplane, clock, log } = this.#context;
    try {
      for (const step of removal) await dataplane.apply(gateway, step);
    } catch (error) {
      return this.#fail(channels, vpnGw, error, undefined);
    }
    await recordRemoval(store, vpnGw, clock());
    log.info({ gateway: gateway.uid }, "the gateway has gone");
    return { isGone: true, lookAgainMs: 0 };
  }

  /** A gateway on the machine that no row speaks of: the row went, but not the last of the machine. */
  async #removeOrphan(): Promise<RoundEnd> {
    const { dataplane, log } = this.#context;
    log.warn({ gatewayId: this.#id }, "removing a gateway that no row speaks of");
    const gateway = { id: this.#id, uid: "", vpcId: 0, vpcUid: "", vpcCidr: "", vpcAddress: "", publicAddress: "" };
    for (const step of removal) await dataplane.apply(gateway, step);
    return { isGone: true, lookAgainMs: 0 };
  }
}

function isLeavingGw({ status }: VpnGw): boolean {
  return status === "deleting" || status === "delete-failed";
}

function specOf({ vpnGw, vpcCidr, vpcUid }: { vpnGw: VpnGw; vpcCidr: string; vpcUid: string }): GatewaySpec {
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
