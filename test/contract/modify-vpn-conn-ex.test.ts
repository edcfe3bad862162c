// ModifyVpnConnEx: api-v2.md 4.3, 9.4, 9.7.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { changesOn, idsOf, type Settings } from "../support/conn-changes.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal, expectRefusalAmidWork } from "../support/refusal.ts";
import { dataOf, type Row, textAt } from "../support/reply.ts";
import {
  addVpnConn,
  findConn,
  makeConn,
  makePlace,
  makeUserGw,
  makeVpnGw,
  nextNetwork,
  nextPeerAddress,
  type Place,
  waitForTask,
} from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";

/** The page's reply, as api-v2.md 12 has it. */
const sample = {
  code: 0,
  message: "",
  codeDesc: "Success",
  data: {
    vpnGwId: "vpngw-kfldykuz",
    vpcConnId: "vpnx-ol6bcqp0",
    taskId: 12614,
    vpcConnStatus: 2,
    preSharedKey: "tencenttest",
    userGwSubnetList: ["10.100.2.0/24"],
    userGwId: 315,
  },
};

const dataplane = new HeldDataplane();
let server: LocalServer;
let site: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  site = await makePlace(server.client);
});
afterAll(() => server.stop());
afterEach(() => {
  dataplane.release();
  dataplane.fail(() => undefined);
});

const newPeer = async (): Promise<Place> => ({
  ...site,
  userGwId: await makeUserGw(server.client, nextPeerAddress()),
});
const { ask, modify, show, refuse, expectOnly } = changesOn(() => server);

describe("ModifyVpnConnEx", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const conn = await makeConn(server.client, await newPeer(), { preSharedKey: "before" });
    const parameters = { ...idsOf(conn), preSharedKey: "tencenttest", "userGwCidrBlock.0": "10.100.2.9/24" };
    if (method === "POST") parameters["userGwCidrBlock.0"] = "10.100.3.9/24";
    const { reply } = await sendCall(server.client, "ModifyVpnConnEx", parameters, { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    const { taskId } = dataOf(reply);
    const data = {
      vpnGwId: conn.unVpnGwId,
      vpcConnId: conn.unVpnConnId,
      taskId,
      vpcConnStatus: 2,
      preSharedKey: "tencenttest",
      userGwSubnetList: [parameters["userGwCidrBlock.0"]],
      userGwId: conn.userGwId,
    };
    expect(reply).toEqual({ ...sample, data });
    expect(await waitForTask(server.client, String(taskId))).toEqual({ status: 0 });
    const destinationCidr = [String(parameters["userGwCidrBlock.0"]).replace(".9/", ".0/")];
    const spdAcl = { [textAt(conn, "vpcCidrBlock")]: destinationCidr };
    await expectOnly(conn, { preSharedKey: "tencenttest", destinationCidr, spdAcl, vpcConnStatus: 6 });
  });

  it("is known by its older name too", async () => {
    const conn = await makeConn(server.client, await newPeer());
    const { data } = await call(server.client, "ModifyVpnConn", { ...idsOf(conn), vpnConnName: "by the old name" });
    expect(await waitForTask(server.client, String((data as Row).taskId))).toEqual({ status: 0 });
    expect(await show(conn)).toMatchObject({ vpnConnName: "by the old name" });
  });

  it("takes old ids, and echoes them as they were sent", async () => {
    const conn = await makeConn(server.client, await newPeer());
    const ids = { vpcId: textAt(conn, "vpcId"), vpnGwId: String(conn.vpnGwId), vpnConnId: String(conn.vpnConnId) };
    const data = dataOf(await call(server.client, "ModifyVpnConnEx", { ...ids, vpnConnName: "old ids" }));
    expect(data).toMatchObject({ vpnGwId: ids.vpnGwId, vpcConnId: ids.vpnConnId, userGwId: conn.userGwId });
    expect(await waitForTask(server.client, String(data.taskId))).toEqual({ status: 0 });
  });

  it("shows 2 until it is done, and then 6", async () => {
    const conn = await makeConn(server.client, await newPeer());
    dataplane.hold();
    const { taskId } = dataOf(await ask(conn, { "IPsecSet.encryptAlgorithm": "aes-cbc-256" }));
    expect(await show(conn)).toMatchObject({ vpcConnStatus: 2 });
    expect((await call(server.client, "DescribeVpcTaskResult", { taskId: String(taskId) })).data).toEqual({
      status: 2,
    });
    dataplane.release();
    expect(await waitForTask(server.client, String(taskId))).toEqual({ status: 0 });
    expect(await show(conn)).toMatchObject({ vpcConnStatus: 6 });
    expect(dataOf(await call(server.client, "DescribeVpcTaskResult", { taskId: String(taskId) }))).toEqual({
      status: 0,
    });
  });

  it("that changes nothing is a task that succeeds", async () => {
    const conn = await makeConn(server.client, await newPeer(), { preSharedKey: "same" });
    const networks = { "userGwCidrBlock.0": textAt({ first: (conn.destinationCidr as string[])[0] }, "first") };
    const given = [
      {},
      { vpnConnName: "", preSharedKey: "", "userGwCidrBlock.0": "", spdAcl: "", "IKESet.dhGroupName": "" },
      { vpnConnName: textAt(conn, "vpnConnName"), preSharedKey: "same", ...networks, "IKESet.dhGroupName": "group1" },
    ];
    for (const settings of given) {
      const data = await modify(conn, settings);
      expect(data).toMatchObject({ preSharedKey: "same", userGwSubnetList: conn.destinationCidr });
      await expectOnly(conn, { vpcConnStatus: 6 });
    }
  });
});

