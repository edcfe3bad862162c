// Adds up what flows, from how far each CHILD_SA has counted: what has been told before adds nothing, however often and in whichever order
// it is told. Always in a transaction that somebody else has begun.
import type { Db } from "../../store/store.ts";
import { addTraffic, findSaCounter, saveSaCounter } from "../../store/traffic.ts";
import { type SaCounter, spread, type TrafficSlot } from "../../vpn/traffic.ts";
import type { CountedTraffic } from "../control.ts";

/** Longer than the longest lifetime of a CHILD_SA (api-v2.md 4.2), so that no report has more slots than there are to it. */
const longestMs = 8 * 86_400_000;

export async function recordTraffic(db: Db, counted: readonly CountedTraffic[]): Promise<void> {
  const before = await Promise.all(counted.map(({ counter }) => findSaCounter(db, counter)));
  for (const [index, { counter, fromMs }] of counted.entries()) {
    const slots = newOf(counter, before[index], fromMs);
    if (slots.length === 0) continue;
    for (const slot of slots) await addTraffic(db, counter.connId, slot);
    await saveSaCounter(db, counter);
  }
}

/** What is new of a counter, spread over the time since it was looked at. */
function newOf(counter: SaCounter, before: SaCounter | undefined, fromMs: number): TrafficSlot[] {
  const bytesIn = counter.bytesIn - (before?.bytesIn ?? 0);
  const bytesOut = counter.bytesOut - (before?.bytesOut ?? 0);
  // It only rises: a report that has been overtaken.
  if (bytesIn < 0 || bytesOut < 0) return [];
  const toMs = counter.seenAtMs;
  return spread(
    { bytesIn, bytesOut },
    { fromMs: Math.max(fromMs, before?.seenAtMs ?? fromMs, toMs - longestMs), toMs },
  );
}
