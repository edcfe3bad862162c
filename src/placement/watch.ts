// The watch over hosts' counters: which hosts have been seen to renew, and which to be silent for longer than their leases last
// (docs/decisions/0104-a-lease-for-each-gateway.md). Pure: looks go in, at moments of a monotonic clock.

/** A host as it was seen. */
interface Seen {
  readonly renewals: number;
  /** Since when its counter has been unchanged, as far as it was watched. */
  readonly sinceMs: number;
  /** Whether its counter has risen under this watch. */
  readonly hasRenewed: boolean;
}

export interface Watch {
  /** When counters were last read; undefined: never yet. */
  readonly lookedMs: number | undefined;
  readonly hosts: ReadonlyMap<number, Seen>;
}

export const noWatch: Watch = { lookedMs: undefined, hosts: new Map() };

/** Without a look for longer than this nothing is known of the time between: the watch begins anew. */
export const longestGapMs = 2_000;

/** How much longer than a lease lasts a host is watched: what the rates of two clocks may differ by. */
const margin = 1.1;

/**
 * Takes in a look at the counters. One that failed is no look.
 * @param nowMs when the counters had arrived, not when they were asked for: who renewed them did so before
 * @param counters by host
 */
export function look(watch: Watch, nowMs: number, counters: ReadonlyMap<number, number>): Watch {
  const isUnbroken = watch.lookedMs !== undefined && nowMs - watch.lookedMs <= longestGapMs;
  const hosts = [...counters].map(([id, renewals]): [number, Seen] => {
    const before = watch.hosts.get(id);
    if (!isUnbroken) return [id, { renewals, sinceMs: nowMs, hasRenewed: false }];
    if (before?.renewals === renewals) return [id, before];
    return [id, { renewals, sinceMs: nowMs, hasRenewed: before !== undefined || renewals > 0 }];
  });
  return { lookedMs: nowMs, hosts: new Map(hosts) };
}

/** For how long a host has been silent at the last look, in milliseconds. */
function silenceMs({ lookedMs = 0 }: Watch, { sinceMs }: Seen): number {
  return lookedMs - sinceMs;
}

/** Whether a host was seen to renew not long ago: one of which that is not known gets nothing. */
export function isLive(watch: Watch, hostId: number, termMs: number): boolean {
  const seen = watch.hosts.get(hostId);
  return seen?.hasRenewed === true && silenceMs(watch, seen) < termMs / 2;
}

/** The counter at which a host has been silent for so long that its leases are over; undefined: they may not be. */
export function findExpiredCounter(watch: Watch, hostId: number, termMs: number): number | undefined {
  const seen = watch.hosts.get(hostId);
  return seen !== undefined && silenceMs(watch, seen) >= termMs * margin ? seen.renewals : undefined;
}
