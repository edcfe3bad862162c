// The published contract of each action, written from api-v2.md and not from src: parameters with the forms they may be sent in, fields
// of the reply with their types, errors by name. What a contract test sends and gets is held against it (report.ts).
import { conns } from "./contract-conns.ts";
import { gateways } from "./contract-gateways.ts";

/** What a name, and if need be its value, looks like in one of the forms a client may send a parameter in. */
export interface Form {
  readonly label: string;
  readonly name: RegExp;
  readonly value?: RegExp;
}

/** Of a field of a reply. A `?` type may be null. */
export type FieldType = "integer" | "string" | "boolean" | "string?" | "integer|string?";

export interface ActionContract {
  readonly section: string;
  readonly parameters: Readonly<Record<string, readonly Form[]>>;
  /** By path: `data[].spdAcl.*[]`, where `*` is any name and `[]` any element. */
  readonly output: Readonly<Record<string, FieldType>>;
  /** Number of each error name beside those that every action has. */
  readonly errors: Readonly<Record<string, number>>;
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
};

export const contract: Readonly<Record<string, ActionContract>> = { ...conns, ...gateways };

/** Actions of the vendor's module that answer 6100 (7.6, 7.7, 3.4). */
export const notOffered: readonly string[] = [
  ..."CreateSubnet DeleteSubnet ModifySubnetAttribute DescribeSubnetEx DescribeSubnet".split(" "),
  ..."CreateRouteTable DeleteRouteTable ModifyRouteTableAttribute CreateRoute DeleteRoute".split(" "),
  ..."AssociateRouteTable DescribeRouteTable DescribeRoutes".split(" "),
];
