// Until when each gateway of this machine may send and receive, and the timeouts in the kernel that hold it to that. Whether a guard is
// there at all is gateway-network.ts's affair: what is opened and closed here has been made before any link was up.
import { type GuardHands, guardHands } from "./guard-hands.ts";
import { CommandError } from "./ip.ts";
import { closeStatements, extendStatements, type GuardWish, openStatements } from "./lease-guard.ts";
import { inTurn } from "./turns.ts";

/** So many runs of nft at once: most of its time it waits for the kernel. */
const lanes = 4;

/**
 * The kernel counts a timeout from the end of nft's run, and in jiffies (4 or 10 ms); its clock may be slewed by 500 ppm, 15 ms in 30 s.
 * So much earlier than the lease every timeout ends: `kernelMs` for these, the rest for the run.
 */
const kernelMs = 50;
const leastMarginMs = 250;

/**
 * When the kernel is told anew: when this share of what it was given has gone. A run of nft costs 5 to 10 ms of a processor, and renewals
 * come six times in a term. The last renewal's deadline is told in time whatever becomes of the next one; a process that dies leaves the
 * gateways the rest, 12 s at least of a term of 30 s.
 */
const shareGone = 1 / 2;
/** Of setTimeout, which takes more for nothing. */
const longestTimerMs = 2 ** 31 - 1;

/** What the kernel was told of a gateway that is open. */
interface Told {
  readonly deadline: number;
  readonly dueMs: number;
  readonly timer: NodeJS.Timeout;
}

/** What has become of a guard, and the deadline that it is held to. */
interface Outcome {
  readonly outcome: "extended" | "opened" | "closed";
  readonly deadline: number;
}

export interface LeaseGuardsOptions {
  readonly namespaceOf: (gatewayId: number) => string;
  /** Monotonic, in milliseconds: Linux's CLOCK_MONOTONIC, as performance.now() is. */
  readonly clock: () => number;
  /** Called when `apply` has something to tell the kernel. */
  readonly onDue: (gatewayId: number) => void;
  readonly hands?: GuardHands;
}

export class LeaseGuards {
  readonly #namespaceOf: (gatewayId: number) => string;
  readonly #clock: () => number;
  readonly #hands: GuardHands;
  readonly #onDue: (gatewayId: number) => void;
  readonly #told = new Map<number, Told>();
  readonly #deadlines = new Map<number, number>();
  /** Gateways whose addresses have been announced once: they are again with the next renewal, as RFC 5227 2.3 has it. */
  readonly #announced = new Set<number>();
  /** This host has leases: without one a gateway is silent. */
  #isLeased = false;

  constructor({ namespaceOf, clock, onDue, hands = guardHands }: LeaseGuardsOptions) {
    this.#namespaceOf = namespaceOf;
    this.#clock = clock;
    this.#onDue = onDue;
    this.#hands = hands;
  }

  /** Writes down a deadline for each, counted from now. @returns those that now have to have a guard, or to have none, and had not before */
  record(gatewayIds: readonly number[], forMs: number): number[] {
    const nowMs = this.#clock();
    const deadline = nowMs + forMs;
    const before = gatewayIds.map((id) => this.wishOf(id));
    if (forMs !== Number.POSITIVE_INFINITY) this.#isLeased = true;
    for (const id of gatewayIds) this.#deadlines.set(id, deadline);
    // As good as never named.
    for (const [id, atMs] of this.#deadlines) if (atMs <= nowMs) this.#deadlines.delete(id);
    return gatewayIds.filter((id, index) => this.wishOf(id) !== before[index]);
  }

  wishOf(gatewayId: number): GuardWish {
    const deadline = this.#deadlineOf(gatewayId);
    if (deadline === undefined) return "as it is";
    return deadline === Number.POSITIVE_INFINITY ? "none" : "there";
  }

  /**
   * Brings the kernel's timeout to what is written down, as far as it is due, and tells the neighbours when packets pass again that did
   * not. Does nothing where there is no namespace yet. @throws CommandError when there is no guard
   */
  async apply(gatewayId: number): Promise<void> {
    await inTurn(`lease ${gatewayId % lanes}`, async () => {
      if (this.#isDue(gatewayId)) await this.#apply(gatewayId);
    });
  }

  /** The same for a guard that has been made, and is closed. */
  async applyAnew(gatewayId: number): Promise<void> {
    await inTurn(`lease ${gatewayId % lanes}`, () => this.#apply(gatewayId));
  }

  /** Ends the timers; what the kernel has been told stays. */
  close(): void {
    for (const id of [...this.#told.keys()]) this.#forget(id);
  }

  async #apply(gatewayId: number): Promise<void> {
    this.#forget(gatewayId);
    const namespace = this.#namespaceOf(gatewayId);
    if (this.wishOf(gatewayId) !== "there" || !(await this.#hands.isThere(namespace))) return;
    const { outcome, deadline } = await this.#setTimeouts(gatewayId, namespace);
    if (outcome !== "closed") this.#remember(gatewayId, deadline);
    const isAgain = outcome === "extended" && this.#announced.delete(gatewayId);
    if (outcome === "opened") this.#announced.add(gatewayId);
    if (outcome === "opened" || isAgain) await this.#hands.announce(namespace);
  }

  #isDue(gatewayId: number): boolean {
    const told = this.#told.get(gatewayId);
    const deadline = this.#deadlineOf(gatewayId) ?? 0;
    if (told === undefined || deadline < told.deadline) return true;
    const isLater = deadline > told.deadline;
    return isLater && (this.#clock() >= told.dueMs || this.#announced.has(gatewayId));
  }

  #remember(gatewayId: number, deadline: number): void {
    const nowMs = this.#clock();
    const waitMs = Math.min((deadline - nowMs) * shareGone, longestTimerMs);
    const timer = setTimeout(() => this.#onDue(gatewayId), waitMs).unref();
    this.#told.set(gatewayId, { deadline, dueMs: nowMs + waitMs, timer });
  }

  #forget(gatewayId: number): void {
    clearTimeout(this.#told.get(gatewayId)?.timer);
    this.#told.delete(gatewayId);
  }

  /**
   * nft, or this process, may have been held up between the reckoning and the kernel's count; then it is done again with a greater margin,
   * until the timeout is known to end before the lease. Where the time was over before, nft refuses to extend it: a process that was
   * stopped for long opens nothing when it goes on.
   */
  async #setTimeouts(gatewayId: number, namespace: string): Promise<Outcome> {
    let isOpening = false;
    for (let marginMs = leastMarginMs; ; ) {
      const begin = this.#clock();
      const deadline = this.#deadlineOf(gatewayId) ?? 0;
      const forMs = Math.floor(deadline - begin - marginMs);
      if (forMs <= 0) {
        await this.#hands.nft(namespace, closeStatements);
        return { outcome: "closed", deadline };
      }
      if (isOpening) await this.#hands.nft(namespace, openStatements(forMs));
      else if (!(await isTaken(this.#hands.nft(namespace, extendStatements(forMs))))) {
        isOpening = true;
        continue;
      }
      const isInTime = this.#clock() - begin <= marginMs - kernelMs;
      if (isInTime) return { outcome: isOpening ? "opened" : "extended", deadline };
      marginMs *= 2;
    }
  }

  #deadlineOf(gatewayId: number): number | undefined {
    return this.#deadlines.get(gatewayId) ?? (this.#isLeased ? Number.NEGATIVE_INFINITY : undefined);
  }
}

async function isTaken(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}
