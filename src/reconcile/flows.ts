// What the counters of one gateway's CHILD_SAs say about tunnels that are up: packets go out and none come in, or so much goes through
// that a renewal by volume comes too late. Pure but for its own memory.
import type { ChildSa, IkeSa } from "../dataplane/dataplane.ts";
import { isInstalled } from "./fit.ts";

/** What goes through one child, whatever SAs it has had. */
interface Flow {
  /** Something came in at any time: it is no stream that needs no answer. */
  hasCarriedIn: boolean;
  /** Since when packets have gone out, and none has come in. */
  oneWaySinceMs: number | undefined;
  lastOutMs: number;
  /** When it was negotiated anew since then, by order. */
  curesMs: number[];
  nextCureMs: number;
  /** Bytes since the last look, in the direction that has more. */
  bytesIn: number;
  bytesOut: number;
  /** When it was last too fast for its volume limit. */
  lastTooFastMs: number;
}

/** A CHILD_SA to negotiate anew. */
export interface Cure {
  readonly child: string;
  readonly uniqueId: string;
}

const firstPauseMs = 300_000;
const longestPauseMs = 3_600_000;
/** So long after the last packet went out, and after it was last too fast, nothing is said any more. */
const rememberMs = 600_000;
/** A volume that is used up in less may be gone before its renewal is done (decision 72). */
const surelyLastsSeconds = 5;

/** The volume limit of a child in bytes; undefined: nobody wants it. */
type LimitOf = (child: string) => number | undefined;

type Counters = Map<string, { readonly bytesIn: number; readonly bytesOut: number }>;

export class Flows {
  /** Children of which there was anything to say when they were looked at last. */
  told: readonly string[] = [];
  readonly #oneWayMs: number;
  readonly #flows = new Map<string, Flow>();
  /** Counters by SPI, as seen last. */
  #counters: Counters = new Map();
  #seenMs: number | undefined;

  /** @param oneWayMs for how long packets have to go out in vain */
  constructor(oneWayMs: number) {
    this.#oneWayMs = oneWayMs;
  }

  /** Takes note of what has ended, and of what is listed when it is time to. @returns what is to be negotiated anew */
  look(ikeSas: readonly IkeSa[], ended: readonly ChildSa[], limitOf: LimitOf, nowMs: number): Cure[] {
    for (const child of ended) this.#count(child);
    const sinceMs = this.#seenMs ?? nowMs;
    if (this.#seenMs !== undefined && nowMs - sinceMs < this.#oneWayMs / 4) return [];
    this.#seenMs = nowMs;
    const before = this.#counters;
    this.#counters = new Map();
    const listed = ikeSas.flatMap(({ children }) => children);
    for (const child of listed) this.#count(child, before);
    const installed = new Map(listed.flatMap((child) => (isInstalled(child.state) ? [[child.name, child]] : [])));
    for (const name of this.#flows.keys()) if (!installed.has(name)) this.#flows.delete(name);
    const cures = [...installed].flatMap(([child, { uniqueId }]) => {
      const flow = this.#flows.get(child);
      if (flow === undefined) return [];
      this.#judge(flow, limitOf(child), sinceMs, nowMs);
      return this.#isDue(flow, nowMs) ? [{ child, uniqueId }] : [];
    });
    const isTold = (child: string) => this.oneWaySinceMs(child) !== undefined || this.isTooFast(child);
    this.told = [...this.#flows.keys()].filter(isTold);
    return cures;
  }

  /** Since when packets have gone out of a child and none has come in; undefined: that is not so, or not for long enough. */
  oneWaySinceMs(child: string): number | undefined {
    const flow = this.#flows.get(child);
    return flow !== undefined && this.#isOneWay(flow) ? flow.oneWaySinceMs : undefined;
  }

  /** When a child has been negotiated anew since then. */
  curesMs(child: string): readonly number[] {
    return this.#flows.get(child)?.curesMs ?? [];
  }

  /** Whether so much has gone through a child of late that its renewals may come too late. */
  isTooFast(child: string): boolean {
    const { lastTooFastMs } = this.#flows.get(child) ?? {};
    return lastTooFastMs !== undefined && (this.#seenMs ?? 0) - lastTooFastMs < rememberMs;
  }

  #count({ name, spi, bytesIn, bytesOut }: ChildSa, before: Counters = this.#counters): void {
    if (spi === "") return;
    const known = before.get(spi);
    this.#counters.set(spi, { bytesIn, bytesOut });
    const flow = this.#flows.get(name);
    if (flow === undefined) {
      this.#flows.set(name, newFlow(bytesIn > 0));
      return;
    }
    flow.bytesIn += Math.max(0, bytesIn - (known?.bytesIn ?? 0));
    flow.bytesOut += Math.max(0, bytesOut - (known?.bytesOut ?? 0));
  }

  #judge(flow: Flow, limit: number | undefined, sinceMs: number, nowMs: number): void {
    const { bytesIn, bytesOut, lastOutMs } = flow;
    if (bytesIn > 0) {
      Object.assign(flow, { hasCarriedIn: true, oneWaySinceMs: undefined, curesMs: [], nextCureMs: 0 });
    } else if (bytesOut > 0 && !this.#isOneWay(flow)) {
      const isNew = flow.oneWaySinceMs === undefined || nowMs - lastOutMs > this.#oneWayMs;
      if (isNew) flow.oneWaySinceMs = sinceMs;
    } else if (nowMs - lastOutMs >= rememberMs) flow.oneWaySinceMs = undefined;
    if (bytesOut > 0) flow.lastOutMs = nowMs;
    const seconds = (nowMs - sinceMs) / 1_000;
    const most = Math.max(bytesIn, bytesOut);
    if (limit !== undefined && seconds > 0 && most * surelyLastsSeconds > limit * seconds) flow.lastTooFastMs = nowMs;
    [flow.bytesIn, flow.bytesOut] = [0, 0];
  }

  /** The last packet went out so long after the first, without a longer pause: one that was not answered is nothing. */
  #isOneWay({ hasCarriedIn, oneWaySinceMs, lastOutMs }: Flow): boolean {
    return hasCarriedIn && oneWaySinceMs !== undefined && lastOutMs - oneWaySinceMs >= this.#oneWayMs;
  }

  #isDue(flow: Flow, nowMs: number): boolean {
    if (!this.#isOneWay(flow) || nowMs < flow.nextCureMs || nowMs !== flow.lastOutMs) return false;
    flow.nextCureMs = nowMs + Math.min(longestPauseMs, firstPauseMs * 2 ** flow.curesMs.length);
    flow.curesMs.push(nowMs);
    return true;
  }
}

function newFlow(hasCarriedIn: boolean): Flow {
  return {
    hasCarriedIn,
    oneWaySinceMs: undefined,
    lastOutMs: Number.NEGATIVE_INFINITY,
    curesMs: [],
    nextCureMs: 0,
    bytesIn: 0,
    bytesOut: 0,
    lastTooFastMs: Number.NEGATIVE_INFINITY,
  };
}
