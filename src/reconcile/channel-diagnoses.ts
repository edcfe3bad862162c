// Why channels are not up, as recorded, and what is new about it. Pure but for its own memory. Only what changed is gone through: a
// connection whose SAs fit as before and of which nothing else was found costs one comparison, and one that is up nothing.
import type { DiagnosisChanges } from "../control/control.ts";
import type { Finding, Trouble } from "../diagnosis/diagnosis.ts";
import { describe } from "../diagnosis/wording.ts";
import type { Cause, Diagnosis } from "../vpn/diagnosis.ts";
import type { DesiredConns, HeldConn } from "./desired.ts";
import type { Fits } from "./net-statuses.ts";

/** New events alone are not worth writing down, unless what is written is this old. */
const staleMs = 300_000;
/** Causes that end when there is nothing to say any more, without the channel coming up. */
const ofWhatRuns: readonly Cause[] = ["gateway-not-running", "one-way", "volume-lifetime"];
const notRunning: Finding = { cause: "gateway-not-running", said: "" };

interface Recorded {
  readonly diagnosis: Diagnosis;
  readonly atMs: number;
}

export class ChannelDiagnoses {
  readonly #recorded: Map<number, Recorded>;

  /** @param recorded as found at the beginning */
  constructor(recorded: ReadonlyMap<number, Diagnosis>) {
    this.#recorded = new Map([...recorded].map(([connId, diagnosis]) => [connId, { diagnosis, atMs: 0 }]));
  }

  /**
   * @param troubles of connections that are not up, by name
   * @param warnings of channels that are up
   */
  changes(
    fits: Fits,
    { troubles, warnings }: { troubles: ReadonlyMap<string, Trouble>; warnings: ReadonlyMap<number, Trouble> },
    conns: DesiredConns,
    nowMs: number,
  ): Map<number, Diagnosis | undefined> {
    const changes = new Map<number, Diagnosis | undefined>();
    for (const [connId, { diagnosis }] of this.#recorded) {
      const held = conns.get(connId);
      if (held === undefined || warnings.has(connId)) continue;
      const isOver = isUp(held, fits) || ofWhatRuns.includes(diagnosis.cause);
      if (isOver) changes.set(connId, undefined);
    }
    for (const [connId, trouble] of warnings) {
      const held = conns.get(connId);
      if (held !== undefined && isUp(held, fits)) this.#note(changes, held, trouble, conns, nowMs);
    }
    for (const [name, trouble] of troubles) {
      for (const held of conns.members(name)) {
        if (!isUp(held, fits)) this.#note(changes, held, trouble, conns, nowMs);
      }
    }
    return changes;
  }

  /** Nothing runs. @param failure why, for a person */
  changesOfStopped(failure: string, conns: DesiredConns, nowMs: number): Map<number, Diagnosis | undefined> {
    const changes = new Map<number, Diagnosis | undefined>();
    for (const name of conns.connections().keys()) {
      for (const held of conns.members(name)) {
        const events = [{ atMs: nowMs, text: failure.slice(0, 300) }];
        this.#note(changes, held, { finding: notRunning, sinceMs: nowMs, events }, conns, nowMs);
      }
    }
    return changes;
  }

  /** Remembers what has been recorded. @param gone channels that are no more */
  settle(changes: DiagnosisChanges, gone: readonly number[], nowMs: number): void {
    for (const [connId, diagnosis] of changes) {
      if (diagnosis === undefined) this.#recorded.delete(connId);
      else this.#recorded.set(connId, { diagnosis, atMs: nowMs });
    }
    for (const connId of gone) this.#recorded.delete(connId);
  }

  #note(
    changes: Map<number, Diagnosis | undefined>,
    held: HeldConn,
    trouble: Trouble,
    conns: DesiredConns,
    nowMs: number,
  ): void {
    const diagnosis = this.#diagnose(held, trouble, conns);
    if (diagnosis === undefined) return;
    if (this.#isNew(held, diagnosis, nowMs)) changes.set(held.conn.id, diagnosis);
    else changes.delete(held.conn.id);
  }

  #diagnose(held: HeldConn, trouble: Trouble, conns: DesiredConns): Diagnosis | undefined {
    const spec = conns.connections().get(held.connectionName)?.spec;
    if (spec === undefined) return undefined;
    const before = this.#recorded.get(held.conn.id)?.diagnosis;
    // What a server before this one found lasts since then.
    const sinceMs =
      before?.cause === trouble.finding.cause ? Math.min(before.sinceMs, trouble.sinceMs) : trouble.sinceMs;
    return describe({ ...spec, children: held.children }, { ...trouble, sinceMs });
  }

  #isNew({ conn }: HeldConn, diagnosis: Diagnosis, nowMs: number): boolean {
    const before = this.#recorded.get(conn.id);
    if (before === undefined || isOther(before.diagnosis, diagnosis)) return true;
    const hasMore = before.diagnosis.events.at(-1)?.atMs !== diagnosis.events.at(-1)?.atMs;
    return hasMore && nowMs - before.atMs >= staleMs;
  }
}

function isOther(a: Diagnosis, b: Diagnosis): boolean {
  return a.cause !== b.cause || a.said !== b.said || a.offered !== b.offered || a.sentence !== b.sentence;
}

function isUp({ connectionName, children }: HeldConn, fits: Fits): boolean {
  const installed = fits.get(connectionName)?.installed;
  return installed !== undefined && children.every(({ name }) => installed.has(name));
}
