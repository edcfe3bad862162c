// Which peers knock at one gateway in vain, as recorded. Anybody may knock as often as he likes, so it is written down rarely.
import type { UnknownPeer } from "../vpn/diagnosis.ts";

/** Between two records. */
const restMs = 5_000;

export class Knocks {
  #recorded: readonly UnknownPeer[] | undefined;
  #recordedAtMs = Number.NEGATIVE_INFINITY;

  /** When there is something to record; undefined: not before somebody knocks. @param peers the same object while nobody has */
  dueMs(peers: readonly UnknownPeer[]): number | undefined {
    // What a server before this one recorded stays until then.
    const isNothing = this.#recorded === undefined && peers.length === 0;
    return isNothing || peers === this.#recorded ? undefined : this.#recordedAtMs + restMs;
  }

  /** Remembers what has been recorded. */
  settle(peers: readonly UnknownPeer[], nowMs: number): void {
    [this.#recorded, this.#recordedAtMs] = [peers, nowMs];
  }
}
