// DescribeVpnConn: api-v2.md 4.4.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { withoutDiagnosis } from "../support/diagnoses.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { describeListRules } from "../support/list-rules.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf, rowsOf, textAt } from "../support/reply.ts";
import {
  addVpnConn,
  findConn,
  findVpnGw,
  makeConn,
  makePlace,
  makeUserGw,
  makeVpc,
  makeVpnGw,
  nextPeerAddress,
  type Place,
} from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";
import { waitFor } from "../support/wait-for.ts";

const ike = {
  propoAuthenAlgorithm: "md5",
  propoEncryAlgorithm: "3des-cbc",
  exchangeMode: "main",
  localIdentity: "address",
  remoteIdentity: "fqdn",
  localAddress: "183.60.249.42",
  remoteAddress: null,
  localFqdnName: null,
  remoteFqdnName: "vpn86",
  dhGroupName: "group2",
  ikeSaLifetimeSeconds: "11180",
};
const ipsec = {
  encryptAlgorithm: "aes-cbc-192",
  integrityAlgorith: "md5",
  encapMode: "tunnel",
  securityProto: "ESP",
  pfsDhGroup: "dh-group1",
  ipsecSaLifetimeSeconds: "500",
  ipsecSaLifetimeTraffic: "80000",
};
/** The page's third row, as api-v2.md 12 has it: both spellings of the sets, and spdAcl beside the flat lists. */
const row = {
  vpcId: "gz_vpc_80",
  unVpcId: "vpc-fyvpmam9",
  vpcName: "pan-vpc6",
  vpcCidrBlock: "10.100.6.0/24",
  vpnGwId: 453,
  unVpnGwId: "vpngw-ncr48l69",
  vpnGwName: "huasan-8080",
  vpnGwAddress: "183.60.249.42",
  vpnConnId: 292,
  unVpnConnId: "vpnx-p0j71qf6",
  vpnConnName: "292_testtest",
  userGwId: 232,
  unUserGwId: "cgw-esg61xg5",
  userGwName: "183.60.249.24",
  userGwAddress: "183.60.249.24",
  vpcConnStatus: 6,
  netStatus: "unavailable",
  preSharedKey: "tencent",
  remoteSlaIp: "",
  sourceCidr: ["10.100.6.0/24"],
  destinationCidr: ["10.100.12.0/24"],
  spdAcl: { "10.100.6.0/24": ["10.100.12.0/24"] },
  vpnProto: "ip-sec",
  createTime: "2015-08-06 20:29:25",
  IKESet: ike,
  IPsecSet: ipsec,
  IKEArr: ike,
  IPSECArr: ipsec,
};
const sample = { code: 0, message: "", codeDesc: "Success", totalCount: 1, data: [row] };

const dataplane = new HeldDataplane();
let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
});
afterAll(() => server.stop());

const list = (parameters: Readonly<Record<string, string>> = {}) => call(server.client, "DescribeVpnConn", parameters);

