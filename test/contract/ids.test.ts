// Both kinds of ids in every call that names a resource, mixed as they may be: api-v2.md 3.1.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, type Reply } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { dataOf, type Row, requireSuccess, rowOf, rowsOf, textAt } from "../support/reply.ts";
import { findConn, makeConn, makePlace, makeUserGw, makeVpc } from "../support/scene.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

/** The ids of one channel and of all that it hangs on. */
interface Ids {
  readonly vpcId: string;
  readonly vpnGwId: string;
  readonly userGwId: string;
  readonly vpnConnId: string;
}

/** How a client may write the ids of a channel that DescribeVpnConn shows. */
const spellings: Readonly<Record<string, (conn: Row) => Ids>> = {
  unified: (conn) => ({
    vpcId: textAt(conn, "unVpcId"),
    vpnGwId: textAt(conn, "unVpnGwId"),
    userGwId: textAt(conn, "unUserGwId"),
    vpnConnId: textAt(conn, "unVpnConnId"),
  }),
  old: (conn) => ({ ...numbersOf(conn), vpcId: textAt(conn, "vpcId") }),
  "old, the VPC's bare number": (conn) => ({
    ...numbersOf(conn),
    vpcId: textAt(conn, "vpcId").replace(/^gz_vpc_/, ""),
  }),
  "mixed, the VPC's old": (conn) => ({
    ...numbersOf(conn),
    vpcId: textAt(conn, "vpcId"),
    vpnGwId: textAt(conn, "unVpnGwId"),
  }),
};

function numbersOf(conn: Row) {
  return { vpnGwId: String(conn.vpnGwId), userGwId: String(conn.userGwId), vpnConnId: String(conn.vpnConnId) };
}

