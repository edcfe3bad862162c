// How many calls one key may make: a token bucket for each (api-v2.md 1.7, 2.2: code 4400). Per process, and for genuine calls only, so
// there is no bucket that no key of the store has.

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** A bucket holds what comes in within a second: after a pause a key may send so many at once. */
export class RateLimiter {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param perSecond 0: no limit */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Takes one call of the key into account, unless it is one too many. */
  admit(secretId: string, nowMs: number): boolean {
    if (this.#perSecond === 0) return true;
    const bucket = this.#buckets.get(secretId) ?? { tokens: this.#perSecond, filledAtMs: nowMs };
    // A clock that was put back gives nothing, and goes on from where it is.
    const gained = (Math.max(0, nowMs - bucket.filledAtMs) / 1_000) * this.#perSecond;
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + gained);
    bucket.filledAtMs = nowMs;
    this.#buckets.set(secretId, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