describe("the name", () => {
  it("is changed alone, and nothing of the tunnel with it", async () => {
    const conn = await makeConn(server.client, await newPeer());
    await modify(conn, { vpnConnName: "测试-9910.x" });
    await expectOnly(conn, { vpnConnName: "测试-9910.x", vpcConnStatus: 6 });
  });

  it("may be 60 characters and no more", async () => {
    const conn = await makeConn(server.client, await newPeer());
    await modify(conn, { vpnConnName: "n".repeat(60) });
    for (const vpnConnName of ["n".repeat(61), "line\nbreak"]) {
      await expectRefusal(server, "vpn-conn-name-invalid", () => ask(conn, { vpnConnName }), ["60 characters"]);
    }
  });

  it("is another channel's in the same VPC no more than once; its own it may have", async () => {
    const [conn, other] = [
      await makeConn(server.client, await newPeer()),
      await makeConn(server.client, await newPeer()),
    ];
    const vpnConnName = textAt(other, "vpnConnName");
    await expectRefusal(server, "vpn-conn-name-in-use", () => ask(conn, { vpnConnName }), [textAt(conn, "unVpcId")]);
    await modify(other, { vpnConnName });
    await modify(other, { vpnConnName: `${vpnConnName} renamed` });
    await modify(conn, { vpnConnName });
  });

  it("may be used again where it need not be unique", async () => {
    const lax = await startLocalServer({ ...unlimited, "unique.vpnConnNames": "false" });
    try {
      const place = await makePlace(lax.client);
      const [conn] = [await makeConn(lax.client, place, { vpnConnName: "one" })];
      await makeConn(lax.client, place, { vpnConnName: "two" });
      const reply = await call(lax.client, "ModifyVpnConnEx", { ...idsOf(conn), vpnConnName: "two" });
      expect(reply.code).toBe(0);
    } finally {
      await lax.stop();
    }
  });
});

