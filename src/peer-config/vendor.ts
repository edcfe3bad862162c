// What a vendor's file has to offer. Type only.
import type { PeerView } from "./peer-view.ts";

export interface Vendor {
  /** The names that DescribeUserGwVendor lists. */
  readonly vendor: string;
  readonly platform: string;
  readonly software: string;
  /** The interface on the public side of a device as it comes. */
  readonly defaultInterface: string;
  /** The lines of the configuration, in the order in which they are pasted. */
  readonly write: (view: PeerView) => readonly string[];
}
