// DescribeVpnGw: api-v2.md 5.5.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { describeListRules } from "../support/list-rules.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf, requireSuccess, rowOf, rowsOf, textAt } from "../support/reply.ts";
import { findVpnGw, makeVpc, makeVpnGw } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";
import { waitFor } from "../support/wait-for.ts";

/** The page's row. */
const sample = {
  code: 0,
  message: "",
  codeDesc: "Success",
  totalCount: 1,
  data: [
    {
      vpcId: "sh_vpc_389",
      unVpcId: "vpc-aa3z6vxo",
      vpcName: "joezou",
      vpcCidrBlock: "172.16.0.0/16",
      vpnGwId: 122,
      unVpnGwId: "vpngw-nhg87nmg",
      vpnGwName: "test001",
      bandwidth: 5,
      vpnGwStatus: 6,
      vpnGwAddress: "115.159.26.189",
      dealId: "896973",
      localSlaIp: "",
      isAutoRenewals: true,
      expireTime: "2015-12-23 19:04:40",
      createTime: "2015-11-23 19:02:54",
    },
  ],
};

const time = /^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}$/;
const dataplane = new HeldDataplane();
let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
});
afterAll(() => server.stop());

const list = (parameters: Readonly<Record<string, string>> = {}) => call(server.client, "DescribeVpnGw", parameters);

describe("DescribeVpnGw", () => {
  it("answers as the page says", async () => {
    const vpcId = await makeVpc(server.client, "172.16.0.0/16", "joezou");
    const order = { name: "test001", vpcId, period: "1", bandwidth: "5" };
    const [dealId] = requireSuccess(await call(server.client, "CreateVpn", order)).dealIds as unknown[];
    await server.database.settle();
    const reply = await list({ dealId: String(dealId) });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    expect(rowOf(reply)).toEqual({
      ...sample.data[0],
      vpcId: rowOf(await call(server.client, "DescribeVpcEx", { vpcId })).vpcId,
      unVpcId: vpcId,
      vpnGwId: dealId,
      unVpnGwId: expect.stringMatching(/^vpngw-[a-z0-9]{8}$/),
      vpnGwAddress: expect.stringMatching(/^198\.51\.100\.[0-9]+$/),
      dealId: String(dealId),
      expireTime: expect.stringMatching(time),
      createTime: expect.stringMatching(time),
    });
  });

  it("gives each gateway a public address of its own", async () => {
    const vpcId = await makeVpc(server.client);
    for (let made = 0; made < 3; made += 1) await makeVpnGw(server.client, vpcId);
    const rows = rowsOf(await list({ vpcId }));
    expect(new Set(rows.map((row) => row.vpnGwAddress)).size).toBe(3);
  });

  it("finds by VPC, by order number and by addresses, joined by AND", async () => {
    const [vpcId, empty] = [await makeVpc(server.client), await makeVpc(server.client)];
    const first = await findVpnGw(server.client, await makeVpnGw(server.client, vpcId));
    const second = await findVpnGw(server.client, await makeVpnGw(server.client, vpcId));
    const idsOf = async (filter: Readonly<Record<string, string>>) =>
      rowsOf(await list(filter)).map((row) => row.unVpnGwId);
    const [one, two] = [first.unVpnGwId, second.unVpnGwId];
    expect(await idsOf({ vpcId })).toEqual([two, one]);
    expect(await idsOf({ vpcId: textAt(first, "vpcId") })).toEqual([two, one]);
    expect(await idsOf({ vpcId: empty })).toEqual([]);
    expect(await idsOf({ dealId: textAt(first, "dealId") })).toEqual([one]);
    expect(await idsOf({ dealId: "999999" })).toEqual([]);
    expect(await idsOf({ vpcId: empty, dealId: textAt(first, "dealId") })).toEqual([]);
    const address = textAt(first, "vpnGwAddress");
    expect(await idsOf({ vpnGwAddressSet: address })).toEqual([one]);
    expect(await idsOf({ "vpnGwAddressSet.0": address })).toEqual([one]);
    expect(await idsOf({ vpnGwAddressSet_0: address })).toEqual([one]);
    const both = { "vpnGwAddressSet.0": address, "vpnGwAddressSet.5": textAt(second, "vpnGwAddress") };
    expect(await idsOf({ ...both, orderDirection: "asc" })).toEqual([one, two]);
    expect(await idsOf({ vpnGwAddressSet: "203.0.113.1" })).toEqual([]);
  });

  it("refuses a gateway that is not of the VPC, an unknown VPC, and a malformed order number", async () => {
    const [vpcId, other] = [await makeVpc(server.client), await makeVpc(server.client)];
    const vpnGwId = await makeVpnGw(server.client, vpcId);
    expect(rowOf(await list({ vpcId, vpnGwId })).unVpnGwId).toBe(vpnGwId);
    await expectRefusal(server, "vpn-gw-not-found", () => list({ vpcId: other, vpnGwId }), [vpnGwId, other]);
    await expectRefusal(server, "vpc-not-found", () => list({ vpcId: "vpc-zzzzzzzz", vpnGwId }), ["vpc-zzzzzzzz"]);
    await expectRefusal(server, "parameter-invalid", () => list({ dealId: "first" }), ["[dealId]"]);
  });
});

