// The life of a gateway in three plans - it is made with two channels, changed, removed - and the loop's way to carry them out, without its
// store: look, plan, do.
import type { CharonDataplane } from "../../../src/dataplane/charon/charon-dataplane.ts";
import type { ConnectionSpec, GatewaySpec } from "../../../src/dataplane/dataplane.ts";
import { Attempts } from "../../../src/reconcile/attempts.ts";
import type { DesiredConnection } from "../../../src/reconcile/desired.ts";
import {
  type DesiredGateway,
  planGateway,
  planInitiations,
  planLoading,
  removal,
} from "../../../src/reconcile/plan.ts";
import { type ConnectionChanges, connectionBetween, gatewayNumber } from "../specs.ts";

export const gateway = gatewayNumber(1);
/** Both of them; each has an identity of its own, so that they are two connections. */
export const peers = [gatewayNumber(2), gatewayNumber(3)] as const;

function between(local: GatewaySpec, remote: GatewaySpec, changes: ConnectionChanges): DesiredConnection {
  const spec = connectionBetween(local, remote, changes);
  return { spec, secretFingerprint: spec.preSharedKey.reveal(), connectionFingerprint: JSON.stringify(spec) };
}

/** What is desired of the peer: the gateway's whole VPC, and a part of it. */
export function connectionOf(peer: GatewaySpec): ConnectionSpec {
  return connectionBetween(peer, gateway, {
    name: "vpnx-peer",
    ...(peer === peers[1] ? { peerNetwork: "10.1.5.0/24" } : {}),
  });
}

function desiredWith(...connections: DesiredConnection[]): DesiredGateway {
  const networks = connections.flatMap(({ spec }) => spec.children.map(({ localNetwork }) => localNetwork));
  return {
    localNetworks: new Set([gateway.vpcCidr, ...networks]),
    connections: new Map(connections.map((connection) => [connection.spec.name, connection])),
  };
}

const first = between(gateway, peers[0], { name: "vpnx-aaaaaaaa" });
const renewed = between(gateway, peers[0], { name: "vpnx-aaaaaaab", ipsec: { lifetimeSeconds: 7_200 } });
const second = between(gateway, peers[1], { name: "vpnx-bbbbbbbb", localNetwork: "10.1.5.0/24" });

/** In order; undefined: the gateway is to go. */
export const plans = {
  made: desiredWith(first, second),
  changed: desiredWith(renewed),
  removed: undefined,
} as const satisfies Record<string, DesiredGateway | undefined>;

export type PlanName = keyof typeof plans;

/** Carries a plan out as GatewayLoop does, until there is nothing left to do but to wait for the peers. */
export async function carryOut(dataplane: CharonDataplane, plan: PlanName): Promise<void> {
  const desired: DesiredGateway | undefined = plans[plan];
  if (desired === undefined) {
    for (const step of removal) await dataplane.apply(gateway, step);
    return;
  }
  let actual = await dataplane.observe(gateway.id, true);
  for (const step of planGateway(actual)) await dataplane.apply(gateway, step);
  actual = await dataplane.observe(gateway.id, false);
  for (const step of planLoading(desired, actual)) await dataplane.apply(gateway, step);
  actual = await dataplane.observe(gateway.id, false);
  const { steps } = planInitiations(desired, actual.ikeSas, new Attempts(), Date.now());
  for (const step of steps) await dataplane.apply(gateway, step);
}
