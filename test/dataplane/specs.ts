// Gateways and connections that the tests of the data plane share: two gateways on one public network that can be each
// other's peer.
import { type MachineNetwork, ownWires } from "../../src/dataplane/charon/gateway-network.ts";
import type { ConnectionSpec, GatewaySpec } from "../../src/dataplane/dataplane.ts";
import type { IkeSettings, IpsecSettings } from "../../src/vpn/algorithms.ts";
import { Secret } from "../../src/vpn/secret.ts";

export const publicNetwork: MachineNetwork = {
  ...ownWires,
  publicPrefixLength: 24,
  publicGateway: undefined,
  esp: "userspace",
};
/** As the settings' defaults. */
export const dpd = { delaySeconds: 30, timeoutSeconds: 120 } as const;

/** Gateway n: VPC n, 10.n.0.0/16, 10.n.0.1 inside and 198.51.100.n outside. 1-199. */
export function gatewayNumber(n: number): GatewaySpec {
  return {
    id: n,
    uid: `vpngw-${String(n).padStart(8, "0")}`,
    vpcId: n,
    vpcUid: `vpc-${String(n).padStart(8, "0")}`,
    vpcCidr: `10.${n}.0.0/16`,
    vpcAddress: `10.${n}.0.1`,
    publicAddress: `198.51.100.${n}`,
  };
}

export interface ConnectionChanges {
  readonly name?: string;
  readonly remoteAddress?: string;
  readonly preSharedKey?: string;
  readonly ike?: Partial<IkeSettings>;
  readonly ipsec?: Partial<IpsecSettings>;
  readonly localNetwork?: string;
  readonly peerNetwork?: string;
}

/** A connection of `local` to `remote` with one child, `<name>-0`, between their VPCs, unless told otherwise. */
export function connectionBetween(
  local: GatewaySpec,
  remote: GatewaySpec,
  changes: ConnectionChanges = {},
): ConnectionSpec {
  const name = changes.name ?? "vpnx-aaaaaaaa";
  const remoteAddress = changes.remoteAddress ?? remote.publicAddress;
  return {
    name,
    localAddress: local.publicAddress,
    remoteAddress,
    ike: {
      encryption: "aes128",
      integrity: "sha1",
      exchangeMode: "main",
      dhGroup: 2,
      lifetimeSeconds: 86_400,
      localIdentity: { type: "address", value: local.publicAddress },
      remoteIdentity: { type: "address", value: remoteAddress },
      ...changes.ike,
    },
    preSharedKey: new Secret(changes.preSharedKey ?? "correct horse battery staple"),
    children: [
      {
        name: `${name}-0`,
        localNetwork: changes.localNetwork ?? local.vpcCidr,
        peerNetwork: changes.peerNetwork ?? remote.vpcCidr,
        ipsec: {
          encryption: "aes128",
          integrity: "sha1",
          lifetimeSeconds: 3_600,
          lifetimeKilobytes: 1_843_200,
          pfsGroup: undefined,
          ...changes.ipsec,
        },
      },
    ],
  };
}
