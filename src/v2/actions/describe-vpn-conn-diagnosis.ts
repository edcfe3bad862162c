// DescribeVpnConnDiagnosis: our own, the vendor has none (docs/decisions/0075-why-a-channel-is-not-up.md).
import type { Context } from "../../operations/context.ts";
import { type DiagnosedConn, listVpnConnDiagnoses } from "../../operations/list-vpn-conn-diagnoses.ts";
import type { Action } from "../action.ts";
import { showDiagnosis, showUnknownPeer } from "../diagnosis.ts";
import { vpnConnStatusNumbers } from "../status.ts";
import { maxListed, oldVpcId, readPage } from "../values.ts";

export const describeVpnConnDiagnosis: Action = {
  name: "DescribeVpnConnDiagnosis",
  isWrite: false,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId", vpnConn: "vpnConnId" },
  async run(context, caller, parameters) {
    const { rows, total, unknownPeers } = await listVpnConnDiagnoses(context, caller, {
      ...readPage(parameters, "vpnConnName", maxListed),
      vpc: parameters.text("vpcId"),
      vpnGw: parameters.text("vpnGwId"),
      vpnConn: parameters.text("vpnConnId"),
      name: parameters.text("vpnConnName"),
      taskId: undefined,
    });
    return {
      totalCount: total,
      data: rows.map((row) => showDiagnosed(context, row)),
      unknownPeers: unknownPeers.map(({ vpnGw, peer }) => ({
        vpnGwId: vpnGw.id,
        unVpnGwId: vpnGw.uid,
        ...showUnknownPeer(context, peer),
      })),
    };
  },
};

function showDiagnosed(context: Context, row: DiagnosedConn): Record<string, unknown> {
  const { conn, vpc, vpnGw, userGw, netStatus } = row;
  return {
    vpcId: oldVpcId(vpc),
    unVpcId: vpc.uid,
    vpnGwId: vpnGw.id,
    unVpnGwId: vpnGw.uid,
    vpnGwAddress: vpnGw.publicAddress,
    vpnConnId: conn.id,
    unVpnConnId: conn.uid,
    vpnConnName: conn.name,
    userGwId: userGw.id,
    unUserGwId: userGw.uid,
    userGwAddress: userGw.address,
    vpcConnStatus: vpnConnStatusNumbers[conn.status],
    netStatus,
    // Why the gateway did not take its settings, in one sentence: what the task says that failed.
    failure: conn.failure ?? "",
    ...showDiagnosis(context, row.diagnosis),
  };
}
