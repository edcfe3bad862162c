// Reads how much flows, or has flowed, through a VPN channel.
import { refuseField } from "../errors.ts";
import { listTraffic } from "../store/traffic.ts";
import { ratesOf, type Traffic } from "../vpn/traffic.ts";
import type { Caller, Context } from "./context.ts";
import { requireVpc, requireVpnConn, requireVpnGw } from "./find.ts";

const dayMs = 86_400_000;
/** The longest span of one call: of a longer one the end is shown (api-v2.md 4.8). */
const longestSpanMs = 2 * dayMs;

export interface GetVpnConnRates {
  readonly vpc: string;
  readonly vpnGw: string;
  readonly vpnConn: string;
  readonly direction: keyof Traffic;
  /** Milliseconds since 1970; 24 hours before now unless given. */
  readonly fromMs: number | undefined;
  /** Now unless given. */
  readonly toMs: number | undefined;
}

/**
 * The mean of each five minutes of a span, in bits per second, the first from its beginning on, without what is still to come.
 * @throws ApiError vpc-not-found, vpn-gw-not-found, vpn-conn-not-found; parameter-invalid for a span that ends before it begins
 */
export async function getVpnConnRates(
  { store: { db }, clock }: Context,
  caller: Caller,
  input: GetVpnConnRates,
): Promise<number[]> {
  // Whole seconds, as callers give them: or else the five minutes up to now would be followed by some milliseconds more.
  const nowMs = Math.floor(clock() / 1_000) * 1_000;
  const toMs = input.toMs ?? nowMs;
  const wantedMs = input.fromMs ?? nowMs - dayMs;
  if (wantedMs > toMs) throw refuseField("fromMs", "The time must not be after the end.");
  const vpc = await requireVpc(db, caller, input.vpc);
  const vpnGw = await requireVpnGw(db, caller, input.vpnGw, vpc);
  const conn = await requireVpnConn(db, caller, input.vpnConn, vpnGw);
  const span = { fromMs: Math.max(wantedMs, toMs - longestSpanMs), toMs };
  return ratesOf(await listTraffic(db, conn.id, span), input.direction, span, nowMs);
}
