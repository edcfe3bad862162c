// DescribeVpnConn: api-v2.md 4.4.
import { listVpnConns } from "../../operations/list-vpn-conns.ts";
import type { VpnConnView } from "../../vpn/entities.ts";
import { distinctNetworks } from "../../vpn/spd.ts";
import type { Action } from "../action.ts";
import { showIke, showIpsec } from "../algorithms.ts";
import { showSummary } from "../diagnosis.ts";
import { vpnConnStatusNumbers } from "../status.ts";
import { formatTime, maxListed, readPage, showVpc } from "../values.ts";

export const describeVpnConn: Action = {
  name: "DescribeVpnConn",
  isWrite: false,
  parameterOf: { vpc: "vpcId", vpnGw: "vpnGwId", vpnConn: "vpnConnId" },
  async run(context, caller, parameters) {
    // Asks for the connection's network state, which is always there.
    parameters.flag("isNeedConnNet");
    const { rows, total } = await listVpnConns(context, caller, {
      ...readPage(parameters, "vpnConnName", maxListed),
      vpc: parameters.text("vpcId"),
      vpnGw: parameters.text("vpnGwId"),
      vpnConn: parameters.text("vpnConnId"),
      name: parameters.text("vpnConnName"),
      taskId: parameters.integer("taskId"),
    });
    const data = rows.map((view) => ({
      ...showConn(view),
      // Only a key that may write sees it (architecture: security).
      preSharedKey: caller.isReadOnly ? "" : view.conn.preSharedKey.reveal(),
      createTime: formatTime(context, view.conn.createdAtMs),
      // Ours: api-v2.md has no such field.
      ...showSummary(context, view.diagnosis),
    }));
    return { totalCount: total, data };
  },
};

function showConn({ conn, vpc, vpnGw, userGw, netStatus }: VpnConnView): Record<string, unknown> {
  const ike = showIke(conn.ike);
  const ipsec = showIpsec(conn.ipsec);
  return {
    ...showVpc(vpc),
    vpnGwId: vpnGw.id,
    unVpnGwId: vpnGw.uid,
    vpnGwName: vpnGw.name,
    vpnGwAddress: vpnGw.publicAddress,
    vpnConnId: conn.id,
    unVpnConnId: conn.uid,
    vpnConnName: conn.name,
    userGwId: userGw.id,
    unUserGwId: userGw.uid,
    userGwName: userGw.name,
    userGwAddress: userGw.address,
    vpcConnStatus: vpnConnStatusNumbers[conn.status],
    netStatus,
    remoteSlaIp: "",
    sourceCidr: distinctNetworks(conn.spds.map((spd) => spd.local)),
    destinationCidr: distinctNetworks(conn.spds.flatMap((spd) => spd.peers)),
    spdAcl: Object.fromEntries(conn.spds.map((spd) => [spd.local, spd.peers])),
    vpnProto: "ip-sec",
    // Tables and samples disagree on the spelling; clients read either.
    IKESet: ike,
    IPsecSet: ipsec,
    IKEArr: ike,
    IPSECArr: ipsec,
  };
}
