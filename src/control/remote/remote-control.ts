// Control over HTTPS, for a host that has no database: what the interface says, asked of the API nodes.
import { setTimeout as pause } from "node:timers/promises";
import type { VpnGw } from "../../vpn/entities.ts";
import type { SaCounter } from "../../vpn/traffic.ts";
import { type Codec, WireError } from "../codec.ts";
import {
  type ConnOutcome,
  type Control,
  ControlError,
  type CountedTraffic,
  type FailureRecorded,
  type GatewayMemory,
  type GatewayRead,
  type Leases,
  type Nudged,
  type RoundOutcome,
} from "../control.ts";
import {
  type Arguments,
  gatewayOf,
  type Method,
  pollAnswer,
  pollMs,
  pollRequest,
  question,
  type Result,
  refusalBody,
  renewal,
  statuses,
  wire,
} from "../wire.ts";
import { ApiNodes, type ApiPlace, type AskOptions } from "./api-nodes.ts";
import { divideRound } from "./divide-round.ts";

export interface Patience {
  /** For how long a node may be silent before the next one is asked. */
  readonly silenceMs: number;
  /** The same for a renewal at most, and less where a term is short: a lease has to bear some nodes that hang. */
  readonly renewalSilenceMs: number;
  readonly pollSilenceMs: number;
  /** Pauses of a watch that hears nothing of use: the first one, and the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

const usualPatience: Patience = {
  silenceMs: 10_000,
  renewalSilenceMs: 5_000,
  pollSilenceMs: pollMs + 15_000,
  firstPauseMs: 250,
  longestPauseMs: 30_000,
};

/** So many silent nodes may be asked in a term. */
const nodesInTerm = 6;
const leastSilenceMs = 500;

/** A poll that took this long was no waste. */
const worthwhileMs = 1_000;

export class RemoteControl implements Control {
  readonly #nodes: ApiNodes;
  readonly #patience: Patience;
  /** Of the last leases, by gateway. */
  #fences: ReadonlyMap<number, number> = new Map();
  #termMs = Number.POSITIVE_INFINITY;

  constructor(place: ApiPlace, patience: Partial<Patience> = {}) {
    this.#nodes = new ApiNodes(place);
    this.#patience = { ...usualPatience, ...patience };
  }

  /** What is under way fails, and nothing is asked any more. */
  close(): void {
    this.#nodes.close();
  }

  async renew(isStopping?: boolean): Promise<Leases> {
    const silenceMs = Math.min(this.#patience.renewalSilenceMs, Math.max(leastSilenceMs, this.#termMs / nodesInTerm));
    const options = { silenceMs, isUrgent: true };
    const { leases, fences } = await this.#send(
      "renew",
      question.encode({ args: wire.renew.args.encode([isStopping]), fence: undefined }),
      renewal,
      options,
    );
    this.#fences = fences;
    this.#termMs = leases.termMs;
    return leases;
  }

  release(gatewayId: number): Promise<void> {
    return this.#ask("release", [gatewayId], { isUrgent: true });
  }

  readGateway(gatewayId: number, afterGeneration: number): Promise<GatewayRead | undefined> {
    return this.#ask("readGateway", [gatewayId, afterGeneration]);
  }

  readMemory(gatewayId: number): Promise<GatewayMemory> {
    return this.#ask("readMemory", [gatewayId]);
  }

  /** In several reports where there is much to tell: each may be told again, and the last one says how far the gateway has come. */
  async recordRound(vpnGw: VpnGw, outcome: RoundOutcome): Promise<void> {
    for (const part of divideRound(outcome)) await this.#ask("recordRound", [vpnGw, part]);
  }

  recordRemoval(vpnGw: VpnGw): Promise<void> {
    return this.#ask("recordRemoval", [vpnGw]);
  }

  recordFailure(vpnGw: VpnGw, failure: string, answers: readonly ConnOutcome[]): Promise<FailureRecorded> {
    return this.#ask("recordFailure", [vpnGw, failure, answers]);
  }

