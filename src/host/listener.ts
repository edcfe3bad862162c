// Who looks where a watch says: the loops of a host, or the thread that they run on.
import type { Hint, Nudged } from "../control/control.ts";

export interface Listener {
  /** Says "look at this gateway". */
  nudge(vpnGwId: number): void;
  hear(hint: Hint): void;
}

/** Hands on what a watch says. */
export function tell(listener: Listener, nudged: Nudged): void {
  if (typeof nudged === "string") listener.hear(nudged);
  else for (const id of nudged) listener.nudge(id);
}
