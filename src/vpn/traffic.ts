// Traffic by the time it flowed in: slots of five minutes, bytes that are spread over them, and rates that are read out of them. Pure.

/** Length of a slot in milliseconds: five minutes, the grain of the API (api-v2.md 4.8). Slots begin at its multiples since 1970. */
export const slotMs = 300_000;

/** Bytes of IP packets as they are inside the tunnel, headers included, without what IPsec adds. */
export interface Traffic {
  /** From the peer into the VPC. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What flowed from `startsAtMs`, a multiple of slotMs, until the next slot begins. */
export interface TrafficSlot extends Traffic {
  readonly startsAtMs: number;
}

/** How far a CHILD_SA had counted, and when. What it counts later is new. */
export interface SaCounter extends Traffic {
  readonly connId: number;
  /** Its inbound SPI: chosen at random, so unlike a number of charon's it means the same SA after charon was started anew. */
  readonly spi: string;
  readonly seenAtMs: number;
}

/** A stretch of time in milliseconds since 1970; the end is not part of it. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** When the slot that a moment lies in began. */
export function slotOf(atMs: number): number {
  return Math.floor(atMs / slotMs) * slotMs;
}

/**
 * Divides what flowed in a span among the slots of that span, by their shares of it. Not a byte is lost or added; slots that get
 * none are left out. A span without length, or one that ends before it begins (a clock was set), counts as the moment of its end.
 */
export function spread(traffic: Traffic, { fromMs, toMs }: TimeSpan): TrafficSlot[] {
  const lengthMs = toMs - fromMs;
  const slots: TrafficSlot[] = [];
  let before: Traffic = { bytesIn: 0, bytesOut: 0 };
  for (let startsAtMs = slotOf(lengthMs > 0 ? fromMs : toMs); ; startsAtMs += slotMs) {
    const endsAtMs = startsAtMs + slotMs;
    const share = endsAtMs >= toMs ? 1 : (endsAtMs - fromMs) / lengthMs;
    const until = { bytesIn: Math.floor(traffic.bytesIn * share), bytesOut: Math.floor(traffic.bytesOut * share) };
    const bytesIn = until.bytesIn - before.bytesIn;
    const bytesOut = until.bytesOut - before.bytesOut;
    if (bytesIn > 0 || bytesOut > 0) slots.push({ startsAtMs, bytesIn, bytesOut });
    if (endsAtMs >= toMs) return slots;
    before = until;
  }
}

/**
 * The mean rate of each five minutes of a span, in whole bits per second, the first from `fromMs` on; the last may be shorter. Where
 * those five minutes lie across two slots, each gives its share: within a slot traffic counts as even. What has not come by `nowMs`
 * is left out, and the slot that `nowMs` lies in counts as full then.
 */
export function ratesOf(
  slots: readonly TrafficSlot[],
  direction: keyof Traffic,
  { fromMs, toMs }: TimeSpan,
  nowMs: number,
): number[] {
  const bytes = new Map(slots.map((slot) => [slot.startsAtMs, slot[direction]]));
  const endMs = Math.min(toMs, nowMs);
  const rates: number[] = [];
  for (let beginMs = fromMs; beginMs < endMs; beginMs += slotMs) {
    const untilMs = Math.min(beginMs + slotMs, endMs);
    let sum = 0;
    for (let startsAtMs = slotOf(beginMs); startsAtMs < untilMs; startsAtMs += slotMs) {
      const filledMs = Math.min(startsAtMs + slotMs, nowMs) - startsAtMs;
      const overlapMs = Math.min(startsAtMs + slotMs, untilMs) - Math.max(startsAtMs, beginMs);
      sum += ((bytes.get(startsAtMs) ?? 0) * overlapMs) / filledMs;
    }
    rates.push(Math.round((sum * 8_000) / (untilMs - beginMs)));
  }
  return rates;
}
