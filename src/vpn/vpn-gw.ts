// A VPN gateway as something that is ordered: its bandwidth, and the time that it is paid for. api-v2.md 5, 9.2. Pure.
import { refuseField } from "../errors.ts";

/** What is offered, in Mb/s. */
export const bandwidths = [5, 10, 20, 50, 100] as const;
export type Bandwidth = (typeof bandwidths)[number];

/** @throws ApiError parameter-invalid, naming field `bandwidthMbps` */
export function readBandwidth(mbps: number): Bandwidth {
  const found = bandwidths.find((offered) => offered === mbps);
  if (found === undefined) throw refuseField("bandwidthMbps", `one of ${bandwidths.join(", ")} is expected`);
  return found;
}

const minuteMs = 60_000;

/**
 * The same day and hour so many calendar months later; where that month is shorter, its last day.
 * @param utcOffsetMinutes the zone whose calendar counts, in minutes east of UTC
 */
export function addMonths(fromMs: number, months: number, utcOffsetMinutes: number): number {
  const date = new Date(fromMs + utcOffsetMinutes * minuteMs);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, daysInMonth));
  return date.getTime() - utcOffsetMinutes * minuteMs;
}
