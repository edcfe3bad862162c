// How each refusal of the service is spelt in v2: the number in `code` and the name in `codeDesc`.
// Numbers of the access layer are documented (api-v2.md 2.2); those beside a business name are ours (2.3): clients look at the name.

import type { RefusalKind } from "../errors.ts";

export interface V2Error {
  readonly code: number;
  readonly codeDesc: string;
}

/** One row for each refusal (api-v2.md 2.2-2.4 and the error tables of each action); a missing row does not compile. */
export const v2Errors: Readonly<Record<RefusalKind, V2Error>> = {
  // Access layer (2.4).
  "protocol-unsupported": { code: 4600, codeDesc: "UnsupportedProtocol" },
  "parameter-invalid": { code: 4000, codeDesc: "InvalidParameter" },
  "secret-id-unknown": { code: 4104, codeDesc: "AuthFailure" },
  "signature-wrong": { code: 4100, codeDesc: "AuthFailure" },
  "token-wrong": { code: 4105, codeDesc: "TokenCheckFailed" },
  "request-replayed": { code: 4500, codeDesc: "ReplayAttack" },
  "permission-denied": { code: 4101, codeDesc: "AuthFailure" },
  "action-unknown": { code: 4000, codeDesc: "InvalidAction" },
  "action-not-offered": { code: 6100, codeDesc: "NotFound" },
  "rate-exceeded": { code: 4400, codeDesc: "LimitExceeded" },

  // Existence. -3047 comes from the sibling bare-metal product, every other `*.NotFound` is 5000 (2.3).
  "vpc-not-found": { code: -3047, codeDesc: "InvalidVpc.NotFound" },
  "vpn-gw-not-found": { code: 5000, codeDesc: "InvalidVpnGw.NotFound" },
  "user-gw-not-found": { code: 5000, codeDesc: "InvalidUserGw.NotFound" },
  "vpn-conn-not-found": { code: 5000, codeDesc: "InvalidVpnConn.NotFound" },
  "task-not-found": { code: 5000, codeDesc: "InvalidTaskId.NotFound" }, // invented name (8)
  "zone-not-found": { code: 5000, codeDesc: "InvalidZone.NotFound" },

  // State.
  "action-locked": { code: 5100, codeDesc: "ActionLocked" },
  "vpn-gw-state-invalid": { code: 5100, codeDesc: "InvalidVpnGwState" },
  "vpn-conn-state-invalid": { code: 5100, codeDesc: "InvalidVpnConnState" },
  "vpc-in-use": { code: 5100, codeDesc: "InvalidVpc.CannotDelete" },
  "user-gw-in-use": { code: 5100, codeDesc: "InvalidUserGw.InUse" }, // 6.2

  // Rules.
  "vpc-name-invalid": { code: 4000, codeDesc: "InvalidVpcName" },
  "vpc-name-in-use": { code: 5100, codeDesc: "InvalidVpcName.InUse" },
  "vpc-cidr-invalid": { code: 4000, codeDesc: "InvalidVpcCidr" },
  "subnet-name-invalid": { code: 4000, codeDesc: "InvalidSubnetName" },
  "subnet-cidr-invalid": { code: 4000, codeDesc: "InvalidSubnetCidr" },
  "subnet-conflict": { code: 5100, codeDesc: "InvalidSubnet.Conflict" },
  "vpn-gw-name-invalid": { code: 4000, codeDesc: "InvalidVpnGwName" },
  "user-gw-name-invalid": { code: 4000, codeDesc: "InvalidUserGwName" },
  "user-gw-address-in-use": { code: 5100, codeDesc: "InvalidUserGw.InUse" }, // 6.1: the same name as above, on another action
  "vpn-conn-name-invalid": { code: 4000, codeDesc: "InvalidVpnConnName" },
  "vpn-conn-name-in-use": { code: 5100, codeDesc: "InvalidVpnConnName.InUse" },

  // Limits.
  "vpc-limit-exceeded": { code: 5100, codeDesc: "VpcLimitExceeded" },
  "subnet-limit-exceeded": { code: 5100, codeDesc: "SubnetLimitExceeded" },
  "vpn-gw-limit-exceeded": { code: 5100, codeDesc: "VpnGwLimitExceeded" }, // invented name (5.2)
  "user-gw-limit-exceeded": { code: 5100, codeDesc: "UserGwLimitExceeded" },
  "vpn-conn-limit-exceeded": { code: 5100, codeDesc: "VpnConnLimitExceeded" },
  // 5200 is "purchase failed, sold out" (2.2). The name is invented: no page has one for a region out of public addresses.
  "public-address-exhausted": { code: 5200, codeDesc: "ResourceInsufficient" },

  // 2.3: of the server's side, service not available.
  "service-unavailable": { code: 6000, codeDesc: "ServiceUnavailable" },
  internal: { code: 6000, codeDesc: "InternalError" },
};
