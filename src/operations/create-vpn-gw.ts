// Makes a VPN gateway: its row, its public address, its place in the VPC. The loop makes it appear on the machine.
import { ApiError, refuseField } from "../errors.ts";
import { findFreePublicAddress, findVpnGwById, insertVpnGw, listTakenSlots } from "../store/vpn-gws.ts";
import type { ChargeType, VpnGw } from "../vpn/entities.ts";
import { isName } from "../vpn/text.ts";
import { maxGatewaySlots } from "../vpn/vpc.ts";
import { type Caller, type Context, write } from "./context.ts";
import { requireVpc } from "./find.ts";
import { generateUid } from "./generate.ts";

/** What the vendor offers, in Mb/s: api-v2.md 9.2. */
const bandwidths: readonly number[] = [5, 10, 20, 50, 100];

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
  if (!isName(input.name)) {
    throw new ApiError("vpn-gw-name-invalid", "a name of 1 to 60 characters without control characters is expected", {
      field: "name",
    });
  }
  if (!bandwidths.includes(input.bandwidthMbps)) {
    throw refuseField("bandwidthMbps", `one of ${bandwidths.join(", ")} is expected`);
  }
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
      bandwidthMbps: input.bandwidthMbps,
      chargeType: input.chargeType,
      isAutoRenew: input.isAutoRenew,
      createdAtMs,
      expiresAtMs: input.periodMonths === undefined ? undefined : addMonths(createdAtMs, input.periodMonths),
    });
    const made = await findVpnGwById(db, id);
    if (made === undefined) throw new TypeError("a row that was just written is not there");
    return made.vpnGw;
  });
  context.nudge(vpnGw.id);
  return vpnGw;
}

/** The same day so many months later; the last day of a shorter month. */
function addMonths(fromMs: number, months: number): number {
  const date = new Date(fromMs);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, daysInMonth));
  return date.getTime();
}
