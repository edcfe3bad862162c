// What AddVpnConnEx needs before it can be called: VPCs, VPN gateways that run, peer gateways.
import type { Reply } from "../src/cli/client.ts";
import type { ApiClient } from "./api-client.ts";
import type { LoadPlan } from "./load.ts";
import type { Scope } from "./scope.ts";

const vpcCount = 10;
const gatewaysPerVpc = 10;
/** So a gateway has ten IKE identities, each shared by a thousandth of all channels. */
const userGwCount = 10;
const runningBoundMs = 60_000;
/** The number of a gateway's status (api-v2.md 5.5). */
const running = 6;

/** Settings that the world needs: no quotas, and public addresses for all gateways (198.18.0.0/15 is for benches: RFC 2544). */
export const worldSettings = {
  CULVERT_QUOTA_VPCS: "0",
  CULVERT_QUOTA_VPN_GWS_PER_VPC: "0",
  CULVERT_QUOTA_USER_GWS: "0",
  CULVERT_QUOTA_VPN_CONNS: "0",
  CULVERT_NETWORK_PUBLIC_POOL: "198.18.0.10-198.18.1.250",
  CULVERT_NETWORK_PUBLIC_PREFIX_LENGTH: "15",
} as const;

type World = Pick<LoadPlan, "gateways" | "userGwIds">;

export async function makeWorld(scope: Scope, api: ApiClient): Promise<World> {
  const vpcIds: string[] = [];
  for (let index = 0; index < vpcCount; index += 1) {
    scope.check();
    const { unVpcId } = await api.call("CreateVpc", { vpcName: `bench-${index}`, cidrBlock: `10.${index}.0.0/16` });
    const vpcId = String(unVpcId);
    vpcIds.push(vpcId);
    for (let slot = 0; slot < gatewaysPerVpc; slot += 1) {
      await api.call("CreateVpn", { vpcId, name: `bench-${index}-${slot}`, period: "1", bandwidth: "100" });
    }
  }
  const userGwIds: string[] = [];
  for (let index = 0; index < userGwCount; index += 1) {
    const peer = { userGwName: `bench-${index}`, userGwAddr: `203.0.113.${index + 1}` };
    const { userGwId } = await api.call("AddUserGw", peer);
    userGwIds.push(String(userGwId));
  }
  return { gateways: await waitForGateways(scope, api, vpcIds), userGwIds };
}

async function waitForGateways(scope: Scope, api: ApiClient, vpcIds: readonly string[]): Promise<World["gateways"]> {
  const deadlineMs = performance.now() + runningBoundMs;
  const isUp = ({ data }: Reply) =>
    Array.isArray(data) && data.length === gatewaysPerVpc && data.every((row) => row.vpnGwStatus === running);
  const gateways: { vpcId: string; vpnGwId: string }[] = [];
  for (const vpcId of vpcIds) {
    scope.check();
    const { data } = await api.callUntil(["DescribeVpnGw", { vpcId }], isUp, deadlineMs - performance.now());
    if (!Array.isArray(data)) continue;
    gateways.push(...data.map((row) => ({ vpcId, vpnGwId: String(row.unVpnGwId) })));
  }
  return gateways;
}
