// Who holds which gateway, as the direct body of Control asks for it. Two bodies: a host that nobody else could replace holds everything
// for good; a host among others holds what it was given.
import type { Db } from "../../store/store.ts";
import type { Leases } from "../control.ts";

export interface LeaseBook {
  /** No other host could report: neither is `check` called, nor is what is reported held against what the gateway has. */
  readonly isAlone?: boolean;
  /** @throws ControlError refused */
  renew(isStopping?: boolean): Promise<Leases>;
  /** @throws ControlError not-held */
  release(gatewayId: number): Promise<void>;
  /** Whether this host may read of the gateway now. */
  isHeld(db: Db, gatewayId: number): Promise<boolean>;
  /** Inside the transaction of a report: host and fence are as in the last `Leases`. @throws ControlError not-held */
  check(db: Db, gatewayId: number): Promise<void>;
}
