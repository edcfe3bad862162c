// Tells what a VPN gateway would cost. Nothing is ever charged.
import { readBandwidth } from "../vpn/vpn-gw.ts";
import type { Context } from "./context.ts";

/** @returns the price of so many months, in yuan @throws ApiError parameter-invalid */
export function getVpnGwPrice({ config }: Context, input: { bandwidthMbps: number; periodMonths: number }): number {
  return config[`price.${readBandwidth(input.bandwidthMbps)}`] * input.periodMonths;
}
