// The published contract of each action, written from api-v2.md and not from src: parameters with the forms they may be sent in, fields
// of the reply with their types, errors by name. What a contract test sends and gets is held against it (report.ts).
import { conns } from "./contract-conns.ts";
import { gateways } from "./contract-gateways.ts";
import { texts, words } from "./forms.ts";

/** What a name, and if need be its value, looks like in one of the forms a client may send a parameter in. */
export interface Form {
  readonly label: string;
  readonly name: RegExp;
  readonly value?: RegExp;
}

/** By name: the forms it may come in. A pair that fits several counts for the first. */
export type Parameters = Readonly<Record<string, readonly Form[]>>;

/** Of a field of a reply. A `?` type may be null. */
export type FieldType = "integer" | "string" | "boolean" | "string?";

export interface ActionContract {
  readonly section: string;
  readonly parameters: Parameters;
  /** By path: `data[].spdAcl.*[]`, where `*` is any name and `[]` any element. */
  readonly output: Readonly<Record<string, FieldType>>;
  /** Objects that a reply may be without. Whatever else an object has in `output` it has in every reply. */
  readonly optional?: readonly string[];
  /** Number of each error name beside those that every action has. */
  readonly errors: Readonly<Record<string, number>>;
  /** The action's newer name. Errors are tested under that one. */
  readonly aliasOf?: string;
}

/** Errors of every action: api-v2.md 2.4. */
export const commonErrors: Readonly<Record<string, readonly number[]>> = {
  AuthFailure: [4100, 4101, 4104],
  TokenCheckFailed: [4105],
  ReplayAttack: [4500],
  UnsupportedProtocol: [4600],
  LimitExceeded: [4400],
  InvalidParameter: [4000],
  InvalidAction: [4000],
  NotFound: [6100],
  InternalError: [6000],
  ServiceUnavailable: [6000],
};

/** Parameters of every action, as a call has them that is carried out: 1.2, 1.3, 1.5. There are no temporary keys, so no Token. */
export const commonParameters: Parameters = {
  ...texts("Action", "Timestamp", "SecretId", "Signature", "RequestClient", "RequestSource", "Version"),
  Region: [
    { label: "Region=gz", name: /^Region$/, value: /^[a-z]+$/ },
    { label: "Region=ap-guangzhou", name: /^Region$/, value: /^[a-z]+(?:-[a-z]+)+$/ },
  ],
  Nonce: [
    { label: "Nonce=0", name: /^Nonce$/, value: /^0$/ },
    { label: "Nonce beyond 2^53", name: /^Nonce$/, value: /^\d{17,19}$/ },
    { label: "Nonce", name: /^Nonce$/ },
  ],
  ...words("SignatureMethod", "HmacSHA256", "HmacSHA1"),
};

/** How a request may be sent: 1.1. */
export const transports = ["GET", "POST application/x-www-form-urlencoded", "POST multipart/form-data"] as const;

export const contract: Readonly<Record<string, ActionContract>> = { ...conns, ...gateways };

/** Actions of the vendor's module that answer 6100 (3.4, 5.1, 7.4, 7.6, 7.7). */
export const notOffered: readonly string[] = [
  ..."CreateSubnet DeleteSubnet ModifySubnetAttribute DescribeSubnetEx DescribeSubnet".split(" "),
  ..."CreateRouteTable DeleteRouteTable ModifyRouteTableAttribute CreateRoute DeleteRoute".split(" "),
  ..."AssociateRouteTable DescribeRouteTable DescribeRoutes DescribeVpcs InquiryPriceRunVpnGw".split(" "),
  ..."DescribeSSLVpn SetSSLVpnDomain DescribeSSLVpnDomain DescribeAccountVpcAttributes".split(" "),
];
