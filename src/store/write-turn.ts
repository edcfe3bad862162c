// Whose turn it is to write, among the threads of one process. SQLite's own lock is waited for by sleeping, a millisecond at least and then
// more and more; this one wakes the next thread at once. It orders, SQLite protects: other processes know only of SQLite's lock.

const free = 0;
const taken = 1;
/** Taken, and somebody waits. */
const wanted = 2;
/** After that SQLite's own lock decides. */
const longestWaitMs = 5_000;

export class WriteTurn {
  /** To be handed to other threads. */
  readonly shared: SharedArrayBuffer;
  readonly #state: Int32Array;

  constructor(shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#state = new Int32Array(shared);
  }

  /** Waits for the turn; the thread stands still meanwhile. */
  take(): void {
    if (Atomics.compareExchange(this.#state, 0, free, taken) === free) return;
    while (Atomics.exchange(this.#state, 0, wanted) !== free) {
      if (Atomics.wait(this.#state, 0, wanted, longestWaitMs) === "timed-out") return;
    }
  }

  /** Nobody is woken where nobody waits: that costs as much as a small transaction. */
  give(): void {
    if (Atomics.exchange(this.#state, 0, free) === wanted) Atomics.notify(this.#state, 0, 1);
  }
}
