// AddVpnConnEx: its published example, what it refers to, names, peers given inline, states and limits.
// seed-AddVpnConnEx.md, api-v2.md 4.1. The networks, the settings and the identities have files of their own beside this one.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal, expectRefusalAmidWork } from "../support/refusal.ts";
import { dataOf, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import {
  addVpnConn,
  findConn,
  findVpnGw,
  makeConn,
  makePlace,
  makeUserGw,
  makeVpc,
  makeVpnGw,
  nextNetwork,
  nextSilentAddress,
  type Place,
  waitForTask,
} from "../support/scene.ts";

/** The seed's own request and reply. */
const seedRequest = {
  vpcId: "vpc-amhnnao5",
  userGwId: "cgw-e098slul",
  vpnGwId: "vpngw-dystbrkv",
  "userGwCidrBlock.0": "10.56.20.1/24",
  preSharedKey: "dgdgd33",
};
const seedReply = {
  code: 0,
  message: "",
  data: {
    vpnGwId: "vpngw-dystbrkv",
    userGwId: "cgw-e098slul",
    vpnConnId: 0,
    taskId: 12613,
    vpnConnStatus: 0,
    preSharedKey: "dgdgd33",
    userGwSubnetList: ["10.56.20.1/24"],
  },
};

const dataplane = new HeldDataplane();
let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  place = await makePlace(server.client);
});
afterAll(() => server.stop());

/** A call with a network of its own, and nothing else that is not needed. */
const add = (parameters: Readonly<Record<string, string>> = {}, where: Partial<Place> = place) =>
  call(server.client, "AddVpnConnEx", { ...where, "userGwCidrBlock.0": nextNetwork(), ...parameters });

/** Gives resources the unified ids of the published example. */
async function takeSeedIds({ vpcId, vpnGwId, userGwId }: Place): Promise<void> {
  const { sql } = server.store.db;
  await sql.updateTable("vpcs").set({ uid: seedRequest.vpcId }).where("uid", "=", vpcId).execute();
  await sql.updateTable("vpn_gws").set({ uid: seedRequest.vpnGwId }).where("uid", "=", vpnGwId).execute();
  await sql.updateTable("user_gws").set({ uid: seedRequest.userGwId }).where("uid", "=", userGwId).execute();
}

describe("the published example of AddVpnConnEx", () => {
  beforeAll(async () => takeSeedIds(await makePlace(server.client, "192.168.0.0/24")));

  it("has the published reply: taskId is ours, codeDesc stands at top level, data holds nothing more", async () => {
    const { reply } = await sendCall(server.client, "AddVpnConnEx", seedRequest, { method: "GET" });
    const { taskId } = dataOf(reply);
    expect(reply).toEqual({ ...seedReply, codeDesc: "Success", data: { ...seedReply.data, taskId } });
    expect(taskId).toSatisfy(Number.isInteger);
    expect(await waitForTask(server.client, String(taskId))).toEqual({ status: 0 });
    const conn = await findConn(server.client, { taskId: String(taskId) });
    expect(conn).toMatchObject({
      vpnConnName: `${conn.vpnConnId}_vpnconn`,
      vpcConnStatus: 6,
      preSharedKey: "dgdgd33",
      sourceCidr: ["192.168.0.0/24"],
      destinationCidr: ["10.56.20.0/24"],
    });
  });

  it("has it by POST too", async () => {
    const other = { ...seedRequest, "userGwCidrBlock.0": "10.57.20.1/24" };
    const { reply } = await sendCall(server.client, "AddVpnConnEx", other);
    const { taskId } = dataOf(reply);
    const data = { ...seedReply.data, taskId, userGwSubnetList: ["10.57.20.1/24"] };
    expect(reply).toEqual({ ...seedReply, codeDesc: "Success", data });
  });
});

