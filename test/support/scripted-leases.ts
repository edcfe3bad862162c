// Leases as a test wants them: what is held, what is leaving, and what is refused.
import { ControlError, type Leases } from "../../src/control/control.ts";
import type { LeaseBook } from "../../src/control/direct/lease-book.ts";
import type { Db } from "../../src/store/store.ts";

const none: Leases = { termMs: 30_000, gatewayIds: [], leavingIds: [] };

export class ScriptedLeases implements LeaseBook {
  leases = none;
  /** What renew answers instead. */
  refusal: ControlError | undefined;
  /** What the last renewal said. */
  isStopping = false;
  /** Gateways that were released, in order. */
  readonly released: number[] = [];
  /** Called before a report is let through, or not. */
  onCheck: (db: Db, gatewayId: number) => Promise<void> = async () => {};

  /** As at the beginning. */
  reset(): void {
    this.leases = none;
    this.refusal = undefined;
    this.released.length = 0;
    this.onCheck = async () => {};
  }

  hold(...gatewayIds: readonly number[]): Leases {
    this.leases = { ...this.leases, gatewayIds, leavingIds: [] };
    return this.leases;
  }

  /** What was held is to go to another host. */
  leave(...leavingIds: readonly number[]): Leases {
    const gatewayIds = this.leases.gatewayIds.filter((id) => !leavingIds.includes(id));
    this.leases = { ...this.leases, gatewayIds, leavingIds };
    return this.leases;
  }

  async renew(isStopping = false): Promise<Leases> {
    this.isStopping = isStopping;
    if (this.refusal !== undefined) throw this.refusal;
    return this.leases;
  }

  async release(gatewayId: number): Promise<void> {
    if (!(await this.isHeld(undefined, gatewayId))) throw notHeld(gatewayId);
    this.released.push(gatewayId);
    const { leavingIds } = this.leases;
    this.leases = { ...this.leases, leavingIds: leavingIds.filter((id) => id !== gatewayId) };
  }

  async isHeld(_: unknown, gatewayId: number): Promise<boolean> {
    const { gatewayIds, leavingIds } = this.leases;
    return gatewayIds.includes(gatewayId) || leavingIds.includes(gatewayId);
  }

  async check(db: Db, gatewayId: number): Promise<void> {
    await this.onCheck(db, gatewayId);
    if (!(await this.isHeld(db, gatewayId))) throw notHeld(gatewayId);
  }
}

function notHeld(gatewayId: number): ControlError {
  return new ControlError("not-held", `gateway ${gatewayId} is another host's`);
}
