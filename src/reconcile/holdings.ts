// Which gateways this host may run, as control said last. Pure but for its own memory.
import type { Leases } from "../control/control.ts";

/** held: to be run; leaving: to be taken off, then released; released: that has been done; none: not this host's. */
export type Standing = "held" | "leaving" | "released" | "none";

export class Holdings {
  #standings: ReadonlyMap<number, Standing> = new Map();
  readonly #released = new Set<number>();
  #isForGood = false;

  /** @returns gateways that stand otherwise than before; `lost` have been this host's */
  take({ termMs, gatewayIds, leavingIds }: Leases): { readonly changed: readonly number[]; readonly lost: number[] } {
    const before = new Map(this.#standings);
    for (const id of this.#released) before.set(id, "released");
    this.#released.clear();
    this.#standings = new Map<number, Standing>([
      ...gatewayIds.map((id) => [id, "held"] as const),
      ...leavingIds.map((id) => [id, "leaving"] as const),
    ]);
    this.#isForGood = termMs === Number.POSITIVE_INFINITY;
    const changed = [...this.#standings].filter(([id, standing]) => before.get(id) !== standing).map(([id]) => id);
    return { changed, lost: [...before.keys()].filter((id) => !this.#standings.has(id)) };
  }

  /** Of one that may be run for good all that control has are held, also those that came after it was asked. */
  standingOf(gatewayId: number): Standing {
    if (this.#released.has(gatewayId)) return "released";
    return this.#standings.get(gatewayId) ?? (this.#isForGood ? "held" : "none");
  }

  /** It has been released: that is not said again until control has been asked anew. */
  release(gatewayId: number): void {
    this.#released.add(gatewayId);
  }
}
