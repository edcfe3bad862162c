// Keeps the leases of a host: asks for them again and again, says to the data plane until when gateways may send and receive, and to the
// loops which they are. When nobody renews, the kernel silences the gateways (docs/decisions/0104-a-lease-for-each-gateway.md); here it
// is only said. Silent gateways stay as they are and go on with the next renewal that names them, so a short outage costs no tunnel.
import { type Control, ControlError, type Leases } from "../control/control.ts";
import type { Log } from "../reconcile/log.ts";

export interface LeaseKeeperOptions {
  readonly control: Pick<Control, "renew">;
  /** Dataplane.permit. */
  readonly permit: (gatewayIds: readonly number[], forMs: number) => Promise<void>;
  /** Reconciler.hold: takes no time itself. */
  readonly hold: (leases: Leases) => void;
  readonly log: Log;
  /** In milliseconds; never set back or forth. */
  readonly clock?: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** A host that has missed three renewals has half a term left. */
const renewalsInTerm = 6;
/** By how much a pause may be shorter: hosts that were started together are not to ask together for ever. */
const jitter = 0.2;
const retryMs = 1_000;
/** Who is refused is not heard sooner by asking often: somebody has to do something, or another session has to expire. */
const refusedMs = 10_000;
/** How long a first answer may take, when the term is not known yet. */
const firstPatienceMs = 30_000;

export class LeaseKeeper {
  readonly #control: Pick<Control, "renew">;
  readonly #permit: LeaseKeeperOptions["permit"];
  readonly #hold: LeaseKeeperOptions["hold"];
  readonly #log: Log;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #first = Promise.withResolvers<void>();
  readonly #stop = Promise.withResolvers<never>();
  #isStopping = false;
  #isStopped = false;
  #isAsked = false;
  /** The renewal under way: there are never two. */
  #turn: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #termMs: number | undefined;
  /** When the term of the last renewal is over. */
  #endMs = Number.NEGATIVE_INFINITY;
  /** All that the last renewal named, until its term is over. */
  #named: ReadonlySet<number> = new Set();
  /** What the log says is wrong. */
  #trouble: string | undefined;

  constructor({ control, permit, hold, log, clock, random }: LeaseKeeperOptions) {
    this.#control = control;
    this.#permit = permit;
    this.#hold = hold;
    this.#log = log;
    this.#clock = clock ?? (() => performance.now());
    this.#random = random ?? Math.random;
    this.#stop.promise.catch(() => {});
  }

  /** Whether the last renewal was answered, and its term lasts. */
  get isRenewed(): boolean {
    return this.#trouble === undefined && this.#clock() < this.#endMs;
  }

  /** Resolves when the first answer has been acted on, or there was none; it is asked for again from then on. */
  async start(): Promise<void> {
    this.renewNow();
    await this.#first.promise;
  }

  /** Renewing has something new to say. While a renewal is under way another one follows it. */
  renewNow(): void {
    if (this.#isStopped) return;
    this.#isAsked = true;
    this.#turn ??= this.#renewWhileAsked().finally(() => {
      this.#turn = undefined;
      if (this.#isAsked) this.renewNow();
    });
  }

  /** From now on renewals say that this host is about to stop, and come as often as there may be news. */
  announceStop(): void {
    this.#isStopping = true;
    this.renewNow();
  }

  /** Asks no more. The gateways live on until their leases end. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#expiry);
    this.#stop.reject(new ControlError("unavailable", "the host is being stopped"));
    await this.#turn;
  }

  async #renewWhileAsked(): Promise<void> {
    while (this.#isAsked && !this.#isStopped) {
      this.#isAsked = false;
      clearTimeout(this.#timer);
      const begin = this.#clock();
      const pauseMs = (await this.#renew(begin)) * (1 - jitter * this.#random());
      this.#first.resolve();
      if (this.#isStopped || pauseMs === Number.POSITIVE_INFINITY) return;
      this.#timer = setTimeout(() => this.renewNow(), Math.max(0, begin + pauseMs - this.#clock())).unref();
    }
  }

  /** @param begin before the request was sent: from then on the term counts @returns how long after that to ask again, in milliseconds */
  async #renew(begin: number): Promise<number> {
    try {
      const leases = await this.#ask();
      if (this.#clock() - begin >= leases.termMs) throw tooLate;
      await this.#take(leases, begin);
      return Math.min(leases.termMs / renewalsInTerm, this.#isStopping ? retryMs : Number.POSITIVE_INFINITY);
    } catch (error) {
      if (this.#isStopped) return retryMs;
      return this.#noteTrouble(error) + this.#clock() - begin;
    }
  }

  /** What is answered later than a term after the question is not waited for. @throws ControlError */
  async #ask(): Promise<Leases> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(tooLate), Math.min(this.#termMs ?? firstPatienceMs, firstPatienceMs));
    try {
      return await Promise.race([this.#control.renew(this.#isStopping), late.promise, this.#stop.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #take(leases: Leases, begin: number): Promise<void> {
    const { termMs, gatewayIds, leavingIds } = leases;
    const end = begin + termMs;
    // What is leaving says goodbye to its peers, and is nobody else's before it is released.
    const named = new Set([...gatewayIds, ...leavingIds]);
    const lost = [...this.#named].filter((id) => !named.has(id));
    this.#termMs = termMs;
    this.#named = named;
    this.#endMs = end;
    this.#settle();
    clearTimeout(this.#expiry);
    const isEternal = termMs === Number.POSITIVE_INFINITY;
    if (!isEternal) this.#expiry = setTimeout(() => this.#expire(), end - this.#clock()).unref();
    // Nobody else runs what was this host's for good.
    const close = isEternal || lost.length === 0 ? undefined : this.#permit(lost, 0);
    await Promise.all([close, this.#permit([...named], end - this.#clock())]);
    // A gateway that is gained gets its network by a loop, with the guard as it has just been set.
    if (!this.#isStopped && this.#clock() < end) this.#hold(leases);
  }

  /** Another host may have run them meanwhile: the loops forget what they know, and leave on the machine what is there. */
  #expire(): void {
    const gatewayIds = [...this.#named];
    this.#named = new Set();
    const message = "nobody has renewed the leases of this host: its gateways are silent until somebody does";
    if (gatewayIds.length > 0) this.#log.error({ gatewayIds }, message);
    this.#trouble ??= message;
    this.#hold({ termMs: 0, gatewayIds: [], leavingIds: [] });
  }

  /** Says it once. @returns when to ask again, in milliseconds */
  #noteTrouble(error: unknown): number {
    const { message } = error instanceof Error ? error : new Error(String(error));
    const isRefused = error instanceof ControlError && error.kind === "refused";
    if (this.#trouble !== message) {
      if (isRefused) this.#log.error({ reason: message }, "this host is refused; it asks again");
      else if (error instanceof ControlError)
        this.#log.warn({ reason: message }, "leases cannot be renewed; it is tried again");
      else this.#log.error({ err: error }, "leases cannot be renewed; it is tried again");
    }
    this.#trouble = message;
    if (isRefused) return refusedMs;
    return Math.min(retryMs, (this.#termMs ?? Number.POSITIVE_INFINITY) / renewalsInTerm);
  }

  #settle(): void {
    if (this.#trouble !== undefined) this.#log.info({}, "leases are renewed again");
    this.#trouble = undefined;
  }
}

const tooLate = new ControlError("unavailable", "a renewal was answered later than a term after it was asked for");