describe("vpnGwStatus", () => {
  const statusOf = async (vpnGwId: string) => (await findVpnGw(server.client, vpnGwId)).vpnGwStatus;

  it("is 2 while the gateway is made, 6 when it runs, 4 while it goes", async () => {
    dataplane.hold();
    const vpcId = await makeVpc(server.client);
    const made = await call(server.client, "RunVpnGw", {
      name: "g",
      vpcId,
      bandwidth: "5",
      chargeType: "POSTPAID_BY_HOUR",
    });
    const vpnGwId = textAt(dataOf(made), "vpnGwId");
    expect(await statusOf(vpnGwId)).toBe(2);
    dataplane.release();
    await waitFor(async () => (await statusOf(vpnGwId)) === 6, { what: "status 6" });
    dataplane.hold();
    requireSuccess(await call(server.client, "DeleteVpnGw", { vpcId, vpnGwId }));
    expect(await statusOf(vpnGwId)).toBe(4);
    dataplane.release();
    await waitFor(async () => (await list({ vpnGwName: "g", vpcId })).totalCount === 0, { what: "the gateway to go" });
  });

  it("is 3 when it cannot be made and 6 when it can after all; 5 when it cannot be removed", async () => {
    const failure = new DataplaneError("gateway", "no room on this machine");
    dataplane.fail(({ kind }) => (kind === "make-network" || kind === "stop-charon" ? failure : undefined));
    const vpcId = await makeVpc(server.client);
    const order = { name: "g", vpcId, bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" };
    const vpnGwId = textAt(dataOf(await call(server.client, "RunVpnGw", order)), "vpnGwId");
    await waitFor(async () => (await statusOf(vpnGwId)) === 3, { what: "status 3" });
    dataplane.fail(({ kind }) => (kind === "stop-charon" ? failure : undefined));
    await waitFor(async () => (await statusOf(vpnGwId)) === 6, { what: "status 6" });
    requireSuccess(await call(server.client, "DeleteVpnGw", { vpcId, vpnGwId }));
    server.clock.advance(31_000);
    await server.nudge();
    await waitFor(async () => (await statusOf(vpnGwId)) === 5, { what: "status 5" });
    dataplane.fail(() => undefined);
    await server.nudge();
    await waitFor(async () => (await list({ vpcId })).totalCount === 0, { what: "the gateway to go after all" });
  });
});

describeListRules(() => server, {
  action: "DescribeVpnGw",
  idParameter: "vpnGwId",
  nameParameter: "vpnGwName",
  uidField: "unVpnGwId",
  oldIdField: "vpnGwId",
  notFound: "vpn-gw-not-found",
  maxLimit: 50,
  prepare: async (client) => {
    const vpcs = [await makeVpc(client), await makeVpc(client)] as const;
    let made = 0;
    return (name) => {
      made += 1;
      return makeVpnGw(client, vpcs[made % 2 === 0 ? 0 : 1], name);
    };
  },
});
