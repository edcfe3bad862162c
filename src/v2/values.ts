// How values look in replies: times, old ids, lists of parameters that all list actions have. api-v2.md 3.1-3.3.
import { refuseField } from "../errors.ts";
import type { Context } from "../operations/context.ts";
import type { ChargeType, Vpc } from "../vpn/entities.ts";
import type { Page } from "../vpn/listing.ts";
import type { ParameterReader } from "./parameters.ts";

/** `YYYY-MM-DD HH:MM:SS` in the configured zone. */
export function formatTime({ config }: Context, atMs: number): string {
  const shifted = new Date(atMs + config.utcOffsetMinutes * 60_000);
  return shifted.toISOString().slice(0, 19).replace("T", " ");
}

/** A time as formatTime writes it, in milliseconds since 1970. @throws ApiError parameter-invalid */
export function readTime({ config }: Context, parameters: ParameterReader, name: string): number | undefined {
  const text = parameters.text(name);
  if (text === undefined) return undefined;
  const wall = /^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$/.test(text) ? `${text.replace(" ", "T")}Z` : "";
  const atMs = Date.parse(wall);
  // Some days that no month has are read as days of the next.
  if (Number.isNaN(atMs) || new Date(atMs).toISOString().slice(0, 19) !== wall.slice(0, 19)) {
    throw refuseField(name, "A time such as 2016-07-06 12:00:00 is expected.");
  }
  return atMs - config.utcOffsetMinutes * 60_000;
}

/** A VPC's old id: `gz_vpc_266`. */
export function oldVpcId(vpc: Vpc): string {
  return `${vpc.region}_vpc_${vpc.id}`;
}

/** The old id of a VPC's one route table, the default one, which has the VPC's number. */
export function oldRouteTableId(vpc: Vpc): string {
  return `${vpc.region}_rtb_${vpc.id}`;
}

/** A VPC as every list shows the one that a row belongs to. */
export function showVpc(vpc: Vpc): Record<string, string> {
  return { vpcId: oldVpcId(vpc), unVpcId: vpc.uid, vpcName: vpc.name, vpcCidrBlock: vpc.cidr };
}

/** The vendor's words for how a gateway is paid for: api-v2.md 5.3. */
export const chargeTypes = { PREPAID: "prepaid", POSTPAID_BY_HOUR: "postpaid" } as const satisfies Record<
  string,
  ChargeType
>;

const longestPeriodMonths = 36;

/** `period`, the months that are paid for: api-v2.md 5.1, 5.2, 5.6. */
export function readPeriod(parameters: ParameterReader): number {
  return parameters.requireInteger("period", [1, longestPeriodMonths]);
}

const longestOffset = 2_147_483_647;

/** `offset`, `limit`, `orderField`, `orderDirection`. */
export function readPage(parameters: ParameterReader, nameField: string, maxLimit: number): Page {
  return {
    offset: parameters.integer("offset", [0, longestOffset]) ?? 0,
    limit: parameters.integer("limit", [0, maxLimit]) ?? 20,
    orderBy: parameters.choice("orderField", { createTime: "createdAt", [nameField]: "name" }) ?? "createdAt",
    direction: parameters.choice("orderDirection", { asc: "asc", desc: "desc" }) ?? "desc",
  };
}

/** Channels, VPN gateways and peer gateways: the documented maximum of `limit`. */
export const maxListed = 50;
/** VPCs: no maximum is documented; this one bounds the cost of a call. */
export const maxVpcsListed = 1_000;