describe.each(Object.entries(spellings))("%s ids", (_which, spell) => {
  let conn: Row;
  let ids: Ids;
  beforeAll(async () => {
    conn = await makeConn(server.client, await makePlace(server.client));
    ids = spell(conn);
  });

  const ask = async (
    action: string,
    names: readonly (keyof Ids)[],
    parameters: Readonly<Record<string, string>> = {},
  ) => {
    const given = Object.fromEntries(names.map((name) => [name, ids[name]]));
    return requireSuccess(await call(server.client, action, { ...given, ...parameters }));
  };
  const conns = ["vpcId", "vpnGwId", "vpnConnId"] as const;

  it("find rows", async () => {
    expect(rowOf(await ask("DescribeVpcEx", ["vpcId"])).unVpcId).toBe(conn.unVpcId);
    expect(rowOf(await ask("DescribeVpnGw", ["vpcId", "vpnGwId"])).unVpnGwId).toBe(conn.unVpnGwId);
    expect(rowOf(await ask("DescribeUserGw", ["userGwId"])).unUserGwId).toBe(conn.unUserGwId);
    expect(rowOf(await ask("DescribeVpnConn", conns)).unVpnConnId).toBe(conn.unVpnConnId);
    const monitor: Reply = await ask("DescribeVpnConnMonitor", conns, { metricName: "intraffic" });
    expect(Array.isArray(monitor.data)).toBe(true);
    const device = { vendorname: "cisco", platform: "ios", software: "V15.4" };
    const [config] = rowsOf(await ask("GetVpnConnConfig", ["vpnConnId"], device));
    expect(config?.configFileInfo).toContain(String(conn.userGwAddress));
  });

  it("make what belongs to them", async () => {
    await ask("CreateVpn", ["vpcId"], { name: "bought", period: "1", bandwidth: "5" });
    await ask("RunVpnGw", ["vpcId"], { name: "run", bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" });
    const { totalCount } = await call(server.client, "DescribeVpnGw", { vpcId: textAt(conn, "unVpcId") });
    expect(totalCount).toBe(3);
    const names = ["vpcId", "vpnGwId", "userGwId"] as const;
    const data = dataOf(await ask("AddVpnConnEx", names, { "userGwCidrBlock.0": "172.30.0.0/16" }));
    expect(data).toMatchObject({ vpnGwId: ids.vpnGwId, userGwId: ids.userGwId });
    const made = await findConn(server.client, { taskId: String(data.taskId) });
    expect(made).toMatchObject({ unVpcId: conn.unVpcId, unVpnGwId: conn.unVpnGwId, unUserGwId: conn.unUserGwId });
    await server.database.settle();
  });

  it("change what they name", async () => {
    await ask("ModifyVpcAttribute", ["vpcId"], { vpcName: `changed ${ids.vpcId}` });
    await ask("ModifyVpnGw", ["vpcId", "vpnGwId"], { vpnGwName: "changed" });
    await ask("ModifyUserGw", ["userGwId"], { userGwName: "changed" });
    const data = dataOf(await ask("ModifyVpnConnEx", conns, { vpnConnName: "changed" }));
    expect(data).toMatchObject({ vpnGwId: ids.vpnGwId, vpcConnId: ids.vpnConnId });
    await server.database.settle();
    await ask("ResetVpnConnSA", conns);
    const row = await rowNow();
    expect(row).toMatchObject({ vpnGwName: "changed", userGwName: "changed", vpnConnName: "changed" });
    expect(row.vpcName).toBe(`changed ${ids.vpcId}`);
  });

  it("renew and delete what they name", async () => {
    const order = { vpcId: textAt(conn, "unVpcId"), name: "paid", period: "1", bandwidth: "5" };
    const [dealId] = requireSuccess(await call(server.client, "CreateVpn", order)).dealIds as unknown[];
    await server.database.settle();
    const paid = rowOf(await call(server.client, "DescribeVpnGw", { dealId: String(dealId) }));
    const vpnGwId = ids.vpnGwId === conn.unVpnGwId ? textAt(paid, "unVpnGwId") : String(paid.vpnGwId);
    await ask("RenewVpn", ["vpcId"], { vpnGwId, period: "1" });
    const renewed = rowOf(await call(server.client, "DescribeVpnGw", { dealId: String(dealId) }));
    expect(renewed.expireTime).not.toBe(paid.expireTime);
    await ask("DeleteVpnGw", ["vpcId"], { vpnGwId });
    expect(dataOf(await ask("DeleteVpnConn", conns))).toMatchObject({ vpnGwId: ids.vpnGwId, vpcConnId: ids.vpnConnId });
    await server.database.settle();
    const left = rowsOf(await call(server.client, "DescribeVpnConn", { vpcId: textAt(conn, "unVpcId") }));
    expect(left.map((row) => row.unVpnConnId)).not.toContain(conn.unVpnConnId);
  });

  const rowNow = async () =>
    rowOf(await call(server.client, "DescribeVpnConn", { vpnConnId: textAt(conn, "unVpnConnId") }));
});

it("of a VPC and of a peer gateway without channels delete them, all three and both", async () => {
  const [first, second, third] = [
    await makeVpc(server.client),
    await makeVpc(server.client),
    await makeVpc(server.client),
  ];
  const oldOf = async (vpcId: string) => textAt(rowOf(await call(server.client, "DescribeVpcEx", { vpcId })), "vpcId");
  const bare = (await oldOf(third)).replace("gz_vpc_", "");
  for (const vpcId of [first, await oldOf(second), bare]) {
    requireSuccess(await call(server.client, "DeleteVpc", { vpcId }));
    expect(await call(server.client, "DescribeVpcEx", { vpcId })).toMatchObject({ codeDesc: "InvalidVpc.NotFound" });
  }
  const [one, two] = [await makeUserGw(server.client), await makeUserGw(server.client)];
  const number = String(rowOf(await call(server.client, "DescribeUserGw", { userGwId: two })).userGwId);
  for (const userGwId of [one, number]) {
    requireSuccess(await call(server.client, "DeleteUserGw", { userGwId }));
    const again = await call(server.client, "DescribeUserGw", { userGwId });
    expect(again).toMatchObject({ codeDesc: "InvalidUserGw.NotFound" });
  }
});