describe("what AddVpnConnEx refers to", () => {
  it("may be given by old ids, which come back as they were sent", async () => {
    const gateway = await findVpnGw(server.client, place.vpnGwId);
    const { userGwId } = rowOf(await call(server.client, "DescribeUserGw", { userGwId: place.userGwId }));
    const number = textAt(gateway, "vpcId").replace("gz_vpc_", "");
    const old = { vpnGwId: String(gateway.vpnGwId), userGwId: String(userGwId) };
    for (const vpcId of [textAt(gateway, "vpcId"), number, `ap-guangzhou_vpc_${number}`, place.vpcId]) {
      const data = dataOf(await add({}, { vpcId, ...old }));
      expect(data).toMatchObject(old);
      const conn = await findConn(server.client, { taskId: String(data.taskId) });
      expect(conn).toMatchObject({ unVpcId: place.vpcId, unVpnGwId: place.vpnGwId, unUserGwId: place.userGwId });
    }
  });

  it.each([
    ["vpcId", "vpc-not-found", "vpc-zzzzzzzz"],
    ["vpcId", "vpc-not-found", "gz_vpc_999999"],
    ["vpcId", "vpc-not-found", "bj_vpc_1"],
    ["vpcId", "vpc-not-found", "VPC-AMHNNAO5"],
    ["vpnGwId", "vpn-gw-not-found", "vpngw-zzzzzzzz"],
    ["vpnGwId", "vpn-gw-not-found", "999999"],
    ["userGwId", "user-gw-not-found", "cgw-zzzzzzzz"],
    ["userGwId", "user-gw-not-found", "999999"],
  ] as const)("refuses %s with %s: %s", async (name, kind, id) => {
    await expectRefusal(server, kind, () => add({ [name]: id }), [id]);
  });

  it("is looked for in the order VPC, gateway, peer gateway", async () => {
    const nothing = { vpcId: "vpc-zzzzzzzz", vpnGwId: "vpngw-zzzzzzzz", userGwId: "cgw-zzzzzzzz" };
    await expectRefusal(server, "vpc-not-found", () => add(nothing));
    await expectRefusal(server, "vpn-gw-not-found", () => add({ ...nothing, vpcId: place.vpcId }));
  });

  it("must belong together", async () => {
    const vpcId = await makeVpc(server.client);
    await expectRefusal(server, "vpn-gw-not-found", () => add({ vpcId }), [place.vpnGwId, vpcId]);
  });

  it("must be the caller's own, in the region of the call", async () => {
    const other = await server.addKey({ account: "other" });
    const theirs = await makePlace(other);
    const attempt = (where: Place, client = server.client) =>
      call(client, "AddVpnConnEx", { ...where, "userGwCidrBlock.0": nextNetwork() });
    await expectRefusal(server, "vpc-not-found", () => attempt(theirs));
    await expectRefusal(server, "vpn-gw-not-found", () => attempt({ ...place, vpnGwId: theirs.vpnGwId }));
    await expectRefusal(server, "user-gw-not-found", () => attempt({ ...place, userGwId: theirs.userGwId }));
    await expectRefusal(server, "vpc-not-found", () => attempt(place, { ...server.client, region: "bj" }));
    requireSuccess(await attempt(place, { ...server.client, region: "ap-guangzhou" }));
  });

  it.each([
    ["vpcId", "vpcId"],
    ["vpnGwId", "vpnGwId"],
    ["userGwId", "userGwId"],
    ["userGwCidrBlock.0", "userGwCidrBlock"],
  ])("refuses a call without %s", async (missing, named) => {
    await expectRefusal(server, "parameter-invalid", () => add({ [missing]: "" }), [`[${named}]`]);
  });

  it("is looked for only when the parameters are well formed", async () => {
    const malformed = { vpcId: "vpc-zzzzzzzz", "IKESet.ikeSaLifetimeSeconds": "59" };
    await expectRefusal(server, "parameter-invalid", () => add(malformed), ["[IKESet.ikeSaLifetimeSeconds]"]);
    const network = { vpcId: "vpc-zzzzzzzz", "userGwCidrBlock.0": "nonsense" };
    await expectRefusal(server, "parameter-invalid", () => add(network), ["[userGwCidrBlock]"]);
    const address = { vpcId: "vpc-zzzzzzzz", userGwId: "", userGwAddr: "127.0.0.1" };
    await expectRefusal(server, "parameter-invalid", () => add(address), ["[userGwAddr]"]);
    await expectRefusal(server, "vpn-conn-name-invalid", () => add({ vpcId: "7", vpnConnName: "n".repeat(61) }));
  });

  it("may stand beside parameters nobody knows", async () => {
    requireSuccess(await add({ somethingNew: "1", "a_b.0": "c_d", RequestSource: "qcloudcli_1.9.19" }));
  });

  it("cannot be the gateway itself", async () => {
    const { vpnGwAddress } = await findVpnGw(server.client, place.vpnGwId);
    const userGwId = await makeUserGw(server.client, String(vpnGwAddress));
    const attempt = () => add({ userGwId });
    await expectRefusal(server, "parameter-invalid", attempt, ["[userGwId]", userGwId, String(vpnGwAddress)]);
    const inline = () => add({ userGwId: "", userGwAddr: String(vpnGwAddress) });
    await expectRefusal(server, "parameter-invalid", inline, ["[userGwAddr]", String(vpnGwAddress)]);
    const other = { vpcId: place.vpcId, vpnGwId: await makeVpnGw(server.client, place.vpcId), userGwId };
    requireSuccess(await add({}, other));
  });
});

