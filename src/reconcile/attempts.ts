// When a CHILD_SA that is not there is to be initiated: bounded attempts in flight, backoff, deadlines. Pure but for its own memory.
import type { IkeSa } from "../dataplane/dataplane.ts";
import type { Fit } from "./fit.ts";

/** charon gives up after 20.7 s with our retransmission settings; an IKE_SA still connecting after this is ended by us. */
export const connectDeadlineMs = 25_000;
/** A quick mode under way shows nothing in the listing; its first retransmissions come at 0.5, 0.9, 1.6 and 2.9 s. */
export const quickModeMs = 4_000;
const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;
/** A CHILD_SA this old was a success. */
const lastingMs = 10_000;
/**
 * Fewer, and charon runs out of work while a round records what has come of the last ones. More make nothing faster, and those that
 * wait in charon for longer than a quick mode may take are begun twice.
 */
const window = 32;
/** An attempt this old is waiting for a peer, not for us, and holds up nobody. */
const windowMs = 1_000;

interface Attempt {
  readonly startedMs: number;
  readonly failures: number;
  /** It came to a CHILD_SA, which has not lasted yet. */
  readonly isUp: boolean;
}

export type InitiationVerdict =
  | { readonly kind: "initiate" }
  | { readonly kind: "wait"; readonly untilMs: number }
  /** charon still tries, but for too long. */
  | { readonly kind: "give-up" };

/** The attempts to bring up the children of one gateway. */
export class Attempts {
  readonly #attempts = new Map<string, Attempt>();
  /** When an IKE_SA was first seen connecting, by unique id: the peer begins some, at times that no attempt of ours tells. */
  readonly #connectingSinceMs = new Map<string, number>();

  /** Takes note of the IKE_SAs that are there. */
  see(ikeSas: readonly IkeSa[], nowMs: number): void {
    const connecting = new Set(ikeSas.filter(isConnecting).map((sa) => sa.uniqueId));
    for (const id of this.#connectingSinceMs.keys()) if (!connecting.has(id)) this.#connectingSinceMs.delete(id);
    for (const id of connecting) if (!this.#connectingSinceMs.has(id)) this.#connectingSinceMs.set(id, nowMs);
  }

  /** Whether an IKE_SA has been connecting for too long. */
  isOverdue(ikeSa: IkeSa, nowMs: number): boolean {
    return isConnecting(ikeSa) && nowMs >= this.#deadlineMs(ikeSa, nowMs);
  }

  #deadlineMs({ uniqueId }: IkeSa, nowMs: number): number {
    return (this.#connectingSinceMs.get(uniqueId) ?? nowMs) + connectDeadlineMs;
  }

  /** A child is there. What it took is forgotten once it has lasted, so that one that falls at once is not tried at once. */
  succeed(child: string, nowMs: number): void {
    const attempt = this.#attempts.get(child);
    if (attempt === undefined) return;
    if (nowMs - attempt.startedMs >= lastingMs) this.#attempts.delete(child);
    else if (!attempt.isUp) this.#attempts.set(child, { ...attempt, isUp: true });
  }

  start(child: string, nowMs: number): void {
    const before = this.#attempts.get(child);
    const failures = before === undefined ? 0 : before.failures + 1;
    this.#attempts.set(child, { startedMs: nowMs, failures, isUp: false });
  }

  /** charon was started anew: whatever was tried before says nothing. */
  clear(): void {
    this.#attempts.clear();
    this.#connectingSinceMs.clear();
  }

  /**
   * Holds what was tried and has not lasted yet against what is there now.
   * @param connectionOf the connection that wants a child; undefined: none does
   */
  review(
    fits: ReadonlyMap<string, Pick<Fit, "installed">>,
    connectionOf: (child: string) => string | undefined,
    nowMs: number,
  ): void {
    for (const child of this.#attempts.keys()) {
      const connection = connectionOf(child);
      if (connection === undefined) this.forget(child);
      else if (fits.get(connection)?.installed.has(child)) this.succeed(child, nowMs);
    }
  }

  /** Forgets a child that nobody wants any more, or that is to be made anew under another connection. */
  forget(child: string): void {
    this.#attempts.delete(child);
  }

  /** When a child was tried last; undefined when it was not. */
  lastStartMs(child: string): number | undefined {
    return this.#attempts.get(child)?.startedMs;
  }

  /** How many may be started now. */
  room(nowMs: number): number {
    let fresh = 0;
    for (const { startedMs, isUp } of this.#attempts.values()) if (!isUp && nowMs - startedMs < windowMs) fresh += 1;
    return Math.max(0, window - fresh);
  }

  /** What to do about a child that has no CHILD_SA, given the IKE_SAs of its connection. */
  judge(child: string, ikeSas: readonly IkeSa[], nowMs: number): InitiationVerdict {
    const attempt = this.#attempts.get(child);
    if (attempt === undefined) return { kind: "initiate" };
    const connecting = ikeSas.filter(isConnecting);
    if (connecting.length > 0) {
      const deadlineMs = Math.min(...connecting.map((sa) => this.#deadlineMs(sa, nowMs)));
      return nowMs >= deadlineMs ? { kind: "give-up" } : { kind: "wait", untilMs: deadlineMs };
    }
    const backoffMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(attempt.failures, 10));
    const isEstablished = ikeSas.some((sa) => sa.state === "ESTABLISHED");
    const dueMs = attempt.startedMs + (isEstablished ? Math.max(backoffMs, quickModeMs) : backoffMs);
    return nowMs >= dueMs ? { kind: "initiate" } : { kind: "wait", untilMs: dueMs };
  }
}

function isConnecting({ state }: IkeSa): boolean {
  return state === "CONNECTING";
}
