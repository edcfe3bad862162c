// What is known about the channels of one gateway that are not up. Fed with charon's log, cleared by tunnels that come up; bounded
// by the number of its connections.
import type { Cause, Channel, Diagnosis, Finding, LogLine } from "./diagnosis.ts";
import { type Attempt, newAttempt, readLine } from "./findings.ts";
import { describe } from "./wording.ts";

/** A vague finding does not take the place of an exact one that is this young: both ends begin in turn, and each sees its part. */
const exactMs = 600_000;
/** Lines that tell who began an IKE_SA. */
const beginner = /^(\S+) is initiating an? \w+ Mode IKE_SA$|^no IKE config found for .*\.\.\.([\d.]+),/;
const longestText = 300;
const spareAttempts = 64;

/** Exact causes that a vague one may be another view of. */
const viewsOf: Partial<Record<Cause, readonly Cause[]>> = {
  "ike-proposal": ["ike-proposal"],
  "authentication-refused": ["identity", "exchange-mode"],
  "ipsec-refused": ["ipsec-proposal", "pfs"],
  "traffic-selectors": ["traffic-selectors"],
};

/** What a peer that says no is not any more. */
const silences: readonly Cause[] = ["peer-silent", "peer-stopped", "dpd-timeout"];

interface Known {
  readonly channel: Channel;
  readonly installed: Set<string>;
  readonly loadedMs: number;
  finding: Finding | undefined;
  sinceMs: number;
  lastMs: number;
}

interface HeardAttempt extends Attempt {
  /** Who began it, while charon has no name for it. */
  peer: string | undefined;
}

export class GatewayDiagnosis {
  readonly #known = new Map<string, Known>();
  /** By unique id, oldest first. */
  readonly #attempts = new Map<string, HeardAttempt>();

  /** A connection or its key has been loaded, perhaps with other settings: what was found or written before says nothing. */
  expect({ name, localAddress, remoteAddress, ike, children }: Channel, loadedMs: number): void {
    // Field by field: what comes may be more than a Channel, and have the key with it.
    const channel = { name, localAddress, remoteAddress, ike, children };
    const installed = this.#known.get(name)?.installed ?? new Set();
    this.#known.set(name, { channel, installed, loadedMs, finding: undefined, sinceMs: 0, lastMs: 0 });
  }

  /** The connection has been unloaded. */
  forget(name: string): void {
    this.#known.delete(name);
  }

  /** charon has gone, and every tunnel with it. Said once, or again and again. */
  seeStopped(atMs: number): void {
    this.#attempts.clear();
    for (const known of this.#known.values()) {
      known.installed.clear();
      take(known, { cause: "gateway-not-running", said: "" }, false, atMs);
    }
  }

  /** Names of all children that are installed, as listed: the truth, which log lines only announce. */
  seeInstalled(children: ReadonlySet<string>): void {
    for (const known of this.#known.values()) {
      known.installed.clear();
      for (const { name } of known.channel.children) if (children.has(name)) known.installed.add(name);
      clearIfUp(known);
    }
  }

  hear({ connection, uniqueId, text, atMs }: LogLine): void {
    const begun = /^initiating \w+ Mode IKE_SA .*\[(\d+)\] to /.exec(text)?.[1];
    if (begun !== undefined) this.#attempt(begun);
    if (uniqueId === undefined || begun !== undefined) return;
    const attempt = this.#attempt(uniqueId);
    attempt.peer =
      beginner
        .exec(text)
        ?.slice(1)
        .find((address) => address !== undefined) ?? attempt.peer;
    const { hadChild } = attempt;
    const finding = readLine(text, attempt);
    const named = this.#known.get(connection ?? "");
    if (named !== undefined) noteChildren(named, text);
    if (finding === undefined) return;
    const meant = named === undefined ? this.#whoMayBeMeant(attempt.peer) : [named];
    for (const known of meant) if (atMs >= known.loadedMs) take(known, trim(finding), hadChild, atMs);
  }

  /** Why a connection is not up; undefined when it is, or when nothing is known yet. */
  explain(name: string): Diagnosis | undefined {
    const known = this.#known.get(name);
    if (known?.finding === undefined) return undefined;
    return describe(known.channel, known.finding, known.sinceMs);
  }

  #attempt(uniqueId: string): HeardAttempt {
    const found = this.#attempts.get(uniqueId);
    if (found !== undefined) return found;
    const made = { ...newAttempt(), peer: undefined };
    this.#attempts.set(uniqueId, made);
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size > 2 * this.#known.size + spareAttempts && oldest !== undefined)
      this.#attempts.delete(oldest);
    return made;
  }

  /** While charon does not know which connection a peer means, it may be each of that peer's that is not up. */
  #whoMayBeMeant(peer: string | undefined): Known[] {
    return [...this.#known.values()].filter((known) => known.channel.remoteAddress === peer && !isUp(known));
  }
}

function take(known: Known, finding: Finding, hadChild: boolean, atMs: number): void {
  const { finding: before } = known;
  // An IKE_SA that the peer takes away before it carried anything is how some say no; an exact reason is better.
  const isNo = finding.cause === "peer-deleted" && !hadChild;
  const isSecondView =
    before !== undefined && ((isNo && !silences.includes(before.cause)) || isVagueViewOf(finding, before));
  if (isSecondView && atMs - known.lastMs < exactMs) return;
  const isSameSilence = before !== undefined && [before, finding].every(({ cause }) => silences.includes(cause));
  if (before?.cause !== finding.cause && !isSameSilence) known.sinceMs = atMs;
  known.finding = finding;
  known.lastMs = atMs;
}

function isVagueViewOf(finding: Finding, before: Finding): boolean {
  // That it was up before it fell silent is worth knowing for a while.
  if (finding.cause === "peer-silent" && before.cause === "dpd-timeout") return true;
  if (finding.differs !== undefined || before.differs === undefined) return false;
  return viewsOf[finding.cause]?.includes(before.cause) ?? false;
}

function noteChildren(known: Known, text: string): void {
  const closed = /^closing CHILD_SA (.+)\{\d+\} /.exec(text)?.[1];
  if (closed !== undefined) known.installed.delete(closed);
  const established = /^CHILD_SA (.+)\{\d+\} established /.exec(text)?.[1];
  if (established === undefined) return;
  known.installed.add(established);
  clearIfUp(known);
}

function clearIfUp(known: Known): void {
  if (isUp(known)) known.finding = undefined;
}

function isUp({ channel, installed }: Known): boolean {
  return channel.children.length > 0 && channel.children.every(({ name }) => installed.has(name));
}

/** A peer chooses its identity, so what it said may be long and may hold anything. */
function trim(finding: Finding): Finding {
  const cut = (text: string) => text.replace(/\p{Cc}/gu, "?").slice(0, longestText);
  return {
    ...finding,
    said: cut(finding.said),
    ...(finding.differs === undefined ? {} : { differs: cut(finding.differs) }),
  };
}