describe("vpnConnName", () => {
  it.each([
    ["one character", "v"],
    ["60 letters", "n".repeat(60)],
    ["60 Chinese characters", "网".repeat(60)],
    ["60 characters beyond the basic plane", "🛣".repeat(60)],
    ["what forms and JSON escape", `办公室 a+b&c=d%41 "x" <y> \\`],
  ])("may be %s", async (_what, vpnConnName) => {
    const made = await addVpnConn(server.client, place, { vpnConnName });
    expect((await findConn(server.client, made)).vpnConnName).toBe(vpnConnName);
  });

  it.each([
    ["61 letters", "n".repeat(61)],
    ["61 Chinese characters", "网".repeat(61)],
    ["61 characters beyond the basic plane", "🛣".repeat(61)],
    ["a line break in it", "a\nb"],
    ["a tab in it", "a\tb"],
    ["an escape character in it", "\u001b[31mred"],
    ["a C1 control character in it", "a\u0085b"],
    ["a line separator in it", "a\u2028b"],
  ])("may not be %s", async (_what, vpnConnName) => {
    await expectRefusal(server, "vpn-conn-name-invalid", () => add({ vpnConnName }));
  });

  it("is <numeric id>_vpnconn when there is none, and has a number behind when that is taken", async () => {
    for (const parameters of [{}, { vpnConnName: "" }]) {
      const conn = await makeConn(server.client, place, parameters);
      expect(conn.vpnConnName).toBe(`${conn.vpnConnId}_vpnconn`);
    }
    const last = await makeConn(server.client, place);
    const next = Number(last.vpnConnId) + 3;
    await makeConn(server.client, place, { vpnConnName: `${next}_vpnconn` });
    await makeConn(server.client, place, { vpnConnName: `${next}_vpnconn_1` });
    const conn = await makeConn(server.client, place);
    expect(conn).toMatchObject({ vpnConnId: next, vpnConnName: `${next}_vpnconn_2` });
  });

  it("may be used once in a VPC, on whichever gateway, and again in another VPC", async () => {
    const vpnConnName = "once in a VPC";
    const first = await makeConn(server.client, place, { vpnConnName });
    await expectRefusal(server, "vpn-conn-name-in-use", () => add({ vpnConnName }));
    const vpnGwId = await makeVpnGw(server.client, place.vpcId);
    await expectRefusal(server, "vpn-conn-name-in-use", () => add({ vpnConnName, vpnGwId }));
    requireSuccess(await add({ vpnConnName }, await makePlace(server.client)));
    const deletion = { vpcId: place.vpcId, vpnGwId: place.vpnGwId, vpnConnId: textAt(first, "unVpnConnId") };
    const { taskId } = dataOf(await call(server.client, "DeleteVpnConn", deletion));
    await waitForTask(server.client, String(taskId));
    requireSuccess(await add({ vpnConnName }));
  });

  it("may be used often where the operator says so", async () => {
    const other = await startLocalServer({ ...unlimited, "unique.vpnConnNames": "false" });
    try {
      const where = await makePlace(other.client);
      for (let made = 0; made < 2; made += 1) {
        const { data } = await addVpnConn(other.client, where, { vpnConnName: "often" });
        expect(data.vpnConnStatus).toBe(0);
      }
    } finally {
      await other.stop();
    }
  });
});