describe("the networks", () => {
  const rules = { "10.0.0.5/24": ["172.20.10.5/24", "172.21.0.0/16"], "10.0.1.0/24": ["172.22.0.0/16"] };
  it.each<[string, Settings]>([
    ["JSON", { spdAcl: JSON.stringify(rules) }],
    ["JSON, one peer without the list", { spdAcl: JSON.stringify({ ...rules, "10.0.1.0/24": "172.22.0.0/16" }) }],
    ["a list of JSON", { "spdAcl.0": JSON.stringify(rules) }],
    [
      "one by one",
      {
        "spdAcl.10.0.0.5/24.0": "172.20.10.5/24",
        "spdAcl.10.0.0.5/24.1": "172.21.0.0/16",
        "spdAcl.10.0.1.0/24.0": "172.22.0.0/16",
      },
    ],
    [
      "a list, one by one",
      {
        "spdAcl.0.10.0.0.5/24.0": "172.20.10.5/24",
        "spdAcl.0.10.0.0.5/24.1": "172.21.0.0/16",
        "spdAcl.1.10.0.1.0/24.0": "172.22.0.0/16",
      },
    ],
  ])("replace the old ones as a whole; rules as %s", async (_what, settings) => {
    const conn = await makeConn(server.client, { ...(await makePlace(server.client)) });
    const data = await modify(conn, { ...settings, "userGwCidrBlock.0": "192.168.0.0/24" });
    expect(data.userGwSubnetList).toEqual(["172.20.10.5/24", "172.21.0.0/16", "172.22.0.0/16"]);
    const destinationCidr = ["172.20.10.0/24", "172.21.0.0/16", "172.22.0.0/16"];
    const spdAcl = { "10.0.0.0/24": destinationCidr.slice(0, 2), "10.0.1.0/24": destinationCidr.slice(2) };
    await expectOnly(conn, { sourceCidr: Object.keys(spdAcl), destinationCidr, spdAcl, vpcConnStatus: 6 });
  });

  it.each(["userGwCidrBlock", "userGwCidrBlock.0", "userGwCidrBlock_0", "userGwCidrBlock.7"])(
    "are those of %s behind the whole VPC",
    async (name) => {
      const conn = await makeConn(server.client, await makePlace(server.client));
      expect((await modify(conn, { [name]: "172.20.10.5/24" })).userGwSubnetList).toEqual(["172.20.10.5/24"]);
      const spdAcl = { "10.0.0.0/16": ["172.20.10.0/24"] };
      await expectOnly(conn, { destinationCidr: ["172.20.10.0/24"], spdAcl, vpcConnStatus: 6 });
    },
  );

  it("may not overlap another channel's, and the message names both; its own it may", async () => {
    const place = await newPeer();
    const [one, two] = ["10.77.0.0/16", "10.78.0.0/16"];
    const conn = await makeConn(server.client, place, { "userGwCidrBlock.0": one });
    const other = await makeConn(server.client, place, { "userGwCidrBlock.0": two });
    const inside = "10.78.9.0/24";
    await refuse(conn, { "userGwCidrBlock.0": inside }, [
      "[userGwCidrBlock]",
      inside,
      two,
      textAt(other, "unVpnConnId"),
    ]);
    await modify(conn, { "userGwCidrBlock.0": "10.77.9.0/24" });
    await modify(conn, { "userGwCidrBlock.0": "10.76.0.0/15" });
  });

  it.each([
    ["the VPC's own", "10.0.9.0/24", "10.0.9.0/24"],
    ["multicast", "224.0.0.0/24", "224.0.0.0/24"],
    ["no network", "10.0.0.0/33", "10.0.0.0/33"],
  ])("may not be %s", async (_what, network, named) => {
    const conn = await makeConn(server.client, await newPeer());
    await refuse(conn, { "userGwCidrBlock.0": network }, ["[userGwCidrBlock]", named]);
  });

  it("may not be the peer itself", async () => {
    const conn = await makeConn(server.client, await newPeer());
    const peer = `${textAt(conn, "userGwAddress")}/32`;
    await refuse(conn, { "userGwCidrBlock.0": peer }, ["[userGwCidrBlock]", peer]);
  });

  it("are free for others when they are not the channel's any more, and not before", async () => {
    const place = await newPeer();
    const [old, next] = [nextNetwork(), nextNetwork()];
    const conn = await makeConn(server.client, place, { "userGwCidrBlock.0": old });
    dataplane.hold();
    const { taskId } = dataOf(await ask(conn, { "userGwCidrBlock.0": next }));
    for (const network of [old, next]) {
      const attempt = () => call(server.client, "AddVpnConnEx", { ...place, "userGwCidrBlock.0": network });
      await expectRefusalAmidWork(server, "parameter-invalid", attempt, ["[userGwCidrBlock]", network]);
    }
    dataplane.release();
    await waitForTask(server.client, String(taskId));
    await makeConn(server.client, place, { "userGwCidrBlock.0": old });
  });
});

describe("a change that fails", () => {
  const refused = (message: string) =>
    dataplane.fail(({ kind }) => (kind === "load-connection" ? new DataplaneError("connection", message) : undefined));

  it("leaves the old settings, says why, and can be followed by another change", async () => {
    const conn = await makeConn(server.client, await newPeer());
    refused("no such algorithm");
    const settings = {
      "IPsecSet.encryptAlgorithm": "des-cbc",
      "userGwCidrBlock.0": nextNetwork(),
      preSharedKey: "new",
    };
    const { taskId } = dataOf(await ask(conn, settings));
    const output = { errorCode: 5100, errorMsg: "no such algorithm" };
    expect(await waitForTask(server.client, String(taskId))).toEqual({ status: 1, output });
    await expectOnly(conn, { vpcConnStatus: 3 });
    dataplane.fail(() => undefined);
    await modify(conn, settings);
    expect(await show(conn)).toMatchObject({ vpcConnStatus: 6, preSharedKey: "new" });
  });

  it("keeps the new name, which charon has no part in", async () => {
    const conn = await makeConn(server.client, await newPeer());
    refused("no");
    const { taskId } = dataOf(await ask(conn, { vpnConnName: "renamed all the same", preSharedKey: "new" }));
    expect(await waitForTask(server.client, String(taskId))).toMatchObject({ status: 1 });
    await expectOnly(conn, { vpnConnName: "renamed all the same", vpcConnStatus: 3 });
    dataplane.fail(() => undefined);
    await modify(conn);
  });
});

