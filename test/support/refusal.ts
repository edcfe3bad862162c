// What a refusal looks like on the wire, written from the contract (api-v2.md 2.2-2.4) and not from src, and what it leaves behind:
// nothing.
import { expect } from "vitest";
import type { Reply } from "../../src/cli/client.ts";
import type { RefusalKind } from "../../src/errors.ts";
import type { DatabaseView } from "./database-view.ts";

/** `code` and `codeDesc` of each refusal. */
export const refusals: Readonly<Record<RefusalKind, readonly [number, string]>> = {
  "protocol-unsupported": [4600, "UnsupportedProtocol"],
  "parameter-invalid": [4000, "InvalidParameter"],
  "secret-id-unknown": [4104, "AuthFailure"],
  "signature-wrong": [4100, "AuthFailure"],
  "token-wrong": [4105, "TokenCheckFailed"],
  "request-replayed": [4500, "ReplayAttack"],
  "permission-denied": [4101, "AuthFailure"],
  "action-unknown": [4000, "InvalidAction"],
  "action-not-offered": [6100, "NotFound"],
  "rate-exceeded": [4400, "LimitExceeded"],
  "vpc-not-found": [-3047, "InvalidVpc.NotFound"],
  "vpn-gw-not-found": [5000, "InvalidVpnGw.NotFound"],
  "user-gw-not-found": [5000, "InvalidUserGw.NotFound"],
  "vpn-conn-not-found": [5000, "InvalidVpnConn.NotFound"],
  "task-not-found": [5000, "InvalidTaskId.NotFound"],
  "zone-not-found": [5000, "InvalidZone.NotFound"],
  "action-locked": [5100, "ActionLocked"],
  "vpn-gw-state-invalid": [5100, "InvalidVpnGwState"],
  "vpn-conn-state-invalid": [5100, "InvalidVpnConnState"],
  "vpc-in-use": [5100, "InvalidVpc.CannotDelete"],
  "user-gw-in-use": [5100, "InvalidUserGw.InUse"],
  "vpc-name-invalid": [4000, "InvalidVpcName"],
  "vpc-name-in-use": [5100, "InvalidVpcName.InUse"],
  "vpc-cidr-invalid": [4000, "InvalidVpcCidr"],
  "subnet-name-invalid": [4000, "InvalidSubnetName"],
  "subnet-cidr-invalid": [4000, "InvalidSubnetCidr"],
  "subnet-conflict": [5100, "InvalidSubnet.Conflict"],
  "vpn-gw-name-invalid": [4000, "InvalidVpnGwName"],
  "user-gw-name-invalid": [4000, "InvalidUserGwName"],
  "user-gw-address-in-use": [5100, "InvalidUserGw.InUse"],
  "vpn-conn-name-invalid": [4000, "InvalidVpnConnName"],
  "vpn-conn-name-in-use": [5100, "InvalidVpnConnName.InUse"],
  "vpc-limit-exceeded": [5100, "VpcLimitExceeded"],
  "subnet-limit-exceeded": [5100, "SubnetLimitExceeded"],
  "vpn-gw-limit-exceeded": [5100, "VpnGwLimitExceeded"],
  "user-gw-limit-exceeded": [5100, "UserGwLimitExceeded"],
  "vpn-conn-limit-exceeded": [5100, "VpnConnLimitExceeded"],
  "public-address-exhausted": [5200, "ResourceInsufficient"],
  "service-unavailable": [6000, "ServiceUnavailable"],
  internal: [6000, "InternalError"],
};

/** The reply itself: number, name, one sentence that holds every one of `mentions`, and nothing else. */
export function checkRefusal(reply: Reply, kind: RefusalKind, mentions: readonly string[] = []): void {
  const [code, codeDesc] = refusals[kind];
  expect(reply).toEqual({ code, message: expect.any(String), codeDesc });
  for (const part of mentions) expect(reply.message).toContain(part);
  // One sentence, with the module's own number before it.
  expect(reply.message).toMatch(code < 0 ? /^\(-[0-9]+\)\S.*[.!?]$/u : /^[^\s(].*[.!?]$/u);
}

/** Makes the call, which must be refused so and leave the database as it was. */
export async function expectRefusal(
  { database }: { readonly database: DatabaseView },
  kind: RefusalKind,
  makeCall: () => Promise<Reply>,
  mentions: readonly string[] = [],
): Promise<Reply> {
  await database.settle();
  return expectRefusalAmidWork({ database }, kind, makeCall, mentions);
}

/** The same while the reconciler is held back, so that nothing settles. */
export async function expectRefusalAmidWork(
  { database }: { readonly database: DatabaseView },
  kind: RefusalKind,
  makeCall: () => Promise<Reply>,
  mentions: readonly string[] = [],
): Promise<Reply> {
  const before = await database.takeSnapshot();
  const reply = await makeCall();
  checkRefusal(reply, kind, mentions);
  expect(await database.takeSnapshot()).toEqual(before);
  return reply;
}
