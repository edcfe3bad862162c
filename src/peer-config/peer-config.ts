// Configurations for the device at the far end of a VPN channel: which devices there are, and the text for one of them. Pure.
import type { PeerView } from "./peer-view.ts";
import type { Vendor } from "./vendor.ts";
import { vendors } from "./vendors/index.ts";

export { isInterfaceName, type PeerView, peerViewOf } from "./peer-view.ts";
export type { Vendor } from "./vendor.ts";
export { vendors } from "./vendors/index.ts";

/** A device as a caller names it, in any case: words of the API are compared without case (api-v2.md 4.2). */
export interface DeviceNames {
  readonly vendor: string;
  readonly platform: string;
  readonly software: string;
}

/** The device, or the first of the names that leads to none, with what it could be. */
export function findVendor(names: DeviceNames): Vendor | { unknown: keyof DeviceNames; known: readonly string[] } {
  let left = vendors;
  for (const name of ["vendor", "platform", "software"] as const) {
    const found = left.filter((each) => each[name].toLowerCase() === names[name].toLowerCase());
    if (found.length === 0) return { unknown: name, known: [...new Set(left.map((each) => each[name]))] };
    left = found;
  }
  const [vendor] = left;
  if (vendor === undefined) throw new TypeError("a filter that left something left nothing");
  return vendor;
}

/** The text for a device: lines that end in a line feed, the last one too. The same view gives the same text. */
export function writeConfig(vendor: Vendor, view: PeerView): string {
  return `${vendor.write(view).join("\n")}\n`;
}