describe("a channel that is being worked on", () => {
  it("is locked while it is made, changed and deleted", async () => {
    dataplane.hold();
    const made = await addVpnConn(server.client, await newPeer());
    const conn = await findConn(server.client, made);
    const attempt = () => ask(conn, { vpnConnName: "locked" });
    await expectRefusalAmidWork(server, "action-locked", attempt, [textAt(conn, "unVpnConnId")]);
    dataplane.release();
    await waitForTask(server.client, made.taskId);
    dataplane.hold();
    const changing = dataOf(await ask(conn, { preSharedKey: "new" }));
    await expectRefusalAmidWork(server, "action-locked", attempt);
    const remove = () => call(server.client, "DeleteVpnConn", idsOf(conn));
    await expectRefusalAmidWork(server, "vpn-conn-state-invalid", remove);
    dataplane.release();
    await waitForTask(server.client, String(changing.taskId));
    dataplane.hold();
    const { taskId } = dataOf(await remove());
    await expectRefusalAmidWork(server, "action-locked", attempt);
    dataplane.release();
    await waitForTask(server.client, String(taskId));
    await expectRefusal(server, "vpn-conn-not-found", attempt);
  });

  it("is not changed any more when its removal has failed", async () => {
    const place = await makePlace(server.client);
    const conn = await makeConn(server.client, place);
    dataplane.fail(({ kind }) => (kind === "unload-connection" ? new DataplaneError("gateway", "stuck") : undefined));
    const { taskId } = dataOf(await call(server.client, "DeleteVpnConn", idsOf(conn)));
    server.clock.advance(31_000);
    await server.nudge();
    expect(await waitForTask(server.client, String(taskId))).toMatchObject({ status: 1 });
    await expectRefusalAmidWork(server, "vpn-conn-state-invalid", () => ask(conn, { vpnConnName: "late" }));
    dataplane.fail(() => undefined);
    const again = dataOf(await call(server.client, "DeleteVpnConn", idsOf(conn)));
    expect(await waitForTask(server.client, String(again.taskId))).toEqual({ status: 0 });
  });

  it("makes others to its peer wait while its key or phase 1 may yet go back", async () => {
    const place = await newPeer();
    const conn = await makeConn(server.client, place, { preSharedKey: "old" });
    const add = () => call(server.client, "AddVpnConnEx", { ...place, "userGwCidrBlock.0": nextNetwork() });
    dataplane.hold();
    const networks = dataOf(await ask(conn, { "userGwCidrBlock.0": nextNetwork() }));
    const beside = dataOf(await add());
    dataplane.release();
    for (const { taskId } of [networks, beside]) await waitForTask(server.client, String(taskId));
    const alone = await newPeer();
    const last = await makeConn(server.client, alone, { preSharedKey: "old" });
    dataplane.hold();
    const changing = dataOf(await ask(last, { preSharedKey: "new" }));
    const attempt = () => call(server.client, "AddVpnConnEx", { ...alone, "userGwCidrBlock.0": nextNetwork() });
    await expectRefusalAmidWork(server, "action-locked", attempt, [textAt(last, "unVpnConnId")]);
    dataplane.release();
    await waitForTask(server.client, String(changing.taskId));
    expect(dataOf(await attempt()).preSharedKey).toBe("new");
  });
});