describe("userGwAddr in place of userGwId", () => {
  const inline = (parameters: Readonly<Record<string, string>>) => add({ userGwId: "", ...parameters });

  it("records the peer gateway, and finds it the next time", async () => {
    const userGwAddr = nextSilentAddress();
    const first = dataOf(await inline({ userGwAddr, userGwName: "given inline" }));
    const found = rowOf(await call(server.client, "DescribeUserGw", { userGwId: String(first.userGwId) }));
    expect(found).toMatchObject({ userGwAddr, userGwName: "given inline", vpnConnNum: 1 });
    const second = dataOf(await inline({ userGwAddr, userGwName: "another name" }));
    expect(second.userGwId).toBe(first.userGwId);
    const row = rowOf(await call(server.client, "DescribeUserGw", { userGwId: String(first.userGwId) }));
    expect(row).toMatchObject({ userGwName: "given inline", vpnConnNum: 2 });
  });

  it("has the address as name when there is none", async () => {
    const userGwAddr = nextSilentAddress();
    const { userGwId } = dataOf(await inline({ userGwAddr }));
    expect(rowOf(await call(server.client, "DescribeUserGw", { userGwId: String(userGwId) })).userGwName).toBe(
      userGwAddr,
    );
  });

  it("counts for nothing beside userGwId", async () => {
    const userGwAddr = nextSilentAddress();
    expect(dataOf(await add({ userGwAddr })).userGwId).toBe(place.userGwId);
    expect((await call(server.client, "DescribeUserGw", { userGwName: userGwAddr })).totalCount).toBe(0);
  });

  it.each(["127.0.0.1", "224.0.0.1", "203.0.113.0", "peer.example.org"])("may not be %s", async (userGwAddr) => {
    await expectRefusal(server, "parameter-invalid", () => inline({ userGwAddr }), ["[userGwAddr]"]);
  });

  it("may not have a name that AddUserGw refuses", async () => {
    const userGwAddr = nextSilentAddress();
    const attempt = (userGwName: string) => () => inline({ userGwAddr, userGwName });
    await expectRefusal(server, "user-gw-name-invalid", attempt("n".repeat(61)));
    await expectRefusal(server, "user-gw-name-invalid", attempt("a\nb"));
  });

  it("is refused where the region may have no more peer gateways, and not for one that it has", async () => {
    const full = await startLocalServer({ "quota.userGws": "1" });
    try {
      const { client } = full;
      const { userGwId, ...where } = await makePlace(client);
      const known = rowOf(await call(client, "DescribeUserGw", { userGwId }));
      const attempt = (userGwAddr: string) =>
        call(client, "AddVpnConnEx", { ...where, userGwAddr, "userGwCidrBlock.0": nextNetwork() });
      await expectRefusal(full, "user-gw-limit-exceeded", () => attempt(nextSilentAddress()));
      expect(dataOf(await attempt(textAt(known, "userGwAddr"))).userGwId).toBe(userGwId);
    } finally {
      await full.stop();
    }
  });

  it("records no peer gateway when the channel is refused", async () => {
    const attempt = () => inline({ userGwAddr: nextSilentAddress(), "userGwCidrBlock.0": "10.0.5.0/24" });
    await expectRefusal(server, "parameter-invalid", attempt, ["10.0.5.0/24", "10.0.0.0/16"]);
  });
});

it("is known by its older name too", async () => {
  const parameters = { ...place, "userGwCidrBlock.0": nextNetwork() };
  expect(dataOf(await call(server.client, "AddVpnConn", parameters))).toMatchObject({ vpnConnStatus: 0 });
});

it("finds the peer gateway of an inline address, the oldest, also where several may have it", async () => {
  const lax = await startLocalServer({ ...unlimited, "unique.userGwAddresses": "false" });
  try {
    const { client } = lax;
    const userGwAddr = nextSilentAddress();
    const where = { ...(await makePlace(client)), userGwId: "" };
    const oldest = await makeUserGw(client, userGwAddr);
    await makeUserGw(client, userGwAddr);
    for (let made = 0; made < 2; made += 1) {
      const networks = { "userGwCidrBlock.0": nextNetwork() };
      const data = dataOf(await call(client, "AddVpnConnEx", { ...where, userGwAddr, ...networks }));
      expect(data.userGwId).toBe(oldest);
    }
    expect((await call(client, "DescribeUserGw", { userGwName: userGwAddr })).totalCount).toBe(2);
  } finally {
    await lax.stop();
  }
});

