// What the server and its host's thread say to each other.
import type { Config } from "../config.ts";
import type { Hint } from "../control/control.ts";
import type { HostIdentity } from "../control/direct/host-leases.ts";

/** What the thread is given when it is made. */
export interface HostThreadData {
  readonly config: Config;
  /** Of the server's WriteTurn. */
  readonly turn: SharedArrayBuffer;
  /** Among the hosts of the installation; undefined: there are no others. */
  readonly identity: HostIdentity | undefined;
}

export type ToHost =
  | { readonly kind: "nudge"; readonly vpnGwIds: readonly number[] }
  | { readonly kind: "hear"; readonly hint: Hint }
  | { readonly kind: "ask" }
  | { readonly kind: "hand-over" }
  | { readonly kind: "stop" };

/** `here` answers `ask`, and `handed-over` answers `hand-over`. */
export type FromHost =
  | { readonly kind: "started" }
  | { readonly kind: "here" }
  | { readonly kind: "handed-over" }
  | { readonly kind: "failed"; readonly failure: Failure };

/** An error on its way between threads, where errors lose their class. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}
