// A clock that runs with the real one, and can be put forward.

export class TestClock {
  #aheadMs = 0;

  /** Milliseconds since 1970. */
  readonly now = (): number => Date.now() + this.#aheadMs;

  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}
