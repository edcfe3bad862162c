// What the bench `converge` brings up: many gateways, and many channels on one of them, either all of one IKE identity or each of its own.
// The same for the API's side and for raw VICI.
import type { ConnectionSpec, GatewaySpec } from "../src/dataplane/dataplane.ts";
import { formatAddress, storedNetwork } from "../src/vpn/network.ts";
import { Secret } from "../src/vpn/secret.ts";
import { type TunnelProfile, tunnelProfiles } from "./tunnel-profiles.ts";

/**
 * `shared`: every channel goes to one peer gateway, so all are children of one IKE_SA (api-v2.md 9.4); `peers`: each to a peer
 * gateway of its own, so each has an IKE_SA.
 */
export type Shape = "shared" | "peers";
export const shapes: readonly Shape[] = ["shared", "peers"];

export const preSharedKey = new Secret("bench-bench-bench");
/** As in the server's and in raw VICI's connections. */
export const dpd = { delaySeconds: 30, timeoutSeconds: 120 };
export const gatewaysPerVpc = 10;

/** 198.18.0.0/15 is for benches (RFC 2544). All peers are behind the router: a kernel keeps 1,024 neighbours, of all namespaces. */
export const wire = {
  prefixLength: 24,
  router: "198.18.0.100",
  pool: "198.18.0.110-198.18.0.250",
  rawPool: "198.18.0.1",
} as const;
/** Behind all the peers; each channel has a /28 of it. */
export const siteNetwork = "10.128.0.0/16";
const peerNetworkSize = 16;
const peersPerNetwork = 250;
/** Far from the numbers that the server gives. */
const rawNumber = 900_000;

/** The kind that costs least, so that what is ours weighs most. @throws TypeError when the tunnel bench has it no more */
export function findProfile(): TunnelProfile {
  const profile = tunnelProfiles.find(({ name }) => name === "group2, no PFS");
  if (profile === undefined) throw new TypeError("the tunnel bench has no such profile");
  return profile;
}

export function vpcCidrOf(vpc: number): string {
  return `10.${vpc}.0.0/16`;
}

/** The peer network of a channel. 0-4095. */
export function peerNetworkOf(channel: number): string {
  return `${formatAddress(storedNetwork(siteNetwork).first + channel * peerNetworkSize)}/28`;
}

/** The address that the far end owns in that network. */
export function siteAddressOf(channel: number): string {
  return formatAddress(storedNetwork(siteNetwork).first + channel * peerNetworkSize + 1);
}

/** Addresses of the peer gateways: one, or as many as channels. */
export function peerAddresses(shape: Shape, channels: number): string[] {
  const at = (index: number) => `198.19.${Math.floor(index / peersPerNetwork) + 1}.${(index % peersPerNetwork) + 1}`;
  return Array.from({ length: shape === "shared" ? 1 : channels }, (_, index) => at(index));
}

/** Gateways for raw VICI, as many and in as many VPCs as the server's. The first has the channels. */
export function rawGateways(count: number): GatewaySpec[] {
  const { first } = storedNetwork(`${wire.rawPool}/32`);
  return Array.from({ length: count }, (_, index) => {
    const vpc = Math.floor(index / gatewaysPerVpc);
    return {
      id: rawNumber + index,
      uid: `vpngw-raw${index}`,
      vpcId: rawNumber + vpc,
      vpcUid: `vpc-raw${vpc}`,
      vpcCidr: vpcCidrOf(vpc),
      vpcAddress: `10.${vpc}.0.${1 + (index % gatewaysPerVpc)}`,
      publicAddress: formatAddress(first + index),
    };
  });
}

/** The connections that raw VICI loads: what the server makes of the same channels. */
export function connectionsOf(gateway: GatewaySpec, shape: Shape, channels: number): ConnectionSpec[] {
  const { ike, ipsec } = findProfile();
  return peerAddresses(shape, channels).map((remoteAddress, index) => {
    const own = shape === "shared" ? Array.from({ length: channels }, (_, channel) => channel) : [index];
    return {
      name: `ike-${remoteAddress}-0123456789ab`,
      localAddress: gateway.publicAddress,
      remoteAddress,
      ike: {
        ...ike,
        localIdentity: { type: "address", value: gateway.publicAddress },
        remoteIdentity: { type: "address", value: remoteAddress },
      },
      preSharedKey,
      children: own.map((channel) => ({
        name: `vpnx-${String(channel).padStart(8, "0")}-0123456789ab`,
        localNetwork: gateway.vpcCidr,
        peerNetwork: peerNetworkOf(channel),
        ipsec,
      })),
    };
  });
}
