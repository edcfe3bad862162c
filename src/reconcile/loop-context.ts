// What every loop is given.
import type { Control } from "../control/control.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { Log } from "./log.ts";

export interface LoopContext {
  readonly control: Control;
  readonly dataplane: Dataplane;
  readonly clock: () => number;
  readonly log: Log;
  /** How often to look without a cause. */
  readonly periodMs: number;
  /** How long packets have to go out through a tunnel, and none come in, until it is negotiated anew: a minute unless told. */
  readonly oneWayMs?: number;
  /** Called when control says that a gateway is not this host's: the leases are to be asked for anew. */
  readonly onNotHeld?: () => void;
}
