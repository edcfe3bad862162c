// What an API node has to tell gateway hosts, in memory: the nudges of late, and who waits for one. Hints only: what is lost here is found
// by the loops' own period.
import { randomUUID } from "node:crypto";
import type { Nudged } from "./control.ts";
import { type PollAnswer, pollMs } from "./wire.ts";

/** One word: gateways that changed, hosts whose leases did, or that some of either may have been missed. */
export type Nudge =
  | { readonly kind: "gateways"; readonly ids: readonly number[] }
  | { readonly kind: "leases"; readonly hostIds: readonly number[] }
  | { readonly kind: "all" };

/** How many words are remembered for hosts that are between two polls. */
const remembered = 1_024;
/** Words that follow each other faster are told together. */
const gatherMs = 10;

export class NudgeBoard {
  /** Of this object: a cursor of another node, or of another start, means nothing here. */
  readonly #epoch = randomUUID();
  /** The words from number `#last - #words.length + 1` to `#last`. */
  #words: Nudge[] = [];
  #last = 0;
  /** What hosts hold, as they were told last. */
  readonly #held = new Map<number, ReadonlySet<number>>();
  readonly #waiters = new Set<() => void>();
  #isClosed = false;

  say(word: Nudge): void {
    this.#last += 1;
    this.#words.push(word);
    // Cut seldom, so that a word costs the same however many are remembered.
    if (this.#words.length >= 2 * remembered) this.#words = this.#words.slice(-remembered);
    for (const look of this.#waiters) look();
  }

  /** A host has been told what it holds: of other gateways it need not hear. */
  hold(hostId: number, gatewayIds: readonly number[]): void {
    this.#held.set(hostId, new Set(gatewayIds));
  }

  /**
   * What was said since `cursor`: at once when there is something, else when there is, or when `timeoutMs` have passed, `signal` is
   * aborted or the board is closed.
   */
  async poll(
    hostId: number,
    cursor: string | undefined,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<PollAnswer> {
    let since = this.#read(cursor);
    // It has been elsewhere, and may have been told there of gateways that are not known here to be its.
    if (since === undefined) this.#held.delete(hostId);
    const hasNews = () => {
      if (isNews(this.#answer(hostId, since))) return true;
      since = this.#last;
      return false;
    };
    if (!hasNews()) await this.#wait(hasNews, timeoutMs, signal);
    return this.#answer(hostId, since);
  }

  /** Tells a host of this process what is said, as Control.watch does, until `signal` is aborted or the board is closed. */
  async follow(hostId: number, onNudge: (nudged: Nudged) => void, signal: AbortSignal): Promise<void> {
    let cursor: string | undefined;
    while (!this.#isClosed && !signal.aborted) {
      const answer = await this.poll(hostId, cursor, { timeoutMs: pollMs, signal });
      cursor = answer.cursor;
      if (answer.hasNewLeases) onNudge("leases");
      if (answer.nudged.length > 0) onNudge(answer.nudged);
    }
  }

  /** Answers all who wait, and lets nobody wait any more. */
  close(): void {
    this.#isClosed = true;
    for (const look of this.#waiters) look();
  }

  /** @returns the number of the last word that was read; undefined when that cannot be told, or what came after it is forgotten */
  #read(cursor: string | undefined): number | undefined {
    const [epoch, number] = cursor?.split(".") ?? [];
    const last = Number(number);
    const isKnown = epoch === this.#epoch && Number.isSafeInteger(last) && last <= this.#last;
    return isKnown && this.#remembers(last) ? last : undefined;
  }

  /** Whether every word after that one is there. */
  #remembers(number: number): boolean {
    return number >= this.#last - this.#words.length;
  }

  #answer(hostId: number, since: number | undefined): PollAnswer {
    const cursor = `${this.#epoch}.${this.#last}`;
    const all = { cursor, nudged: "all", hasNewLeases: true } as const;
    if (since === undefined || !this.#remembers(since)) return all;
    const words = this.#words.slice(this.#words.length - (this.#last - since));
    if (words.some(({ kind }) => kind === "all")) return all;
    const held = this.#held.get(hostId);
    const nudged = new Set<number>();
    let hasNewLeases = false;
    for (const word of words) {
      if (word.kind === "leases") hasNewLeases ||= word.hostIds.includes(hostId);
      if (word.kind === "gateways") {
        for (const id of word.ids) if (held === undefined || held.has(id)) nudged.add(id);
      }
    }
    return { cursor, nudged: [...nudged], hasNewLeases };
  }

  #wait(hasNews: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      let gathering: NodeJS.Timeout | undefined;
      const end = () => {
        this.#waiters.delete(look);
        signal.removeEventListener("abort", end);
        clearTimeout(deadline);
        clearTimeout(gathering);
        resolve();
      };
      const look = () => {
        if (this.#isClosed) end();
        else if (gathering === undefined && hasNews()) gathering = setTimeout(end, gatherMs);
      };
      const deadline = setTimeout(end, timeoutMs);
      this.#waiters.add(look);
      signal.addEventListener("abort", end);
    });
  }
}

function isNews({ nudged, hasNewLeases }: PollAnswer): boolean {
  return nudged.length > 0 || hasNewLeases;
}
