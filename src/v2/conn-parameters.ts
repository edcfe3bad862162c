// Parameters that the actions which make and change channels have in common: api-v2.md 4.1, 4.3.
import { Secret } from "../vpn/secret.ts";
import type { SpdRequest } from "../vpn/spd.ts";
import type { ParameterReader } from "./parameters.ts";

export function readPreSharedKey(parameters: ParameterReader): Secret | undefined {
  const key = parameters.text("preSharedKey");
  return key === undefined ? undefined : new Secret(key);
}

/**
 * `spdAcl` is the upgrade of `userGwCidrBlock`, so it wins; the older one speaks for the whole VPC. undefined when neither is
 * given.
 */
export function readNetworks(parameters: ParameterReader): SpdRequest[] | undefined {
  const peers = parameters.list("userGwCidrBlock");
  const rules = parameters.networksByLocal("spdAcl");
  return rules ?? (peers === undefined ? undefined : [{ local: undefined, peers }]);
}

/** `userGwSubnetList`: the distinct peer networks, in order. */
export function listPeerNetworks(rules: readonly { readonly peers: readonly string[] }[]): string[] {
  return [...new Set(rules.flatMap(({ peers }) => peers))];
}
