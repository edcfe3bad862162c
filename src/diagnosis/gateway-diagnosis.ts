// What is known about the connections of one gateway that are not up, and about the peers that knock there and fit none. Fed with
// charon's log, cleared by tunnels that come up; bounded by the number of its connections.
import type { Cause, DiagnosisEvent, UnknownPeer } from "../vpn/diagnosis.ts";
import type { Channel, Finding, LogLine, Trouble } from "./diagnosis.ts";
import { addEvent, clean, readEvent } from "./events.ts";
import { type Attempt, newAttempt, readForbidden, readLine } from "./findings.ts";
import { Strangers } from "./strangers.ts";

/** A vague finding does not take the place of an exact one that is this young: both ends begin in turn, and each sees its part. */
const exactMs = 600_000;
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
  readonly events: DiagnosisEvent[];
  trouble: Trouble | undefined;
  /** When what is wrong was found last. */
  lastMs: number;
}

export class GatewayDiagnosis {
  readonly #known = new Map<string, Known>();
  /** By unique id, oldest first. */
  readonly #attempts = new Map<string, Attempt>();
  readonly #strangers = new Strangers();
  /** Whose packet was sent last: its connection and unique id. */
  #sender: Pick<LogLine, "connection" | "uniqueId"> = { connection: undefined, uniqueId: undefined };

  /** A connection or its key has been loaded, perhaps with other settings: what was found or written before says nothing. */
  expect({ name, localAddress, remoteAddress, ike, children }: Channel, loadedMs: number): void {
    // Field by field: what comes may be more than a Channel, and have the key with it.
    const channel = { name, localAddress, remoteAddress, ike, children };
    const before = this.#known.get(name);
    const [installed, events] = [before?.installed ?? new Set<string>(), before?.events ?? []];
    this.#known.set(name, { channel, installed, loadedMs, events, trouble: undefined, lastMs: 0 });
    this.#strangers.forget(remoteAddress);
  }

  /** The connection has been unloaded. */
  forget(name: string): void {
    this.#known.delete(name);
  }

  /** charon has gone, and every tunnel with it. Said once, or again and again. */
  seeStopped(): void {
    this.#attempts.clear();
    for (const known of this.#known.values()) known.installed.clear();
  }

  /** Names of all children that are installed, as listed: the truth, which log lines only announce. */
  seeInstalled(children: ReadonlySet<string>): void {
    for (const known of this.#known.values()) {
      known.installed.clear();
      for (const { name } of known.channel.children) if (children.has(name)) known.installed.add(name);
      clearIfUp(known);
    }
  }

  /** @returns whether it tells anything new of a connection that is not up */
  hear(line: LogLine): boolean {
    if (line.text.startsWith("sending packet: ")) this.#sender = line;
    else if (/^error writing to socket: (Operation not permitted|Permission denied)$/.test(line.text)) {
      return this.#hearOf({ ...line, ...whose(this.#sender) }, readForbidden);
    } else return this.#hearOf(line, (attempt) => readLine(line.text, attempt));
    return false;
  }

  #hearOf({ connection, uniqueId, text, atMs }: LogLine, read: (attempt: Attempt) => Finding | undefined): boolean {
    const [, ofName, ofId] = /^initiating \w+ Mode IKE_SA (.*)\[(\d+)\] to /.exec(text) ?? [];
    const attempt = this.#attempt(ofId ?? uniqueId ?? "");
    const hadChild = attempt.hadChild;
    const finding = read(attempt);
    const named = this.#known.get(ofName ?? connection ?? "");
    if (named !== undefined) noteChildren(named, text);
    const event = readEvent(text);
    if (event === undefined && finding === undefined) return false;
    const meant = named === undefined ? this.#whoMayBeMeant(attempt.peer) : [named];
    if (event !== undefined) for (const { events } of meant) addEvent(events, atMs, event);
    if (finding === undefined) return false;
    if (meant.length === 0) this.#seeStranger(attempt, finding, atMs);
    const changed = meant.filter((known) => atMs >= known.loadedMs && take(known, trim(finding), hadChild, atMs));
    return changed.length > 0;
  }

  /** Why connections are not up, by name; without those of which nothing is known. */
  troubles(): Map<string, Trouble> {
    const troubles = new Map<string, Trouble>();
    for (const [name, { trouble }] of this.#known) if (trouble !== undefined) troubles.set(name, trouble);
    return troubles;
  }

  /** Who began with this gateway and fits none of its connections. The same object while nobody has. */
  get unknownPeers(): readonly UnknownPeer[] {
    return this.#strangers.peers;
  }

  #attempt(uniqueId: string): Attempt {
    const found = this.#attempts.get(uniqueId);
    if (found !== undefined) return found;
    const made = newAttempt();
    this.#attempts.set(uniqueId, made);
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size > 2 * this.#known.size + spareAttempts && oldest !== undefined)
      this.#attempts.delete(oldest);
    return made;
  }

  /** While charon does not know which connection a peer means, it may be each of that peer's that is not up. */
  #whoMayBeMeant(peer: string): Known[] {
    if (peer === "") return [];
    return [...this.#known.values()].filter((known) => known.channel.remoteAddress === peer && !isUp(known));
  }

  /** Once for each IKE_SA, and only where the peer began. */
  #seeStranger(attempt: Attempt, { cause, said }: Finding, atMs: number): void {
    const { peer, isStranger } = attempt;
    if (peer === "" || isStranger) return;
    attempt.isStranger = true;
    const isPeer = [...this.#known.values()].some(({ channel }) => channel.remoteAddress === peer);
    this.#strangers.knock(peer, attempt, isPeer ? said || cause : "no channel has this peer address", atMs);
  }
}

function whose({ connection, uniqueId }: Pick<LogLine, "connection" | "uniqueId">) {
  return { connection, uniqueId };
}

/** @returns whether what is known has changed */
function take(known: Known, finding: Finding, hadChild: boolean, atMs: number): boolean {
  addEvent(known.events, atMs, finding.said === "" ? finding.cause : `${finding.cause}: ${finding.said}`);
  const before = known.trouble?.finding;
  // An IKE_SA that the peer takes away before it carried anything is how some say no; an exact reason is better.
  const isNo = finding.cause === "peer-deleted" && !hadChild;
  const isSecondView =
    before !== undefined && ((isNo && !silences.includes(before.cause)) || isVagueViewOf(finding, before));
  if (isSecondView && atMs - known.lastMs < exactMs) return false;
  known.lastMs = atMs;
  if (before !== undefined && isSame(before, finding)) return false;
  const isSameSilence = before !== undefined && [before, finding].every(({ cause }) => silences.includes(cause));
  const isOld = before?.cause === finding.cause || isSameSilence;
  known.trouble = { finding, sinceMs: isOld ? (known.trouble?.sinceMs ?? atMs) : atMs, events: known.events };
  return true;
}

function isSame(a: Finding, b: Finding): boolean {
  return a.cause === b.cause && a.said === b.said && a.differs === b.differs;
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
  if (isUp(known)) known.trouble = undefined;
}

function isUp({ channel, installed }: Known): boolean {
  return channel.children.length > 0 && channel.children.every(({ name }) => installed.has(name));
}

function trim(finding: Finding): Finding {
  const { cause, said, differs } = finding;
  return { cause, said: clean(said), ...(differs === undefined ? {} : { differs: clean(differs) }) };
}
