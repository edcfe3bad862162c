// Makes a VPN gateway: its row, its public address, its place in the VPC. The loop makes it appear on the machine.
import { ApiError } from "../errors.ts";
import { findFreePublicAddress, findVpnGwById, insertVpnGw, listTakenSlots } from "../store/vpn-gws.ts";
import type { ChargeType, VpnGw } from "../vpn/entities.ts";
import { requireName } from "../vpn/text.ts";
import { maxGatewaySlots } from "../vpn/vpc.ts";
import { addMonths, readBandwidth } from "../vpn/vpn-gw.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireVpc } from "./find.ts";
import { generateUid } from "./generate.ts";

export interface CreateVpnGw {
  readonly vpc: string;
  readonly name: string;
  readonly bandwidthMbps: number;
  readonly chargeType: ChargeType;
  readonly isAutoRenew: boolean;
  /** Months; undefined: paid by the hour. */
  readonly periodMonths: number | undefined;
}

/** @throws ApiError vpn-gw-name-invalid, parameter-invalid, vpc-not-found, vpn-gw-limit-exceeded, public-address-exhausted */
export async function createVpnGw(context: Context, caller: Caller, input: CreateVpnGw): Promise<VpnGw> {
  requireName("vpn-gw-name-invalid", input.name);
  const bandwidthMbps = readBandwidth(input.bandwidthMbps);
  const { config, clock } = context;
  const createdAtMs = clock();
  const vpnGw = await write(context, caller, async (db) => {
    const vpc = await requireVpc(db, caller, input.vpc);
    const taken = await listTakenSlots(db, vpc.id);
    const quota = config["quota.vpnGwsPerVpc"];
    const slot = Array.from({ length: maxGatewaySlots }, (_, index) => index).find((index) => !taken.includes(index));
    if (slot === undefined || (quota > 0 && taken.length >= quota)) {
      throw new ApiError(
        "vpn-gw-limit-exceeded",
        `VPC ${vpc.uid} has ${taken.length} VPN gateways; no more are allowed`,
      );
    }
    const { first, last } = config["network.publicPool"];
    const publicAddress = await findFreePublicAddress(db, first, last);
    if (publicAddress === undefined) {
      throw new ApiError("public-address-exhausted", "every address of the public pool is taken");
    }
    const id = await insertVpnGw(db, {
      uid: generateUid("vpn-gw"),
      owner: caller,
      name: input.name,
      vpc,
      slot,
      publicAddress,
      bandwidthMbps,
      chargeType: input.chargeType,
      isAutoRenew: input.isAutoRenew,
      createdAtMs,
      expiresAtMs: paidUntil(createdAtMs, input.periodMonths, config.utcOffsetMinutes),
    });
    const made = await findVpnGwById(db, id);
    if (made === undefined) throw new TypeError("a row that was just written is not there");
    return made.vpnGw;
  });
  context.nudge(vpnGw.id);
  return vpnGw;
}

function paidUntil(fromMs: number, months: number | undefined, utcOffsetMinutes: number): number | undefined {
  return months === undefined ? undefined : addMonths(fromMs, months, utcOffsetMinutes);
}
