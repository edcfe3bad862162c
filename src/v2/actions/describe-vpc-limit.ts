// DescribeVpcLimit: api-v2.md 7.5, 9.1.
import { refuseField } from "../../errors.ts";
import { getLimits, type Limits } from "../../operations/get-limits.ts";
import type { Action } from "../action.ts";

/** What stands for "no limit": the largest number that every client can read. */
const unlimited = 2_147_483_647;

/** Of what this server does not have, nobody can make any. */
const none = () => 0;

/** The page's types, by number. */
const limitOf: ReadonlyMap<string, (limits: Limits) => number | undefined> = new Map([
  ["0", ({ vpcs }: Limits) => vpcs],
  ["1", ({ subnetsPerVpc }: Limits) => subnetsPerVpc],
  // Each VPC has its default route table and no other, with the one route that nobody may change.
  ["2", () => 1],
  ["3", none],
  ["4", ({ vpnGwsPerVpc }: Limits) => vpnGwsPerVpc],
  ["5", ({ userGws }: Limits) => userGws],
  ["7", ({ vpnConnsPerUserGw }: Limits) => vpnConnsPerUserGw],
  // Where channels are counted over all gateways of a region, one gateway may have them all.
  ["8", ({ vpnConns }: Limits) => vpnConns],
  // Network ACLs and their rules, peerings, classic links, address translation, SSL VPNs, NAT gateways, network interfaces.
  ...["15", "17", "18", "20", "22", "32", "34", "36", "38", "44", "51", "55", "56", "57"].map(
    (type) => [type, none] as const,
  ),
]);

export const describeVpcLimit: Action = {
  name: "DescribeVpcLimit",
  isWrite: false,
  async run(context, _caller, parameters) {
    const types = parameters.list("type");
    if (types === undefined) throw refuseField("type", "The parameter is missing or empty.");
    const limits = getLimits(context);
    const shown = types.map((type) => {
      const find = limitOf.get(type);
      if (find === undefined) throw refuseField("type", `one of ${[...limitOf.keys()].join(", ")} is expected`);
      return [type, find(limits) ?? unlimited];
    });
    return { data: { limit: Object.fromEntries(shown) } };
  },
};
