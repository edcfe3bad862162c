// Channels as the loop reads them, without a database: for what is tested of the reconciler alone.

import { ikeDefaults, ipsecDefaults } from "../../src/vpn/algorithms.ts";
import type { DesiredVpnConn, VpnConn } from "../../src/vpn/entities.ts";
import { Secret } from "../../src/vpn/secret.ts";

export interface ConnRequest {
  readonly peerAddress?: string;
  readonly ikeIdentity?: string;
  readonly key?: string;
  readonly spds?: VpnConn["spds"];
  readonly status?: VpnConn["status"];
  readonly generation?: number;
  readonly ikeGeneration?: number;
  readonly ipsecGeneration?: number;
  readonly ike?: Partial<VpnConn["ike"]>;
  readonly ipsec?: Partial<VpnConn["ipsec"]>;
}

export const publicAddress = "198.51.100.10";

/** The channel of that number; with nothing said, each has an IKE identity of its own. */
export function conn(id: number, request: ConnRequest = {}): DesiredVpnConn {
  const { peerAddress = `203.0.113.${id}`, key = "a key" } = request;
  const { spds = [{ local: "10.0.0.0/24", peers: [`192.168.${id}.0/24`] }], status = "creating" } = request;
  return {
    conn: {
      id,
      uid: `vpnx-${String(id).padStart(8, "0")}`,
      accountId: 1,
      region: "gz",
      name: `${id}_vpnconn`,
      createdAtMs: 0,
      vpcId: 1,
      vpnGwId: 1,
      userGwId: id,
      preSharedKey: new Secret(key),
      ike: {
        ...ikeDefaults,
        localIdentity: { type: "address", value: publicAddress },
        remoteIdentity: { type: "address", value: peerAddress },
        ...request.ike,
      },
      ipsec: { ...ipsecDefaults, ...request.ipsec },
      spds,
      ikeGeneration: request.ikeGeneration ?? 1,
      ipsecGeneration: request.ipsecGeneration ?? 1,
      status,
      generation: request.generation ?? 1,
      failure: undefined,
    },
    ikeIdentity: request.ikeIdentity ?? `${peerAddress}|${publicAddress}|${peerAddress}`,
    peerAddress,
  };
}
