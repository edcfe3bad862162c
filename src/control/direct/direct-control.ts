// Control over the store itself: for the host in the server's own process, and behind the desk that hosts speak to over HTTPS. Every
// report is one transaction, which does not wait for the disk: what a power failure takes back of it, the next round finds again
// (docs/decisions/0010-records-do-not-wait-for-the-disk.md).
import { once } from "node:events";
import { listDiagnoses } from "../../store/diagnoses.ts";
import { isUnreachable } from "../../store/errors.ts";
import type { Db, Store } from "../../store/store.ts";
import { deleteSaCounter, listSaCounters } from "../../store/traffic.ts";
import { listChangedConns, listNetStatuses } from "../../store/vpn-conns.ts";
import { findVpnGwById } from "../../store/vpn-gws.ts";
import type { VpnGw } from "../../vpn/entities.ts";
import type { SaCounter } from "../../vpn/traffic.ts";
import {
  type ConnOutcome,
  type Control,
  ControlError,
  type CountedTraffic,
  type FailureRecorded,
  type GatewayMemory,
  type GatewayRead,
  type Leases,
  type RoundOutcome,
} from "../control.ts";
import type { LeaseBook } from "./lease-book.ts";
import { keepOwn, keepOwnRound } from "./own-channels.ts";
import { recordFailure, recordRemoval, recordRound } from "./record.ts";
import { recordTraffic } from "./record-traffic.ts";

export interface DirectControlOptions {
  readonly store: Store;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly leases: LeaseBook;
  /** Who tells of changes; without one nobody does, as where nudges come another way. */
  readonly watch?: Control["watch"] | undefined;
}

export class DirectControl implements Control {
  readonly #store: Store;
  readonly #clock: () => number;
  readonly #leases: LeaseBook;
  readonly watch: Control["watch"];

  constructor({ store, clock, leases, watch = waitForEnd }: DirectControlOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#leases = leases;
    this.watch = watch;
  }

  renew(isStopping?: boolean): Promise<Leases> {
    return reach(() => this.#leases.renew(isStopping));
  }

  release(gatewayId: number): Promise<void> {
    return reach(() => this.#leases.release(gatewayId));
  }

  readGateway(gatewayId: number, afterGeneration: number): Promise<GatewayRead | undefined> {
    const { db } = this.#store;
    return reach(async () => {
      if (!(await this.#leases.isHeld(db, gatewayId))) return undefined;
      const place = await findVpnGwById(db, gatewayId);
      if (place === undefined) return undefined;
      const isNew = place.vpnGw.generation > afterGeneration;
      return { ...place, changed: isNew ? await listChangedConns(db, gatewayId, afterGeneration) : [] };
    });
  }

  readMemory(gatewayId: number): Promise<GatewayMemory> {
    const { db } = this.#store;
    return reach(async () => {
      if (!(await this.#leases.isHeld(db, gatewayId))) {
        throw new ControlError("not-held", `gateway ${gatewayId} is not this host's`);
      }
      return {
        netStatuses: await listNetStatuses(db, gatewayId),
        diagnoses: await listDiagnoses(db, gatewayId),
        saCounters: await listSaCounters(db, gatewayId),
      };
    });
  }

  recordRound(vpnGw: VpnGw, outcome: RoundOutcome): Promise<void> {
    return this.#report(vpnGw.id, vpnGw.accountId, async (db) => {
      const own = this.#leases.isAlone ? outcome : await keepOwnRound(db, vpnGw.id, outcome);
      await recordRound(db, vpnGw, own, this.#clock());
    });
  }

  recordRemoval(vpnGw: VpnGw): Promise<void> {
    return this.#report(vpnGw.id, vpnGw.accountId, (db) => recordRemoval(db, vpnGw, this.#clock()));
  }

  recordFailure(vpnGw: VpnGw, failure: string, answers: readonly ConnOutcome[]): Promise<FailureRecorded> {
    return this.#report(vpnGw.id, vpnGw.accountId, async (db) => {
      const own = await this.#keepOwn(db, vpnGw.id, answers, ({ connId }) => connId);
      return recordFailure(db, vpnGw, failure, own, this.#clock());
    });
  }

  addTraffic(gatewayId: number, counted: readonly CountedTraffic[]): Promise<void> {
    return this.#report(gatewayId, nobody, async (db) => {
      await recordTraffic(db, await this.#keepOwn(db, gatewayId, counted, ({ counter }) => counter.connId));
    });
  }

  forgetCounters(gatewayId: number, gone: readonly SaCounter[]): Promise<void> {
    return this.#report(gatewayId, nobody, async (db) => {
      for (const counter of await this.#keepOwn(db, gatewayId, gone, ({ connId }) => connId)) {
        await deleteSaCounter(db, counter);
      }
    });
  }

  /** @param account over whose rows it decides; 0: over nobody's */
  #report<T>(gatewayId: number, account: number, work: (db: Db) => Promise<T>): Promise<T> {
    const checked = async (db: Db) => {
      if (!this.#leases.isAlone) await this.#leases.check(db, gatewayId);
      return work(db);
    };
    return reach(() => this.#store.transaction(checked, "later", account));
  }

  async #keepOwn<T>(
    db: Db,
    gatewayId: number,
    told: readonly T[],
    connIdOf: (each: T) => number,
  ): Promise<readonly T[]> {
    return this.#leases.isAlone ? told : keepOwn(db, gatewayId, told, connIdOf);
  }
}

const nobody = 0;

/** A database that is away is what control is without it. @throws ControlError unavailable */
export async function reach<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isUnreachable(cause)) throw cause;
    throw new ControlError("unavailable", "the database cannot be reached", { cause });
  }
}

async function waitForEnd(_: unknown, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
