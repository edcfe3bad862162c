// Of many calls that come together, two: the first at once, and one more for all that came in the pause after it.

/** Calls `tell` for a key at once, and then no more often than every `pauseMs`. */
export class Gather {
  readonly #pauseMs: number;
  readonly #tell: (key: number) => void;
  /** Keys in their pause, and whether there is more to tell. */
  readonly #pauses = new Map<number, { timer: NodeJS.Timeout; hasMore: boolean }>();

  constructor(pauseMs: number, tell: (key: number) => void) {
    this.#pauseMs = pauseMs;
    this.#tell = tell;
  }

  hear(key: number): void {
    const pause = this.#pauses.get(key);
    if (pause === undefined) this.#tellNow(key);
    else pause.hasMore = true;
  }

  /** Nothing is told any more of what was heard until now. */
  stop(): void {
    for (const { timer } of this.#pauses.values()) clearTimeout(timer);
    this.#pauses.clear();
  }

  #tellNow(key: number): void {
    const timer = setTimeout(() => {
      const hasMore = this.#pauses.get(key)?.hasMore === true;
      this.#pauses.delete(key);
      if (hasMore) this.#tellNow(key);
    }, this.#pauseMs);
    this.#pauses.set(key, { timer: timer.unref(), hasMore: false });
    this.#tell(key);
  }
}
