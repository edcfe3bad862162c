// How small a volume lifetime may be for how fast a gateway is. Pure.

/**
 * A small limit at high speed renews several times a second, and that loses packets or kills the tunnel (docs/dev/data-plane.md). 2560 KB
 * are well up to 500 packets of 1000 bytes a second, which is 640 KB for each Mbit/s.
 */
export const kilobytesPerMbps = 640;

/** Whether a gateway that is as fast as was ordered would use the volume up too soon. @param lifetimeKilobytes of 1000 bytes */
export function isOutrun(lifetimeKilobytes: number, bandwidthMbps: number): boolean {
  return lifetimeKilobytes < kilobytesPerMbps * bandwidthMbps;
}

/** How long the volume lasts at that speed, in seconds. */
export function secondsOfVolume(lifetimeKilobytes: number, bandwidthMbps: number): number {
  return (lifetimeKilobytes * 8) / (bandwidthMbps * 1_000);
}