describe("DescribeVpnConn", () => {
  it("answers as the page says", async () => {
    const { client } = server;
    const vpcId = await makeVpc(client, "10.100.6.0/24", "pan-vpc6");
    const vpnGwId = await makeVpnGw(client, vpcId, "huasan-8080");
    const peer = { userGwName: "192.0.2.24", userGwAddr: "192.0.2.24" };
    const userGwId = textAt(requireSuccess(await call(client, "AddUserGw", peer)), "userGwId");
    const made = await makeConn(
      client,
      { vpcId, vpnGwId, userGwId },
      {
        vpnConnName: "292_testtest",
        preSharedKey: "tencent",
        "userGwCidrBlock.0": "10.100.12.0/24",
        "IKESet.remoteIdentity": "fqdn",
        "IKESet.remoteFqdnName": "vpn86",
        "IKESet.dhGroupName": "group2",
        "IKESet.ikeSaLifetimeSeconds": "11180",
        "IPsecSet.encryptAlgorithm": "aes-cbc-192",
        "IPsecSet.pfsDhGroup": "dh-group1",
        "IPsecSet.ipsecSaLifetimeSeconds": "500",
        "IPsecSet.ipsecSaLifetimeTraffic": "80000",
      },
    );
    const vpnConnId = textAt(made, "unVpnConnId");
    const reply = await list({ vpnConnId });
    expect(shapeOf({ ...reply, data: [withoutDiagnosis(rowOf(reply))] })).toEqual(shapeOf(sample));
    const gateway = await findVpnGw(client, vpnGwId);
    const set = { ...ike, localAddress: gateway.vpnGwAddress };
    expect(withoutDiagnosis(rowOf(reply))).toEqual({
      ...row,
      vpcId: gateway.vpcId,
      unVpcId: vpcId,
      vpnGwId: gateway.vpnGwId,
      unVpnGwId: vpnGwId,
      vpnGwAddress: gateway.vpnGwAddress,
      vpnConnId: expect.any(Number),
      unVpnConnId: expect.stringMatching(/^vpnx-[a-z0-9]{8}$/),
      userGwId: rowOf(await call(client, "DescribeUserGw", { userGwId })).userGwId,
      unUserGwId: userGwId,
      userGwName: "192.0.2.24",
      userGwAddress: "192.0.2.24",
      createTime: expect.stringMatching(/^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}$/),
      IKESet: set,
      IKEArr: set,
    });
  });

  it("shows several rules as flat distinct lists and as spdAcl", async () => {
    const spdAcl = {
      "10.0.0.0/24": ["192.168.0.0/24", "192.168.1.0/24"],
      "10.0.1.0/24": ["192.168.2.0/24"],
      "10.0.2.0/24": ["192.168.2.0/24"],
    };
    const conn = await makeConn(server.client, await makePlace(server.client), { spdAcl: JSON.stringify(spdAcl) });
    expect(conn).toMatchObject({
      sourceCidr: ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"],
      destinationCidr: ["192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"],
      spdAcl,
    });
  });

  it("finds by VPC, gateway and task, joined by AND", async () => {
    const place = await makePlace(server.client);
    const other = { ...place, vpnGwId: await makeVpnGw(server.client, place.vpcId) };
    const [first, second] = [await addVpnConn(server.client, place), await addVpnConn(server.client, other)];
    await server.database.settle();
    const conns = [await findConn(server.client, first), await findConn(server.client, second)] as const;
    const [one, two] = [withoutDiagnosis(conns[0]), withoutDiagnosis(conns[1])];
    const find = async (filter: Readonly<Record<string, string>>) => rowsOf(await list(filter)).map(withoutDiagnosis);
    expect(await find({ vpcId: place.vpcId, orderDirection: "asc" })).toEqual([one, two]);
    expect(await find({ vpcId: textAt(one, "vpcId"), vpnGwId: String(one.vpnGwId) })).toEqual([one]);
    expect(await find({ vpnGwId: other.vpnGwId })).toEqual([two]);
    expect(await find({ taskId: first.taskId, vpnGwId: other.vpnGwId })).toEqual([]);
    expect(await find({ taskId: "999999" })).toEqual([]);
    expect(await find({ vpnConnId: String(one.vpnConnId), vpnGwId: place.vpnGwId })).toEqual([one]);
  });

  it.each(["0", "1", "true", "False"])("takes isNeedConnNet=%s, and shows netStatus anyhow", async (isNeedConnNet) => {
    const rows = rowsOf(await list({ isNeedConnNet }));
    expect(new Set(rows.map((each) => each.netStatus))).toEqual(new Set(["unavailable"]));
  });

  it("refuses what is not of the VPC or gateway that is named, and malformed filters", async () => {
    const [place, other] = [await makePlace(server.client), await makePlace(server.client)];
    const vpnConnId = textAt(await makeConn(server.client, place), "unVpnConnId");
    const { vpcId, vpnGwId } = other;
    await expectRefusal(server, "vpn-conn-not-found", () => list({ vpnGwId, vpnConnId }), [vpnConnId, vpnGwId]);
    await expectRefusal(server, "vpn-gw-not-found", () => list({ vpcId: place.vpcId, vpnGwId }), [vpnGwId]);
    await expectRefusal(server, "vpn-gw-not-found", () => list({ vpnGwId: "vpngw-zzzzzzzz" }), ["vpngw-zzzzzzzz"]);
    await expectRefusal(server, "vpc-not-found", () => list({ vpcId: "bj_vpc_1" }), ["bj_vpc_1"]);
    await expectRefusal(server, "vpn-conn-not-found", () => list({ vpcId, vpnConnId }), [vpnConnId]);
    await expectRefusal(server, "parameter-invalid", () => list({ taskId: "last" }), ["[taskId]"]);
    await expectRefusal(server, "parameter-invalid", () => list({ isNeedConnNet: "maybe" }), ["[isNeedConnNet]"]);
  });

  it("shows the key to those who may write only", async () => {
    await makeConn(server.client, await makePlace(server.client), { preSharedKey: "for writers" });
    const reader = await server.addKey({ isReadOnly: true });
    const [seen, hidden] = [rowsOf(await list()), rowsOf(await call(reader, "DescribeVpnConn", {}))];
    expect(seen[0]?.preSharedKey).toBe("for writers");
    expect(hidden.map(withoutDiagnosis)).toEqual(seen.map((each) => ({ ...withoutDiagnosis(each), preSharedKey: "" })));
  });
});

