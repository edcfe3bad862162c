// The status machine of api-v2.md 9.7: which status allows what. Pure.
import { ApiError } from "../errors.ts";

export const vpnConnStatuses = [
  "creating",
  "create-failed",
  "modifying",
  "modify-failed",
  "deleting",
  "delete-failed",
  "running",
] as const;
export type VpnConnStatus = (typeof vpnConnStatuses)[number];

export const vpnGwStatuses = ["delivering", "delivery-failed", "deleting", "delete-failed", "running"] as const;
export type VpnGwStatus = (typeof vpnGwStatuses)[number];

export const taskStatuses = ["running", "succeeded", "failed"] as const;
export type TaskStatus = (typeof taskStatuses)[number];

export type NetStatus = "available" | "unavailable";

const unfinished: readonly VpnConnStatus[] = ["creating", "modifying", "deleting"];

/** @throws ApiError vpn-conn-state-invalid when the channel is being worked on */
export function requireDeletableConn(uid: string, status: VpnConnStatus): void {
  if (unfinished.includes(status)) {
    throw new ApiError("vpn-conn-state-invalid", `VPN channel ${uid} is ${status}; wait for its task to end`);
  }
}

/**
 * For what changes a channel that stays, or makes its SAs anew.
 * @throws ApiError action-locked when the channel is being worked on, vpn-conn-state-invalid when its removal has failed
 */
export function requireSteadyConn(uid: string, status: VpnConnStatus): void {
  if (unfinished.includes(status)) {
    throw new ApiError("action-locked", `VPN channel ${uid} is ${status}; wait for its task to end`);
  }
  if (status === "delete-failed") {
    throw new ApiError("vpn-conn-state-invalid", `VPN channel ${uid} was to be deleted; delete it again`);
  }
}

/** The status of a channel whose change has failed. */
export function failedStatus(status: VpnConnStatus): VpnConnStatus {
  if (status === "modifying") return "modify-failed";
  return status === "deleting" || status === "delete-failed" ? "delete-failed" : "create-failed";
}

/** Whether a gateway is to be removed, or was to be and could not. */
export function isLeavingGw(status: VpnGwStatus): boolean {
  return status === "deleting" || status === "delete-failed";
}

/** @throws ApiError vpn-gw-state-invalid when the gateway is on its way out, so that it takes no new channels */
export function requireUsableGw(uid: string, status: VpnGwStatus): void {
  if (isLeavingGw(status)) {
    throw new ApiError("vpn-gw-state-invalid", `VPN gateway ${uid} is being deleted`);
  }
}

/** @throws ApiError action-locked when the gateway's deletion runs already */
export function requireDeletableGw(uid: string, status: VpnGwStatus): void {
  if (status === "deleting") throw new ApiError("action-locked", `VPN gateway ${uid} is being deleted already`);
}
