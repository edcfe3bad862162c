// The loop of an API node that gives gateways to hosts: it watches the hosts' counters, takes from those that have expired what they held,
// and gives away what nobody holds. Several nodes may do so beside each other: each change finds first what it was decided by.
import { taskPatienceMs } from "../control/direct/record.ts";
import { freeLeasesOf } from "../store/gateway-leases.ts";
import { endSession, listHosts, placementTurn } from "../store/hosts.ts";
import { type FreeGateway, hasMoves, listFreeGateways, listGatewaysWithTasks } from "../store/placing.ts";
import type { Db, Store } from "../store/store.ts";
import type { GatewayHost } from "../vpn/gateway-host.ts";
import { isLeavingGw } from "../vpn/status.ts";
import { type Arranged, arrange, mostMoves } from "./arrange.ts";
import { recordHomeless, removeHomeless } from "./homeless.ts";
import { findExpiredCounter, isLive, look, noWatch, type Watch } from "./watch.ts";

const periodMs = 1_000;
/** Batches that one turn gives away: the next look at the counters must not wait for all of a large outage. */
const mostBatches = 4;
/** For how long one turn records something of gateways without a host, each in a transaction of its account, which may be busy. */
const recordMs = 1_000;
/** After that a gateway that no host can have is said not to run: hosts of an installation that just begins come one after the other. */
const patienceMs = 10_000;
/** Gateways without a host that are remembered. */
const mostRemembered = 100_000;

export interface PlacerOptions {
  readonly store: Store;
  /** Monotonic, in milliseconds from whenever. */
  readonly monotonic: () => number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** For how long a lease lasts. */
  readonly termMs: number;
  /** Told of hosts whose leases have changed: what they were given, and what they are to leave. */
  readonly onGranted: (hostIds: readonly number[]) => void;
}

export class Placer {
  readonly #options: PlacerOptions;
  #watch: Watch = noWatch;
  /** Where the next turn goes on among the gateways that nobody holds. */
  #after = 0;
  /** Since when gateways have been known to be without a host, on the monotonic clock. */
  #homeless = new Map<number, number>();
  #isStoreAway = false;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<readonly GatewayHost[]> | undefined;
  #turning: Promise<void> | undefined;
  #isWanted = false;
  #isStopped = false;

  constructor(options: PlacerOptions) {
    this.#options = options;
  }

