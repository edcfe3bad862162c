// What the bench and its load generator (client.ts) say to each other.

/** The channels that are asked for. The n-th request of a generator is one of its own: no name, network or nonce comes twice. */
export interface LoadPlan {
  /** File of the key that signs. */
  readonly keyFile: string;
  readonly gateways: readonly { readonly vpcId: string; readonly vpnGwId: string }[];
  readonly userGwIds: readonly string[];
  readonly preSharedKey: string;
}

export interface LoadRequest {
  /** `http://127.0.0.1:8080`. */
  readonly endpoint: string;
  readonly plan: LoadPlan;
  /** Requests in flight: each connection sends its next one when it has the reply. */
  readonly connections: number;
  readonly seconds: number;
  /** No more than so many, spread over the time; undefined: as many as are answered. */
  readonly perSecond?: number | undefined;
  /** How many requests to sign before the clock starts; further ones are signed as they go. */
  readonly signedBefore: number;
}

export interface LoadResult {
  /** Replies with code 0. */
  readonly succeeded: number;
  /** From the first request to the last reply. */
  readonly elapsedMs: number;
  readonly latenciesMs: Float64Array;
  /** What else was answered, or failed: the first few. */
  readonly errors: readonly string[];
  readonly errorCount: number;
  /** Share of the time in which the generator was busy: near 1, it was the limit itself. */
  readonly utilization: number;
  /** The reply that came last. */
  readonly lastReply: string;
}
