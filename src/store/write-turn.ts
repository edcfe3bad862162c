// Whose turn it is to write, among the threads of one process. SQLite's own lock is waited for by sleeping, a millisecond at least and then
// more and more; this one wakes the next thread at once. It orders, SQLite protects: other processes know only of SQLite's lock.

const free = 0;
const taken = 1;
/** Taken, and somebody waits. */
const wanted = 2;
/** Places in the shared memory. */
const state = 0;
const count = 1;
/** After that SQLite's own lock decides. */
const longestWaitMs = 5_000;

export class WriteTurn {
  /** To be handed to other threads. */
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#numbers = new Int32Array(shared);
  }

  /** How many turns have been taken: it wraps, and is only to be compared. */
  get count(): number {
    return Atomics.load(this.#numbers, count);
  }

  /** Waits for the turn; the thread stands still meanwhile. */
  take(): void {
    Atomics.add(this.#numbers, count, 1);
    if (Atomics.compareExchange(this.#numbers, state, free, taken) === free) return;
    while (Atomics.exchange(this.#numbers, state, wanted) !== free) {
      if (Atomics.wait(this.#numbers, state, wanted, longestWaitMs) === "timed-out") return;
    }
  }

  /** Nobody is woken where nobody waits: that costs as much as a small transaction. */
  give(): void {
    if (Atomics.exchange(this.#numbers, state, free) === wanted) Atomics.notify(this.#numbers, state, 1);
  }
}
