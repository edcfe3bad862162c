// One channel by the API: how long from the request to the CHILD_SA. It is deleted again before the next.
import type { Names } from "../src/dataplane/charon/names.ts";
import type { Secret } from "../src/vpn/secret.ts";
import { type ApiClient, firstOf } from "./api-client.ts";
import { CharonWatch } from "./charon-watch.ts";
import type { Scope } from "./scope.ts";
import { type RemoteEnd, stepBoundMs, type Tunnel, type TunnelKind } from "./tunnel-ends.ts";
import type { TunnelProfile } from "./tunnel-profiles.ts";

/** The vendor's numbers (api-v2.md 5.5, 8). */
const gatewayRuns = 6;
const taskSucceeded = 0;

interface Place {
  readonly vpcId: string;
  readonly vpnGwId: string;
}

/** A VPC, a gateway that runs, and the remote site as its peer gateway. */
export async function makeOurEnd(scope: Scope, names: Names, api: ApiClient, remote: RemoteEnd): Promise<TunnelKind> {
  const { unVpcId } = await api.call("CreateVpc", { vpcName: "bench", cidrBlock: "10.0.0.0/16" });
  const vpcId = String(unVpcId);
  await api.call("CreateVpn", { vpcId, name: "bench", period: "1", bandwidth: "100" });
  const isUp = (reply: Parameters<typeof firstOf>[0]) => firstOf(reply).vpnGwStatus === gatewayRuns;
  const gateway = firstOf(await api.callUntil(["DescribeVpnGw", { vpcId }], isUp, stepBoundMs));
  const { userGwId } = await api.call("AddUserGw", { userGwName: "bench", userGwAddr: remote.address });
  const watch = await CharonWatch.open(names.viciSocket(Number(gateway.vpnGwId)));
  scope.defer("our look at the gateway", () => watch.close());
  const place = { vpcId, vpnGwId: String(gateway.unVpnGwId) };
  return {
    watch,
    setUp: async (profile, peerNetwork) => {
      const parameters = parametersOf(place, String(userGwId), remote.preSharedKey, profile, peerNetwork);
      return await setUp(api, watch, place, parameters);
    },
  };
}

function parametersOf(
  place: Place,
  userGwId: string,
  preSharedKey: Secret,
  profile: TunnelProfile,
  peerNetwork: string,
): Record<string, string> {
  const { parameters } = profile;
  return { ...place, userGwId, preSharedKey: preSharedKey.reveal(), "userGwCidrBlock.0": peerNetwork, ...parameters };
}

async function setUp(
  api: ApiClient,
  watch: CharonWatch,
  place: Place,
  parameters: Readonly<Record<string, string>>,
): Promise<Tunnel> {
  const installed = watch.nextInstalled(stepBoundMs);
  installed.catch(() => {}); // when the request itself fails
  const { reply, sentMs, receivedMs } = await api.timedCall("AddVpnConnEx", parameters);
  const { name, atMs } = await installed;
  const { taskId } = reply.data as { taskId: number };
  const uid = await checkTask(api, taskId, name);
  return {
    setUpMs: atMs - sentMs,
    replyMs: receivedMs - sentMs,
    takeDown: async () => {
      await api.call("DeleteVpnConn", { ...place, vpnConnId: uid });
      const listing = ["DescribeVpnConn", { vpnGwId: place.vpnGwId }] as const;
      await api.callUntil(listing, ({ totalCount }) => totalCount === 0, stepBoundMs);
    },
  };
}

/** The task succeeds, and the CHILD_SA that came up is the one of its channel. @returns the channel's unified id */
async function checkTask(api: ApiClient, taskId: number, childName: string): Promise<string> {
  const task = ["DescribeVpcTaskResult", { taskId: String(taskId) }] as const;
  await api.callUntil(task, ({ data }) => (data as { status: number }).status === taskSucceeded, stepBoundMs);
  const uid = String(firstOf(await api.call("DescribeVpnConn", { taskId: String(taskId) })).unVpnConnId);
  if (!childName.startsWith(`${uid}-`)) throw new Error(`${childName} came up instead of a child of ${uid}`);
  return uid;
}
