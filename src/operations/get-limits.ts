// Tells how many of each kind of thing there may be.
import { maxGatewaySlots } from "../vpn/vpc.ts";
import type { Context } from "./context.ts";

/** undefined: as many as you like. */
export interface Limits {
  /** Per region and account. */
  readonly vpcs: number | undefined;
  readonly subnetsPerVpc: number | undefined;
  readonly vpnGwsPerVpc: number;
  /** Per region and account. */
  readonly userGws: number | undefined;
  /** Per region and account, or per VPN gateway. */
  readonly vpnConns: number | undefined;
  readonly vpnConnsPerUserGw: number | undefined;
}

export function getLimits({ config }: Context): Limits {
  // A quota of 0 is none.
  return {
    vpcs: config["quota.vpcs"] || undefined,
    subnetsPerVpc: config["quota.subnetsPerVpc"] || undefined,
    // A VPC has room for so many, whatever the quota.
    vpnGwsPerVpc: Math.min(config["quota.vpnGwsPerVpc"] || maxGatewaySlots, maxGatewaySlots),
    userGws: config["quota.userGws"] || undefined,
    vpnConns: config["quota.vpnConns"] || undefined,
    vpnConnsPerUserGw: config["quota.vpnConnsPerUserGw"] || undefined,
  };
}
