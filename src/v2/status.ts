// The vendor's numbers for statuses: api-v2.md 4.4, 5.5, 8.
import type { TaskStatus, VpnConnStatus, VpnGwStatus } from "../vpn/status.ts";

export const vpnConnStatusNumbers = {
  creating: 0,
  "create-failed": 1,
  modifying: 2,
  "modify-failed": 3,
  deleting: 4,
  "delete-failed": 5,
  running: 6,
} as const satisfies Record<VpnConnStatus, number>;

export const vpnGwStatusNumbers = {
  delivering: 2,
  "delivery-failed": 3,
  deleting: 4,
  "delete-failed": 5,
  running: 6,
} as const satisfies Record<VpnGwStatus, number>;

/** 0 is success, so a client that forgets to look for 2 reads "done" from nothing but success. */
export const taskStatusNumbers = { succeeded: 0, failed: 1, running: 2 } as const satisfies Record<TaskStatus, number>;
