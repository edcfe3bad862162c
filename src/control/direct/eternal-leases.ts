// The leases of a host that nobody else could replace: the one process on SQLite. It holds every gateway that there is, for good, and
// those that come too (docs/decisions/0104-a-lease-for-each-gateway.md).
import type { Store } from "../../store/store.ts";
import { listVpnGwIds } from "../../store/vpn-gws.ts";
import type { Leases } from "../control.ts";
import type { LeaseBook } from "./lease-book.ts";

export class EternalLeases implements LeaseBook {
  readonly isAlone = true;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async renew(): Promise<Leases> {
    const gatewayIds = await listVpnGwIds(this.#store.db);
    return { termMs: Number.POSITIVE_INFINITY, gatewayIds, leavingIds: [] };
  }

  async release(): Promise<void> {}

  async isHeld(): Promise<boolean> {
    return true;
  }

  async check(): Promise<void> {}
}
