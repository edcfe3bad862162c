// The leases of a host among others: it holds what placement has given it, and proves with every renewal that it lives
// (docs/decisions/0104-a-lease-for-each-gateway.md).
import {
  findLease,
  freeLease,
  type GatewayLease,
  type HeldGateway,
  keepLease,
  listHeld,
} from "../../store/gateway-leases.ts";
import { hasOtherTaker, hostTurn, renewHost } from "../../store/hosts.ts";
import { countMoves } from "../../store/placing.ts";
import type { Db, Store } from "../../store/store.ts";
import { ControlError, type Leases } from "../control.ts";
import type { LeaseBook } from "./lease-book.ts";

/** Who renews: a host, and the data directory for which its token is good. */
export interface HostIdentity {
  readonly hostId: number;
  readonly session: string;
}

export interface HostLeasesOptions {
  readonly store: Store;
  readonly host: HostIdentity;
  /** For how long a lease lasts, in milliseconds. */
  readonly termMs: number;
  /** The fences that the host was told with its last leases, where another object told it them: by gateway. */
  readonly fences?: ReadonlyMap<number, number> | undefined;
}

export class HostLeases implements LeaseBook {
  readonly #store: Store;
  readonly #host: HostIdentity;
  readonly #termMs: number;
  #fences: ReadonlyMap<number, number>;

  constructor({ store, host, termMs, fences = new Map() }: HostLeasesOptions) {
    this.#store = store;
    this.#host = host;
    this.#termMs = termMs;
    this.#fences = fences;
  }

  /** Of the last leases, by gateway, those that are to be left among them. */
  get fences(): ReadonlyMap<number, number> {
    return this.#fences;
  }

  /** Counts first and then looks what there is: so nothing is told that has been given away before the host was seen to live. */
  async renew(isStopping = false): Promise<Leases> {
    const { hostId, session } = this.#host;
    const [held, mayEnd] = await this.#store.transaction(
      async (db) => {
        if (!(await renewHost(db, hostId, session, isStopping))) {
          const reason = "this host is not known, or its token is in use from another data directory";
          throw new ControlError("refused", reason);
        }
        const found = await listHeld(db, hostId);
        return [found, isStopping ? await this.#mayEnd(db, found) : undefined] as const;
      },
      "at-once",
      hostTurn(hostId),
    );
    this.#fences = new Map(held.map(({ vpnGwId, fence }) => [vpnGwId, fence]));
    const idsOf = (isLeaving: boolean) =>
      held.filter((each) => each.isLeaving === isLeaving).map((each) => each.vpnGwId);
    const leases = { termMs: this.#termMs, gatewayIds: idsOf(false), leavingIds: idsOf(true) };
    return mayEnd === undefined ? leases : { ...leases, mayEnd };
  }

  async #mayEnd(db: Db, held: readonly HeldGateway[]): Promise<boolean> {
    const { hostId } = this.#host;
    if ((await countMoves(db, hostId)) > 0) return false;
    return held.length === 0 || !(await hasOtherTaker(db, hostId));
  }

  async release(gatewayId: number): Promise<void> {
    const { hostId } = this.#host;
    const fence = this.#fences.get(gatewayId);
    if (fence === undefined) throw notHeld(gatewayId);
    const free = (db: Db) => freeLease(db, { vpnGwId: gatewayId, hostId, fence });
    if (!(await this.#store.transaction(free, "at-once", hostTurn(hostId)))) throw notHeld(gatewayId);
  }

  async isHeld(db: Db, gatewayId: number): Promise<boolean> {
    return this.#isOurs(gatewayId, await findLease(db, gatewayId));
  }

  async check(db: Db, gatewayId: number): Promise<void> {
    if (!this.#isOurs(gatewayId, await keepLease(db, gatewayId))) throw notHeld(gatewayId);
  }

  #isOurs(gatewayId: number, lease: GatewayLease | undefined): boolean {
    return lease !== undefined && lease.hostId === this.#host.hostId && lease.fence === this.#fences.get(gatewayId);
  }
}

function notHeld(gatewayId: number): ControlError {
  return new ControlError("not-held", `gateway ${gatewayId} is not, or no more, this host's`);
}
