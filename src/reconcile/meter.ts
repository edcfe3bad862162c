// How much has flowed: counters of CHILD_SAs in, what is new in them out. Pure but for its own memory.
// A counter only rises, and ends with its SA; a rekeying and a new charon begin new ones, with SPIs of their own.
import type { ChildSa } from "../dataplane/dataplane.ts";
import type { SaCounter, TimeSpan, Traffic } from "../vpn/traffic.ts";

/** What flowed through one CHILD_SA in a span, and how far it has counted by the end of it. */
export interface Flow extends TimeSpan, Traffic {
  readonly counter: SaCounter;
}

/** The counters of one gateway's CHILD_SAs. */
export class Meter {
  readonly #counters: Map<string, SaCounter>;
  /** CHILD_SAs that the last listing had no more. */
  readonly #missing = new Set<string>();

  /** @param counters as they were taken last, by whoever did */
  constructor(counters: readonly SaCounter[]) {
    this.#counters = new Map(counters.map((counter) => [counter.spi, counter]));
  }

  /**
   * What is new since each CHILD_SA was seen last; all of it, since the SA was made, where it was not seen before. Nothing is
   * remembered yet: see accept. A reading that is older than what is known, as events and listings may overtake each other, says
   * nothing.
   * @param connIdOf the channel of a child by its name; undefined for one that is nobody's
   */
  read(children: readonly ChildSa[], connIdOf: (child: string) => number | undefined, nowMs: number): Flow[] {
    return latestOf(children).flatMap(({ name, spi, ageSeconds, ...counted }): Flow[] => {
      const connId = connIdOf(name);
      if (connId === undefined) return [];
      const before = this.#counters.get(spi) ?? { bytesIn: 0, bytesOut: 0, seenAtMs: nowMs - ageSeconds * 1_000 };
      const bytesIn = Math.max(before.bytesIn, counted.bytesIn);
      const bytesOut = Math.max(before.bytesOut, counted.bytesOut);
      return [
        {
          fromMs: before.seenAtMs,
          toMs: nowMs,
          bytesIn: bytesIn - before.bytesIn,
          bytesOut: bytesOut - before.bytesOut,
          counter: { connId, spi, bytesIn, bytesOut, seenAtMs: nowMs },
        },
      ];
    });
  }

  /** Remembers flows, now that they are written down. */
  accept(flows: readonly Flow[]): void {
    for (const { counter } of flows) {
      this.#counters.set(counter.spi, counter);
      this.#missing.delete(counter.spi);
    }
  }

  /**
   * Forgets the CHILD_SAs that have gone, and gives their counters. Only what two listings in turn have not got has gone: an event
   * may have told of an SA after the first was taken, and an SA that moves to a new IKE_SA may slip through one.
   */
  forget(listed: readonly ChildSa[]): SaCounter[] {
    const present = new Set(listed.map(({ spi }) => spi));
    const gone: SaCounter[] = [];
    for (const [spi, counter] of this.#counters) {
      if (present.has(spi)) this.#missing.delete(spi);
      else if (!this.#missing.has(spi)) this.#missing.add(spi);
      else {
        this.#missing.delete(spi);
        this.#counters.delete(spi);
        gone.push(counter);
      }
    }
    return gone;
  }
}

/** Of several readings of one CHILD_SA the latest, which has counted most; without those that have no counters (yet). */
function latestOf(children: readonly ChildSa[]): ChildSa[] {
  const latest = new Map<string, ChildSa>();
  for (const child of children) {
    const other = latest.get(child.spi);
    const isLater = other === undefined || child.bytesIn + child.bytesOut > other.bytesIn + other.bytesOut;
    if (child.spi !== "" && isLater) latest.set(child.spi, child);
  }
  return [...latest.values()];
}