describe("a gateway that is not ready", () => {
  it("takes a channel while it is made, and the channel waits for it", async () => {
    const vpcId = await makeVpc(server.client);
    dataplane.hold();
    const order = { name: "g", vpcId, bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" };
    const vpnGwId = textAt(dataOf(await call(server.client, "RunVpnGw", order)), "vpnGwId");
    const made = await addVpnConn(server.client, { ...place, vpcId, vpnGwId });
    expect((await findConn(server.client, made)).vpcConnStatus).toBe(0);
    dataplane.release();
    expect(await waitForTask(server.client, made.taskId)).toEqual({ status: 0 });
  });

  it("takes none while it goes", async () => {
    const vpcId = await makeVpc(server.client);
    const vpnGwId = await makeVpnGw(server.client, vpcId);
    dataplane.hold();
    requireSuccess(await call(server.client, "DeleteVpnGw", { vpcId, vpnGwId }));
    await expectRefusalAmidWork(server, "vpn-gw-state-invalid", () => add({ vpcId, vpnGwId }), [vpnGwId]);
    dataplane.release();
  });
});

describe("the quota of channels", () => {
  it("is 20 in a region, over all gateways, for each account", async () => {
    const limited = await startLocalServer();
    try {
      const { client } = limited;
      const vpcId = await makeVpc(client);
      const userGwId = await makeUserGw(client, "192.0.2.1");
      const gateways = [await makeVpnGw(client, vpcId), await makeVpnGw(client, vpcId)];
      for (let made = 0; made < 20; made += 1) {
        await addVpnConn(client, { vpcId, vpnGwId: gateways[made % 2] ?? "", userGwId });
      }
      const where = { vpcId, vpnGwId: await makeVpnGw(client, vpcId), userGwId };
      const attempt = () => call(client, "AddVpnConnEx", { ...where, "userGwCidrBlock.0": nextNetwork() });
      await expectRefusal(limited, "vpn-conn-limit-exceeded", attempt, ["20"]);
      const other = await limited.addKey({ account: "other" });
      await addVpnConn(other, await makePlace(other));
      const elsewhere = { ...client, region: "sh" };
      const there = { ...(await makePlace(elsewhere)) };
      await addVpnConn(elsewhere, there);
    } finally {
      await limited.stop();
    }
  });

  it("may be counted for each gateway instead", async () => {
    const limited = await startLocalServer({ "quota.vpnConns": "2", "quota.vpnConnsScope": "gateway" });
    try {
      const { client } = limited;
      const vpcId = await makeVpc(client);
      const userGwId = await makeUserGw(client, "192.0.2.1");
      const gateways = [await makeVpnGw(client, vpcId), await makeVpnGw(client, vpcId)];
      for (const vpnGwId of [...gateways, ...gateways]) await addVpnConn(client, { vpcId, vpnGwId, userGwId });
      for (const vpnGwId of gateways) {
        const where = { vpcId, vpnGwId, userGwId, "userGwCidrBlock.0": nextNetwork() };
        const attempt = () => call(client, "AddVpnConnEx", where);
        await expectRefusal(limited, "vpn-conn-limit-exceeded", attempt, ["2", vpnGwId]);
      }
    } finally {
      await limited.stop();
    }
  });

  it("may be set for each peer gateway too", async () => {
    const limited = await startLocalServer({ ...unlimited, "quota.vpnConnsPerUserGw": "1" });
    try {
      const { client } = limited;
      const where = await makePlace(client);
      await addVpnConn(client, where);
      const attempt = () => call(client, "AddVpnConnEx", { ...where, "userGwCidrBlock.0": nextNetwork() });
      await expectRefusal(limited, "vpn-conn-limit-exceeded", attempt, ["1", where.userGwId]);
      await addVpnConn(client, { ...where, userGwId: await makeUserGw(client) });
    } finally {
      await limited.stop();
    }
  });
});