  /** Takes a turn every second until it is stopped. A turn may have to wait for others; the watch goes on meanwhile. */
  start(): void {
    this.#timer = setInterval(() => {
      // A turn looks too, and says what is wrong.
      this.#look().catch(() => {});
      this.nudge();
    }, periodMs).unref();
    this.nudge();
  }

  /** There may be something to give away. Never two turns at once: what comes during one is looked at by one more. */
  nudge(): void {
    this.#isWanted = true;
    this.#turning ??= this.#work();
  }

  /** No turn is taken any more when the promise resolves. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await Promise.allSettled([this.#turning, this.#looking]);
  }

  async #work(): Promise<void> {
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false;
      try {
        await this.turn();
        if (this.#isStoreAway) this.#options.log.info({}, "placement goes on");
        this.#isStoreAway = false;
      } catch (error) {
        if (!this.#isStoreAway) this.#options.log.error({ err: error }, "placement failed; it is tried again");
        this.#isStoreAway = true;
      }
    }
    this.#turning = undefined;
  }

  /** One turn: for tests, which have no timers. @throws StoreError */
  async turn(): Promise<void> {
    const hosts = await this.#look();
    for (const host of hosts) await this.#expire(host);
    if (await this.#hasWork(hosts)) await this.#giveAway();
  }

  /** Never two at once: an answer that came late would take the counters back. */
  #look(): Promise<readonly GatewayHost[]> {
    this.#looking ??= this.#readCounters().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #readCounters(): Promise<readonly GatewayHost[]> {
    const { store, monotonic } = this.#options;
    const hosts = await listHosts(store.db);
    // Afterwards: whatever was read had been written by now.
    this.#watch = look(this.#watch, monotonic(), new Map(hosts.map(({ id, renewals }) => [id, renewals])));
    return hosts;
  }

  /** Takes from a host that has expired what it held, if nobody has heard of it in between. */
  async #expire({ id, name, session }: GatewayHost): Promise<void> {
    const { store, log, termMs } = this.#options;
    const counter = session === undefined ? undefined : findExpiredCounter(this.#watch, id, termMs);
    if (counter === undefined) return;
    const expire = async (db: Db) => ((await endSession(db, id, counter)) ? freeLeasesOf(db, id) : undefined);
    const gateways = await store.transaction(expire, "at-once", placementTurn);
    if (gateways !== undefined)
      log.warn({ host: name, gateways }, "the leases of a gateway host are over: it is silent");
  }

  /** Where all is in place, that is found by looking at three indexes which then are empty. */
  async #hasWork(hosts: readonly GatewayHost[]): Promise<boolean> {
    const { db } = this.#options.store;
    if (hosts.some((host) => mostMoves(host) > 0)) return true;
    if ((await listFreeGateways(db, 0, 1)).length > 0) return true;
    this.#after = 0;
    this.#homeless.clear();
    return hasMoves(db);
  }

  async #giveAway(): Promise<void> {
    const { store, log, termMs, onGranted } = this.#options;
    const mayHave = (hostId: number) => isLive(this.#watch, hostId, termMs);
    for (let batch = 0; batch < mostBatches; batch += 1) {
      const isFirst = this.#after === 0;
      const arranged = await store.transaction((db) => arrange(db, mayHave, this.#after), "at-once", placementTurn);
      const { granted, leaving, next } = arranged;
      this.#after = next;
      for (const [gateway, host] of granted) log.info({ gateway, host }, "a gateway is given to a host");
      for (const [gateway, host] of leaving) log.info({ gateway, host }, "a host is to leave a gateway");
      const told = new Set([...granted.values(), ...leaving.values()]);
      if (told.size > 0) onGranted([...told]);
      await this.#recordHomeless(arranged, isFirst && next === 0);
      if (next === 0) return;
    }
  }

  /** @param isAll whether there are no others */
  async #recordHomeless({ homeless, going }: Arranged, isAll: boolean): Promise<void> {
    const { store, clock, monotonic } = this.#options;
    const nowMs = clock();
    const untilMs = monotonic() + recordMs;
    for (const { id, accountId } of going) {
      if (monotonic() >= untilMs) return;
      await store.transaction((db) => removeHomeless(db, id, nowMs), "later", accountId);
    }
    const patient = this.#remember(homeless, isAll);
    const ids = patient.map(({ gateway }) => gateway.id);
    const overdue = new Set(await listGatewaysWithTasks(store.db, ids, nowMs - taskPatienceMs));
    const changed = patient.filter(({ gateway, failure }) => overdue.has(gateway.id) || !isKnown(gateway, failure));
    for (const { gateway, failure } of changed) {
      if (monotonic() >= untilMs) return;
      await store.transaction((db) => recordHomeless(db, gateway.id, failure, nowMs), "later", gateway.accountId);
    }
  }

  /** @returns those that have been without a host for long enough to say so */
  #remember(homeless: Arranged["homeless"], isAll: boolean): Arranged["homeless"] {
    const nowMs = this.#options.monotonic();
    const since = new Map(homeless.map(({ gateway: { id } }) => [id, this.#homeless.get(id) ?? nowMs]));
    if (isAll || this.#homeless.size > mostRemembered) this.#homeless = since;
    else for (const [id, sinceMs] of since) this.#homeless.set(id, sinceMs);
    return homeless.filter(({ gateway: { id } }) => nowMs - (since.get(id) ?? nowMs) >= patienceMs);
  }
}

/** Whether the gateway's row says so already. */
function isKnown({ status, failure }: FreeGateway, reason: string): boolean {
  return isLeavingGw(status) || (status === "delivery-failed" && failure === reason);
}
