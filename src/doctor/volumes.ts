// Volume lifetimes that are small for how fast their gateways are.
import type { DatabasePlace } from "../store/open.ts";
import { type PeekedVolume, peekSmallVolumes } from "../store/peek.ts";
import { kilobytesPerMbps, secondsOfVolume } from "../vpn/volume.ts";
import { type Check, ok, reasonOf, skip, warn } from "./check.ts";

/** More would bury the rest. */
const mostShown = 5;

/** @returns none when there is no database; why not, when it cannot be read */
export async function probeVolumes(place: DatabasePlace): Promise<readonly PeekedVolume[] | string> {
  try {
    return await peekSmallVolumes(place, kilobytesPerMbps);
  } catch (error) {
    return reasonOf(error);
  }
}

export function judgeVolumes(volumes: readonly PeekedVolume[] | string): Check {
  if (typeof volumes === "string") return skip("volumes", volumes);
  if (volumes.length === 0)
    return ok("volumes", "Every channel's volume lifetime lasts 5 s at its gateway's bandwidth.");
  const shown = volumes.slice(0, mostShown).map(({ uid, lifetimeKilobytes, bandwidthMbps }) => {
    const seconds = secondsOfVolume(lifetimeKilobytes, bandwidthMbps).toFixed(1);
    return `${uid} (${lifetimeKilobytes} KB, ${seconds} s at ${bandwidthMbps} Mbit/s)`;
  });
  const more = volumes.length > mostShown ? ` and ${volumes.length - mostShown} more` : "";
  const [{ bandwidthMbps } = { bandwidthMbps: 0 }] = volumes;
  return warn(
    "volumes",
    `At full speed these renew so often that packets are lost and tunnels may end: ${shown.join(", ")}${more}.`,
    `Give them a larger volume lifetime: ${kilobytesPerMbps * bandwidthMbps} KB or more at ${bandwidthMbps} Mbit/s.`,
  );
}