  addTraffic(gatewayId: number, counted: readonly CountedTraffic[]): Promise<void> {
    return this.#ask("addTraffic", [gatewayId, counted]);
  }

  forgetCounters(gatewayId: number, gone: readonly SaCounter[]): Promise<void> {
    return this.#ask("forgetCounters", [gatewayId, gone]);
  }

  /**
   * One long poll after the other. What brings no news at once, such as a node that does not answer, or a balancer that takes each poll
   * to another node, is followed by a pause that grows: the host's own period does the rest.
   */
  async watch(onNudge: (nudged: Nudged) => void, signal: AbortSignal): Promise<void> {
    let cursor: string | undefined;
    let wasted = 0;
    while (!signal.aborted) {
      const beganMs = performance.now();
      const answer = await this.#poll(cursor, signal);
      if (signal.aborted) return;
      const isLong = performance.now() - beganMs >= worthwhileMs;
      const isOfUse =
        answer !== undefined && answer.nudged !== "all" && (answer.nudged.length > 0 || answer.hasNewLeases);
      wasted = answer !== undefined && (isLong || isOfUse) ? 0 : wasted + 1;
      if (answer !== undefined) {
        cursor = answer.cursor;
        if (answer.hasNewLeases) onNudge("leases");
        if (answer.nudged.length > 0) onNudge(answer.nudged);
      }
      if (wasted > 0) await pause(this.#pauseMs(wasted), undefined, { signal }).catch(() => {});
    }
  }

  /** @returns undefined: nobody answers, or nobody who is understood */
  async #poll(cursor: string | undefined, signal: AbortSignal) {
    try {
      const options = { silenceMs: this.#patience.pollSilenceMs, isUrgent: true, signal };
      return await this.#send("watch", pollRequest.encode({ cursor }), pollAnswer, options);
    } catch (error) {
      if (error instanceof ControlError || signal.aborted) return undefined;
      throw error;
    }
  }

  /** From half of it to all of it at random: hosts that lost the same node do not come back together. */
  #pauseMs(wasted: number): number {
    const { firstPauseMs, longestPauseMs } = this.#patience;
    return Math.min(firstPauseMs * 2 ** (wasted - 1), longestPauseMs) * (0.5 + Math.random() / 2);
  }

  #ask<M extends Method>(method: M, given: Arguments<M>, options: Partial<AskOptions> = {}): Promise<Result<M>> {
    const { args, result } = wire[method] as { args: Codec<Arguments<M>>; result: Codec<Result<M>> };
    const usual = { silenceMs: this.#patience.silenceMs, isUrgent: false };
    const fence = this.#fences.get(gatewayOf(given) ?? 0);
    return this.#send(method, question.encode({ args: args.encode(given), fence }), result, { ...usual, ...options });
  }

  async #send<T>(name: string, body: unknown, codec: Codec<T>, options: AskOptions): Promise<T> {
    const answer = await this.#nodes.ask(name, JSON.stringify(body), options);
    if (answer.status === 200) return read(codec, answer.body);
    const kind = kinds.find((each) => statuses[each] === answer.status) ?? "unavailable";
    throw new ControlError(kind, reasonOf(answer.body) ?? `an API node answered with HTTP status ${answer.status}`);
  }
}

const kinds = Object.keys(statuses) as ControlError["kind"][];

/** @throws ControlError unavailable */
function read<T>(codec: Codec<T>, body: string): T {
  try {
    return codec.decode(JSON.parse(body));
  } catch (cause) {
    // Without the cause: the words of the JSON parser quote what it was given.
    const where = cause instanceof WireError ? ` (${cause.message})` : "";
    throw new ControlError("unavailable", `an API node answered what is not understood${where}`);
  }
}

function reasonOf(body: string): string | undefined {
  try {
    return refusalBody.decode(JSON.parse(body)).message;
  } catch {
    return undefined;
  }
}
