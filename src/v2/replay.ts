// Refuses a request whose clock is off and a signature that was seen before (api-v2.md 1.6).
// The memory is per process and for reads; an action that writes keeps its stamp in its own transaction.

import { ApiError } from "../errors.ts";
import type { Common } from "./request.ts";

/** What is remembered of one request. */
export interface ReplayStamp {
  readonly secretId: string;
  readonly timestamp: number;
  readonly nonce: string;
  /** Base64 of the HMAC the server computed; never the text sent, which has several spellings. */
  readonly mac: string;
  /** Unix seconds; at this second the request still passes checkClock. */
  readonly expiresAt: number;
}

/** The stamp of a verified request: it must be remembered for as long as its Timestamp passes checkClock. */
export function stampRequest(common: Common, mac: Buffer, skewSeconds: number): ReplayStamp {
  const { secretId, timestamp, nonce } = common;
  return { secretId, timestamp, nonce, mac: mac.toString("base64"), expiresAt: timestamp + skewSeconds };
}

/** Refuses a Timestamp further than the skew from the server's clock, in either direction. */
export function checkClock(timestamp: number, nowSeconds: number, skewSeconds: number): void {
  const behind = nowSeconds - timestamp;
  if (Math.abs(behind) <= skewSeconds) return;
  const direction = behind > 0 ? "behind" : "ahead of";
  const message = `The Timestamp is ${Math.abs(behind)} s ${direction} the server's clock; ${skewSeconds} s are allowed.`;
  throw new ApiError("request-replayed", message, { field: "Timestamp" });
}

/**
 * Remembers requests until they expire, at most `maxEntries` of them.
 *
 * Keys lie in buckets by the second they expire in, so forgetting is dropping whole buckets: the expired ones when the
 * clock has moved on, the oldest when memory is full. There are at most 2 x skew buckets (14 400), walked once a second
 * and once for each bucket dropped; a Map in order of insertion would evict by arrival, which a client's clock can bend.
 *
 * The key is SecretId and HMAC. Timestamp and Nonce are under the HMAC, and leaving them out also refuses a request
 * whose parameters were cut differently out of the same signed string (values are signed raw, so `a=1&b=2` can be one
 * parameter or two).
 */
export class ReplayMemory {
  readonly #maxEntries: number;
  readonly #seen = new Set<string>();
  readonly #buckets = new Map<number, string[]>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(options: { maxEntries: number }) {
    this.#maxEntries = Math.max(1, options.maxEntries);
  }

  /** True when new; false when seen and not yet expired. */
  admit(stamp: ReplayStamp, nowSeconds: number): boolean {
    if (nowSeconds > this.#sweptAt) this.#forgetExpired(nowSeconds);
    // Base64 has no blank, so the pair cannot be read two ways.
    const key = `${stamp.mac} ${stamp.secretId}`;
    if (this.#seen.has(key)) return false;
    if (this.#seen.size >= this.#maxEntries) this.#forgetOldest();
    this.#seen.add(key);
    const bucket = this.#buckets.get(stamp.expiresAt);
    if (bucket === undefined) this.#buckets.set(stamp.expiresAt, [key]);
    else bucket.push(key);
    return true;
  }

  #forgetExpired(nowSeconds: number): void {
    this.#sweptAt = nowSeconds;
    for (const expiresAt of this.#buckets.keys()) {
      if (expiresAt < nowSeconds) this.#drop(expiresAt);
    }
  }

  #forgetOldest(): void {
    let oldest = Number.POSITIVE_INFINITY;
    for (const expiresAt of this.#buckets.keys()) oldest = Math.min(oldest, expiresAt);
    this.#drop(oldest);
  }

  #drop(expiresAt: number): void {
    for (const key of this.#buckets.get(expiresAt) ?? []) this.#seen.delete(key);
    this.#buckets.delete(expiresAt);
  }
}
