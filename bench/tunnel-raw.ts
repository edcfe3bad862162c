// One channel by VICI alone, on a gateway like ours in every way but that no server knows it: the limit that ours is held against.
import { CharonDataplane } from "../src/dataplane/charon/charon-dataplane.ts";
import { toLoadConn, toLoadShared } from "../src/dataplane/charon/connection-message.ts";
import { ownWires } from "../src/dataplane/charon/gateway-network.ts";
import type { Names } from "../src/dataplane/charon/names.ts";
import type { ConnectionSpec, GatewaySpec } from "../src/dataplane/dataplane.ts";
import { ViciSession } from "../src/vici/session.ts";
import { CharonWatch } from "./charon-watch.ts";
import type { Scope } from "./scope.ts";
import { type RemoteEnd, stepBoundMs, type Tunnel, type TunnelKind } from "./tunnel-ends.ts";
import type { TunnelProfile } from "./tunnel-profiles.ts";

/** Far from the numbers that the server gives. */
const rawNumber = 999_999;
const connectionName = "raw";
const dpd = { delaySeconds: 30, timeoutSeconds: 120 };

const gateway: GatewaySpec = {
  id: rawNumber,
  uid: "vpngw-benchraw",
  vpcId: rawNumber,
  vpcUid: "vpc-benchraw",
  vpcCidr: "10.1.0.0/16",
  vpcAddress: "10.1.0.1",
  publicAddress: "198.51.100.61",
};

/** Made by our own data plane, so that its charon is of the same build and settings; then driven by hand. */
export async function makeRawEnd(scope: Scope, names: Names, remote: RemoteEnd): Promise<TunnelKind> {
  const network = { ...ownWires, publicPrefixLength: 24, publicGateway: undefined };
  const log = { info: () => {}, warn: () => {} };
  const dataplane = new CharonDataplane({ names, network, esp: "auto", dpd, log });
  await dataplane.start();
  await dataplane.apply(gateway, { kind: "make-network" });
  await dataplane.apply(gateway, { kind: "start-charon" });
  await dataplane.apply(gateway, { kind: "add-local-network", network: gateway.vpcCidr });
  await dataplane.close();
  const socket = names.viciSocket(rawNumber);
  const session = await ViciSession.connect(socket);
  scope.defer("the raw session", () => session.close());
  const watch = await CharonWatch.open(socket);
  scope.defer("our look at the raw gateway", () => watch.close());
  return { watch, setUp: (profile, peer) => setUp(session, watch, connectionOf(remote, profile, peer)) };
}

function connectionOf(remote: RemoteEnd, { ike, ipsec }: TunnelProfile, peerNetwork: string): ConnectionSpec {
  return {
    name: connectionName,
    localAddress: gateway.publicAddress,
    remoteAddress: remote.address,
    ike: {
      ...ike,
      localIdentity: { type: "address", value: gateway.publicAddress },
      remoteIdentity: { type: "address", value: remote.address },
    },
    preSharedKey: remote.preSharedKey,
    children: [{ name: `${connectionName}-0`, localNetwork: gateway.vpcCidr, peerNetwork, ipsec }],
  };
}

async function setUp(session: ViciSession, watch: CharonWatch, connection: ConnectionSpec): Promise<Tunnel> {
  const { name } = connection;
  const installed = watch.nextInstalled(stepBoundMs);
  installed.catch(() => {}); // when a command fails
  const startedMs = performance.now();
  await session.request("load-shared", toLoadShared(connection));
  await session.request("load-conn", toLoadConn(connection, dpd));
  await session.request("initiate", { ike: name, child: `${name}-0`, "init-limits": "no", timeout: "-1" });
  const { atMs } = await installed;
  return {
    setUpMs: atMs - startedMs,
    replyMs: 0,
    takeDown: async () => {
      await session.request("unload-conn", { name });
      await session.request("unload-shared", { id: name });
      await session.request("terminate", { ike: name, force: "yes", timeout: "-1" });
    },
  };
}
