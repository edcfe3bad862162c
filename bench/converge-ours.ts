// Our side of the bench `converge`: the rows of the gateways and channels, written through the API of a server that only simulates, and
// then a real server on the same database.
import { findCharon } from "../src/dataplane/charon/charon-process.ts";
import { listIkeSas } from "../src/dataplane/charon/list-ike-sas.ts";
import type { Names } from "../src/dataplane/charon/names.ts";
import { SaTable } from "../src/dataplane/charon/sa-table.ts";
import { isInstalled } from "../src/reconcile/fit.ts";
import { ViciSession } from "../src/vici/session.ts";
import type { ApiClient } from "./api-client.ts";
import {
  findProfile,
  gatewaysPerVpc,
  peerAddresses,
  peerNetworkOf,
  preSharedKey,
  type Shape,
  vpcCidrOf,
  wire,
} from "./converge-specs.ts";
import { Ledger } from "./ledger.ts";
import { type Scope, withScope } from "./scope.ts";
import { type BenchServer, startBenchServer } from "./server.ts";

/** The number of the gateway with the channels: the first that the server made. */
const firstGateway = 1;
const runningBoundMs = 60_000;
/** The number of a gateway's status (api-v2.md 5.5). */
const running = 6;

const settings = {
  CULVERT_QUOTA_VPCS: "0",
  CULVERT_QUOTA_VPN_GWS_PER_VPC: "0",
  CULVERT_QUOTA_USER_GWS: "0",
  CULVERT_QUOTA_VPN_CONNS: "0",
  CULVERT_NETWORK_PUBLIC_POOL: wire.pool,
  CULVERT_NETWORK_PUBLIC_PREFIX_LENGTH: String(wire.prefixLength),
  CULVERT_NETWORK_PUBLIC_GATEWAY: wire.router,
} as const;

/**
 * Writes the rows of all gateways and all channels but the last; no gateway is on the machine then.
 * @returns the parameters of AddVpnConnEx for the last
 */
export async function writeRows(
  dataDir: string,
  shape: Shape,
  gateways: number,
  channels: number,
): Promise<Readonly<Record<string, string>>> {
  return await withScope(async (scope) => {
    const server = await startBenchServer(scope, dataDir, { ...settings, CULVERT_DATAPLANE: "simulated" });
    const ledger = await Ledger.open(dataDir, undefined);
    scope.defer("the database", () => ledger.close());
    const place = await makeGateways(scope, server.api, gateways);
    const orders = await makeOrders(scope, server.api, place, shape, channels);
    const last = orders.pop() ?? {};
    for (const order of orders) {
      scope.check();
      await server.api.call("AddVpnConnEx", order);
    }
    await ledger.settle(scope);
    return last;
  });
}

interface Place {
  readonly vpcId: string;
  readonly vpnGwId: string;
}

async function makeGateways(scope: Scope, api: ApiClient, gateways: number): Promise<Place> {
  const vpcIds: string[] = [];
  for (let index = 0; index < gateways; index += 1) {
    scope.check();
    const vpc = Math.floor(index / gatewaysPerVpc);
    if (vpc === vpcIds.length) {
      const { unVpcId } = await api.call("CreateVpc", { vpcName: `bench-${vpc}`, cidrBlock: vpcCidrOf(vpc) });
      vpcIds.push(String(unVpcId));
    }
    const order = { vpcId: vpcIds[vpc] ?? "", name: `bench-${index}`, period: "1", bandwidth: "100" };
    await api.call("CreateVpn", order);
  }
  const vpcId = vpcIds[0] ?? "";
  const listing = ["DescribeVpnGw", { vpcId }] as const;
  const isRunning = (row: Record<string, unknown>) => row.vpnGwStatus === running;
  const { data } = await api.callUntil(
    listing,
    ({ data }) => Array.isArray(data) && data.every(isRunning),
    runningBoundMs,
  );
  const rows: readonly Record<string, unknown>[] = Array.isArray(data) ? data : [];
  const first = rows.find(({ vpnGwId }) => Number(vpnGwId) === firstGateway);
  return { vpcId, vpnGwId: String(first?.unVpnGwId) };
}

/** Makes the peer gateways. @returns the parameters of every channel */
async function makeOrders(
  scope: Scope,
  api: ApiClient,
  place: Place,
  shape: Shape,
  channels: number,
): Promise<Record<string, string>[]> {
  const userGwIds: string[] = [];
  for (const userGwAddr of peerAddresses(shape, channels)) {
    scope.check();
    const { userGwId } = await api.call("AddUserGw", { userGwName: userGwAddr, userGwAddr });
    userGwIds.push(String(userGwId));
  }
  const common = { ...place, ...findProfile().parameters, preSharedKey: preSharedKey.reveal() };
  return Array.from({ length: channels }, (_, channel) => {
    const userGwId = userGwIds[channel % userGwIds.length] ?? "";
    return { ...common, userGwId, "userGwCidrBlock.0": peerNetworkOf(channel) };
  });
}

/** A server that makes all of it real. */
export function startOurs(scope: Scope, dataDir: string): Promise<BenchServer> {
  return startBenchServer(scope, dataDir, { ...settings, CULVERT_DATAPLANE: "charon" });
}

/** Pids of the charons, the one with the channels first. @throws Error when one is missing */
export async function ourCharons(names: Names, gateways: number): Promise<number[]> {
  const pids: number[] = [];
  for (let id = firstGateway; id < firstGateway + gateways; id += 1) {
    const pid = await findCharon({ namespace: names.gatewayNamespace(id), dir: names.gatewayDir(id) });
    if (pid === undefined) throw new Error(`charon of gateway ${id} does not run`);
    pids.push(pid);
  }
  return pids;
}

export function ourSocket(names: Names): string {
  return names.viciSocket(firstGateway);
}

export function ourGatewayDir(names: Names): string {
  return names.gatewayDir(firstGateway);
}

/** How many children carry traffic, each counted once. */
export async function countInstalled(socket: string): Promise<number> {
  const session = await ViciSession.connect(socket);
  try {
    const ikeSas = await listIkeSas(session, new SaTable(), true);
    const up = ikeSas.flatMap(({ children }) => children).filter(({ state }) => isInstalled(state));
    return new Set(up.map(({ name }) => name)).size;
  } finally {
    session.close();
  }
}
