// What every loop is given.
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "./log.ts";

export interface LoopContext {
  readonly store: Store;
  readonly dataplane: Dataplane;
  readonly clock: () => number;
  readonly log: Log;
  /** How often to look without a cause. */
  readonly periodMs: number;
  /** How long packets have to go out through a tunnel, and none come in, until it is negotiated anew: a minute unless told. */
  readonly oneWayMs?: number;
  /** How long what has flowed is remembered. */
  readonly keepTrafficMs: number;
}