describe("vpcConnStatus and netStatus", () => {
  const statusOf = async (conn: { readonly taskId: string }) => (await findConn(server.client, conn)).vpcConnStatus;
  const deleteConn = async (place: Place, conn: { readonly taskId: string }) => {
    const { unVpnConnId } = await findConn(server.client, conn);
    requireSuccess(await call(server.client, "DeleteVpnConn", { ...place, vpnConnId: String(unVpnConnId) }));
  };

  it("are 0 and unavailable at first, 6 and available with a peer that agrees, 4 on the way out", async () => {
    const { vpcId, vpnGwId } = await makePlace(server.client);
    const place = { vpcId, vpnGwId, userGwId: await makeUserGw(server.client, nextPeerAddress()) };
    dataplane.hold();
    const conn = await addVpnConn(server.client, place);
    expect(await findConn(server.client, conn)).toMatchObject({ vpcConnStatus: 0, netStatus: "unavailable" });
    dataplane.release();
    await server.database.settle();
    expect(await findConn(server.client, conn)).toMatchObject({ vpcConnStatus: 6, netStatus: "available" });
    dataplane.hold();
    await deleteConn(place, conn);
    expect(await statusOf(conn)).toBe(4);
    dataplane.release();
    await waitFor(async () => (await list({ vpnGwId })).totalCount === 0, { what: "the channel to go" });
  });

  it("are 1 when the channel is refused, and 5 when it cannot be removed", async () => {
    const place = await makePlace(server.client);
    const refusal = new DataplaneError("connection", "refused");
    dataplane.fail(({ kind }) => (kind === "load-secret" ? refusal : undefined));
    const conn = await addVpnConn(server.client, place);
    await waitFor(async () => (await statusOf(conn)) === 1, { what: "status 1" });
    dataplane.fail(() => undefined);
    await waitFor(async () => (await statusOf(conn)) === 6, { what: "status 6" });
    dataplane.fail(({ kind }) => (kind === "unload-connection" ? new DataplaneError("gateway", "stuck") : undefined));
    await deleteConn(place, conn);
    server.clock.advance(31_000);
    await server.nudge();
    await waitFor(async () => (await statusOf(conn)) === 5, { what: "status 5" });
    dataplane.fail(() => undefined);
    await waitFor(async () => (await list({ vpnGwId: place.vpnGwId })).totalCount === 0, { what: "the channel to go" });
  });
});

describeListRules(() => server, {
  action: "DescribeVpnConn",
  idParameter: "vpnConnId",
  nameParameter: "vpnConnName",
  uidField: "unVpnConnId",
  oldIdField: "vpnConnId",
  notFound: "vpn-conn-not-found",
  maxLimit: 50,
  prepare: async (client) => {
    const { vpcId, vpnGwId } = await makePlace(client);
    // A silent one would be found out at its own time.
    const userGwId = await makeUserGw(client, nextPeerAddress());
    return (vpnConnName) => makeConn(client, { vpcId, vpnGwId, userGwId }, { vpnConnName });
  },
});
