// The desk that gateway hosts come to: who a token belongs to, and the store behind what a host asks and reports.
import { ControlError, type Leases } from "../control/control.ts";
import { DirectControl, reach } from "../control/direct/direct-control.ts";
import { HostLeases, type HostLeasesOptions } from "../control/direct/host-leases.ts";
import type { NudgeBoard } from "../control/nudge-board.ts";
import type { HostDesk } from "../http/host-api.ts";
import { findHostByToken } from "../operations/hosts.ts";
import type { Db, Store } from "../store/store.ts";

export interface DeskParts {
  readonly store: Store;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** For how long a lease lasts. */
  readonly termMs: number;
  readonly board: NudgeBoard;
  /** A host has let go of a gateway, or is about to stop: there is something to give away. */
  readonly onFree: () => void;
}

export function makeDesk({ store, clock, termMs, board, onFree }: DeskParts): HostDesk {
  return {
    board,
    admit: async (token, session) => {
      const host = await reach(() => findHostByToken(store, token.reveal()));
      if (host === undefined) throw new ControlError("refused", "the token is no gateway host's");
      return {
        hostId: host.id,
        seat: (fences, isAwaited) => {
          const options = { store, host: { hostId: host.id, session }, termMs, fences };
          const leases = new AwaitedLeases(options, isAwaited, onFree);
          return {
            control: new DirectControl({ store, clock, leases }),
            get fences() {
              return leases.fences;
            },
          };
        },
      };
    },
  };
}

/**
 * The leases of a host that may have given up waiting, as for a node that stood still or whose database was away. What it reports later, here
 * or elsewhere, must not be overtaken by what it reported before.
 */
class AwaitedLeases extends HostLeases {
  readonly #isAwaited: () => boolean;
  readonly #onFree: () => void;

  constructor(options: HostLeasesOptions, isAwaited: () => boolean, onFree: () => void) {
    super(options);
    this.#isAwaited = isAwaited;
    this.#onFree = onFree;
  }

  override async renew(isStopping?: boolean): Promise<Leases> {
    const leases = await super.renew(isStopping);
    if (isStopping) this.#onFree();
    return leases;
  }

  override async release(gatewayId: number): Promise<void> {
    await super.release(gatewayId);
    this.#onFree();
  }

  override async check(db: Db, gatewayId: number): Promise<void> {
    if (!this.#isAwaited()) throw new ControlError("unavailable", "the host has not waited for the answer");
    await super.check(db, gatewayId);
  }
}