describe("channels that share a key and phase 1", () => {
  const aggressive = {
    "IKESet.exchangeMode": "aggressive",
    "IKESet.remoteIdentity": "fqdn",
    "IKESet.remoteFqdnName": "one.example",
  };

  it("may not come to differ, and the message names the other; the last one may", async () => {
    const place = await newPeer();
    const conn = await makeConn(server.client, place, { preSharedKey: "shared" });
    const other = await makeConn(server.client, place);
    const uid = textAt(other, "unVpnConnId");
    await refuse(conn, { preSharedKey: "mine" }, ["[preSharedKey]", uid]);
    await refuse(conn, { "IKESet.dhGroupName": "group2" }, ["[IKESet.dhGroupName]", uid]);
    await refuse(conn, { "IKESet.exchangeMode": "aggressive" }, ["[IKESet.exchangeMode]", uid]);
    await modify(conn, { "IPsecSet.pfsDhGroup": "dh-group2" });
    const { taskId } = dataOf(await call(server.client, "DeleteVpnConn", idsOf(other)));
    await waitForTask(server.client, String(taskId));
    await modify(conn, { preSharedKey: "mine", "IKESet.dhGroupName": "group2", "IKESet.exchangeMode": "aggressive" });
  });

  it("in main mode are all those to one peer, whatever their identities", async () => {
    const place = await newPeer();
    const conn = await makeConn(server.client, place, { preSharedKey: "shared" });
    const other = await makeConn(server.client, place, {
      "IKESet.remoteIdentity": "fqdn",
      "IKESet.remoteFqdnName": "other.example",
    });
    await refuse(conn, { preSharedKey: "mine" }, ["[preSharedKey]", textAt(other, "unVpnConnId")]);
    await refuse(conn, { "IKESet.ikeSaLifetimeSeconds": "600" }, ["[IKESet.ikeSaLifetimeSeconds]"]);
    await modify(conn, { "IKESet.remoteIdentity": "fqdn", "IKESet.remoteFqdnName": "third.example" });
  });

  it("in aggressive mode are those with the same identities", async () => {
    const place = await newPeer();
    const conn = await makeConn(server.client, place, { ...aggressive, preSharedKey: "one" });
    const two = { ...aggressive, "IKESet.remoteFqdnName": "two.example", preSharedKey: "two" };
    const other = await makeConn(server.client, place, two);
    await modify(conn, { preSharedKey: "another", "IKESet.dhGroupName": "group14" });
    const { unVpnConnId } = other;
    await refuse(conn, { "IKESet.exchangeMode": "main" }, ["[IKESet.exchangeMode]", String(unVpnConnId)]);
    await refuse(conn, { "IKESet.remoteFqdnName": "two.example" }, ["[IKESet.dhGroupName]", String(unVpnConnId)]);
    const same = { "IKESet.dhGroupName": "group1", "IKESet.remoteFqdnName": "two.example" };
    await refuse(conn, same, ["[preSharedKey]", String(unVpnConnId)]);
    await modify(conn, { ...same, preSharedKey: "two" });
  });
});

describe("what is not there", () => {
  it("is refused by its name", async () => {
    const conn = await makeConn(server.client, await newPeer());
    const change = (ids: Settings) => () => ask(conn, { vpnConnName: "n", ...ids });
    await expectRefusal(server, "vpc-not-found", change({ vpcId: "vpc-zzzzzzzz" }), ["vpc-zzzzzzzz"]);
    await expectRefusal(server, "vpn-gw-not-found", change({ vpnGwId: "999999" }), ["999999"]);
    await expectRefusal(server, "vpn-conn-not-found", change({ vpnConnId: "vpnx-zzzzzzzz" }), ["vpnx-zzzzzzzz"]);
    const vpnGwId = await makeVpnGw(server.client, site.vpcId);
    await expectRefusal(server, "vpn-conn-not-found", change({ vpnGwId }), [vpnGwId]);
    const other = await server.addKey({ account: "other" });
    const attempt = () => call(other, "ModifyVpnConnEx", { ...idsOf(conn), vpnConnName: "n" });
    await expectRefusal(server, "vpc-not-found", attempt);
  });

  it.each([
    ["IKESet.remoteAddress", "peer.example"],
    ["IKESet.localFqdnName", "two words"],
    ["userGwCidrBlock", "10.56.20.1"],
  ])("is looked for after a malformed %s has been refused", async (name, value) => {
    const conn = await makeConn(server.client, await newPeer());
    await refuse(conn, { vpnConnId: "vpnx-zzzzzzzz", [name]: value }, [`[${name}]`]);
  });

  it.each(["vpcId", "vpnGwId", "vpnConnId"])("is a call without %s", async (missing) => {
    const conn = await makeConn(server.client, await newPeer());
    await refuse(conn, { [missing]: "" }, [`[${missing}]`]);
  });

  it("is the right of a key that only reads", async () => {
    const conn = await makeConn(server.client, await newPeer());
    const reader = await server.addKey({ isReadOnly: true });
    const attempt = () => call(reader, "ModifyVpnConnEx", idsOf(conn));
    await expectRefusal(server, "permission-denied", attempt);
  });
});
