// AddVpnConnEx: userGwCidrBlock and spdAcl in every wire form, and the rules that networks keep to. api-v2.md 4.1, 9.4.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf, numberAt, type Row, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { findConn, makePlace, makeVpnGw, type Place, waitForTask } from "../support/scene.ts";
import type { Parameters } from "../support/sign.ts";

let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer({ ...unlimited, "quota.spdsPerConn": "10", "quota.peersPerSpd": "50" });
  place = await makePlace(server.client, "10.0.0.0/16");
});
afterAll(() => server.stop());

type Networks = Readonly<Record<string, string>>;

const add = (networks: Networks, where: Place = place) =>
  call(server.client, "AddVpnConnEx", { ...where, ...networks });

/** Removes a channel, so that its networks are free for the next test. */
async function removeConn(conn: Row): Promise<void> {
  const ids = { vpcId: textAt(conn, "unVpcId"), vpnGwId: textAt(conn, "unVpnGwId") };
  const deletion = await call(server.client, "DeleteVpnConn", { ...ids, vpnConnId: textAt(conn, "unVpnConnId") });
  await waitForTask(server.client, String(dataOf(deletion).taskId));
}

interface Made {
  readonly echoed: unknown;
  readonly shown: Row;
}

/** Makes a channel with these networks and gives what the reply echoes and what DescribeVpnConn shows; the channel goes again. */
async function tryNetworks(networks: Parameters, where: Place = place): Promise<Made> {
  const given = Array.isArray(networks) ? networks : Object.entries(networks);
  const { reply } = await sendCall(server.client, "AddVpnConnEx", [...Object.entries(where), ...given]);
  const data = dataOf(reply);
  const taskId = String(numberAt(data, "taskId"));
  expect(await waitForTask(server.client, taskId)).toEqual({ status: 0 });
  const shown = await findConn(server.client, { taskId });
  await removeConn(shown);
  return { echoed: data.userGwSubnetList, shown };
}

describe("userGwCidrBlock", () => {
  const wide = ["10.0.0.0/16"];

  it.each<[string, Parameters, readonly string[]]>([
    ["one network", { "userGwCidrBlock.0": "172.16.0.0/16" }, ["172.16.0.0/16"]],
    ["a name without index", { userGwCidrBlock: "172.16.0.0/16" }, ["172.16.0.0/16"]],
    ["_ for .", { userGwCidrBlock_0: "172.16.0.0/16" }, ["172.16.0.0/16"]],
    [
      "two networks of the client's own command line",
      { "userGwCidrBlock.0": "10.56.20.1/24", "userGwCidrBlock.1": "10.57.0.0/16" },
      ["10.56.20.1/24", "10.57.0.0/16"],
    ],
    [
      "gaps and any order of arrival",
      [
        ["userGwCidrBlock.10", "172.18.0.0/16"],
        ["userGwCidrBlock.2", "172.17.0.0/16"],
        ["userGwCidrBlock_1", "172.16.0.0/16"],
      ],
      ["172.16.0.0/16", "172.17.0.0/16", "172.18.0.0/16"],
    ],
    [
      "the later spelling of the same name",
      [
        ["userGwCidrBlock.0", "172.16.0.0/16"],
        ["userGwCidrBlock_0", "172.17.0.0/16"],
      ],
      ["172.17.0.0/16"],
    ],
    [
      "numbers rather than the bare name",
      { userGwCidrBlock: "172.16.0.0/16", "userGwCidrBlock.0": "172.17.0.0/16" },
      ["172.17.0.0/16"],
    ],
    ["one address", { "userGwCidrBlock.0": "8.8.8.8/32" }, ["8.8.8.8/32"]],
    ["public space", { "userGwCidrBlock.0": "172.123.10.5/16" }, ["172.123.10.5/16"]],
    ["half of all there is", { "userGwCidrBlock.0": "128.0.0.0/2" }, ["128.0.0.0/2"]],
  ])("takes %s", async (_what, networks, echoed) => {
    const made = await tryNetworks(networks);
    expect(made.echoed).toEqual(echoed);
    expect(made.shown.sourceCidr).toEqual(wide);
    expect(made.shown.spdAcl).toEqual({ "10.0.0.0/16": made.shown.destinationCidr });
  });

  it("keeps host bits in the reply, and shows the network afterwards", async () => {
    const { echoed, shown } = await tryNetworks({
      "userGwCidrBlock.0": "10.56.20.1/24",
      "userGwCidrBlock.1": "172.123.10.5/16",
    });
    expect(echoed).toEqual(["10.56.20.1/24", "172.123.10.5/16"]);
    expect(shown.destinationCidr).toEqual(["10.56.20.0/24", "172.123.0.0/16"]);
  });

  it.each([
    ["10.56.20.1"],
    ["10.56.20.0/33"],
    ["10.56.20.0/-1"],
    ["10.56.20.0/024"],
    ["10.56.20.0/"],
    ["10.56.300.0/24"],
    ["10.56.20/24"],
    ["0x0a.56.20.0/24"],
    ["10.56.20.0/255.255.255.0"],
    ["10.56.20.0/24,10.57.0.0/16"],
    ["fd00::/8"],
    ["peer"],
    ['{"10.0.0.0/24":["172.16.0.0/16"]}'],
  ])("refuses %s", async (network) => {
    await expectRefusal(server, "parameter-invalid", () => add({ "userGwCidrBlock.0": network }), [
      "[userGwCidrBlock]",
    ]);
  });

  it.each([
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["0.1.0.0/16", "0.1.0.0/16"],
    ["0.0.0.0/1", "0.0.0.0/1"],
    ["127.0.0.1/32", "127.0.0.1/32"],
    ["126.0.0.0/7", "126.0.0.0/7"],
    ["224.0.0.0/4", "224.0.0.0/4"],
    ["239.1.2.3/24", "239.1.2.0/24"],
    ["255.255.255.255/32", "255.255.255.255/32"],
    ["240.0.0.0/8", "240.0.0.0/8"],
  ])("refuses %s, which no peer can have, and says so of %s", async (network, named) => {
    await expectRefusal(server, "parameter-invalid", () => add({ "userGwCidrBlock.0": network }), [named]);
  });

  it.each([
    ["userGwCidrBlock.x", "172.16.0.0/16"],
    ["userGwCidrBlock.0.0", "172.16.0.0/16"],
    ["userGwCidrBlock.-1", "172.16.0.0/16"],
  ])("refuses the name %s", async (name, network) => {
    await expectRefusal(server, "parameter-invalid", () => add({ [name]: network }), [`[${name}]`]);
  });
});

describe("spdAcl", () => {
  const two = { "10.0.0.0/24": ["172.16.0.0/16", "172.17.0.0/16"], "10.0.1.0/24": ["172.18.0.0/16"] };
  const twoPeers = ["172.16.0.0/16", "172.17.0.0/16", "172.18.0.0/16"];

  it.each<[string, Parameters]>([
    ["one JSON text", { spdAcl: JSON.stringify(two) }],
    ["one JSON text with blanks and line breaks", { spdAcl: JSON.stringify(two, undefined, 2) }],
    [
      "an object that the client flattened",
      {
        "spdAcl.10.0.0.0/24.0": "172.16.0.0/16",
        "spdAcl.10.0.0.0/24.1": "172.17.0.0/16",
        "spdAcl.10.0.1.0/24.0": "172.18.0.0/16",
      },
    ],
    [
      "an object that the client flattened, _ for .",
      {
        "spdAcl_10_0_0_0/24_0": "172.16.0.0/16",
        "spdAcl_10_0_0_0/24_1": "172.17.0.0/16",
        "spdAcl_10_0_1_0/24_0": "172.18.0.0/16",
      },
    ],
    [
      "a list of objects that the client flattened",
      {
        "spdAcl.1.10.0.1.0/24.0": "172.18.0.0/16",
        "spdAcl.0.10.0.0.0/24.1": "172.17.0.0/16",
        "spdAcl.0.10.0.0.0/24.0": "172.16.0.0/16",
      },
    ],
    [
      "a list of JSON texts",
      {
        "spdAcl.0": '{"10.0.0.0/24":["172.16.0.0/16","172.17.0.0/16"]}',
        "spdAcl.1": '{"10.0.1.0/24":["172.18.0.0/16"]}',
      },
    ],
    [
      "a list in one JSON text",
      { spdAcl: JSON.stringify(Object.entries(two).map(([local, peers]) => ({ [local]: peers }))) },
    ],
    [
      "a JSON text with a network in place of a list",
      { spdAcl: JSON.stringify({ ...two, "10.0.1.0/24": "172.18.0.0/16" }) },
    ],
  ])("takes %s", async (_what, networks) => {
    const { echoed, shown } = await tryNetworks(networks);
    expect(echoed).toEqual(twoPeers);
    expect(shown).toMatchObject({ spdAcl: two, sourceCidr: Object.keys(two), destinationCidr: twoPeers });
  });

  it("takes the page's own example in a VPC that holds it, host bits and all", async () => {
    const { echoed, shown } = await tryNetworks({ spdAcl: '{"10.0.0.5/24":["172.123.10.5/16"]}' });
    expect(echoed).toEqual(["172.123.10.5/16"]);
    expect(shown.spdAcl).toEqual({ "10.0.0.0/24": ["172.123.0.0/16"] });
    const flattened = await tryNetworks({ "spdAcl.10.0.0.5/24.0": "172.123.10.5/16" });
    expect(flattened).toMatchObject({ echoed, shown: { spdAcl: shown.spdAcl } });
  });

  it("wins over userGwCidrBlock", async () => {
    const both = { "userGwCidrBlock.0": "192.168.0.0/24", spdAcl: '{"10.0.5.0/24":["172.16.0.0/16"]}' };
    const { echoed, shown } = await tryNetworks(both);
    expect(echoed).toEqual(["172.16.0.0/16"]);
    expect(shown).toMatchObject({ sourceCidr: ["10.0.5.0/24"], destinationCidr: ["172.16.0.0/16"] });
  });

  it("echoes a peer network of two rules once", async () => {
    const spdAcl = JSON.stringify({ "10.0.1.0/24": ["192.168.2.0/24"], "10.0.2.0/24": ["192.168.2.0/24"] });
    expect((await tryNetworks({ spdAcl })).echoed).toEqual(["192.168.2.0/24"]);
  });

  it("or userGwCidrBlock is needed", async () => {
    const attempt = () => add({});
    await expectRefusal(server, "parameter-invalid", attempt, ["userGwCidrBlock", "spdAcl"]);
    await expectRefusal(server, "parameter-invalid", () => add({ spdAcl: "", userGwCidrBlock: "" }));
  });

  it.each([
    ["no JSON", "10.0.0.0/24"],
    ["half of it", '{"10.0.0.0/24":['],
    ["JSON that is a number", "1"],
    ["JSON that is null", "null"],
    ["JSON that is a string", '"10.0.0.0/24"'],
    ["an empty object", "{}"],
    ["an empty list", "[]"],
    ["a list of nothing", "[{}]"],
    ["a list of networks", '["172.16.0.0/16"]'],
    ["no peer networks", '{"10.0.0.0/24":[]}'],
    ["a number for a network", '{"10.0.0.0/24":[172]}'],
    ["null for a network", '{"10.0.0.0/24":null}'],
    ["an empty network", '{"10.0.0.0/24":[""]}'],
    ["an object for a list", '{"10.0.0.0/24":{"0":"172.16.0.0/16"}}'],
    ["lists in lists", '{"10.0.0.0/24":[["172.16.0.0/16"]]}'],
    ["brackets without end", "[".repeat(50_000)],
    ["a name twice", '{"10.0.0.0/24":["172.16.0.0/16"],"10.0.0.0/24":["172.17.0.0/16"]}'],
    ["a local network that is none", '{"here":["172.16.0.0/16"]}'],
    ["a name that JavaScript knows", '{"__proto__":["172.16.0.0/16"]}'],
    ["a peer network that is none", '{"10.0.0.0/24":["there"]}'],
  ])("refuses %s", async (_what, spdAcl) => {
    await expectRefusal(server, "parameter-invalid", () => add({ spdAcl }), ["[spdAcl"]);
  });

  it.each<[string, Networks]>([
    ["a name that is no network", { "spdAcl.here.0": "172.16.0.0/16" }],
    ["a name with half a network", { "spdAcl.10.0.0/24.0": "172.16.0.0/16" }],
    ["a name with too much of one", { "spdAcl.0.0.10.0.0.0/24.0": "172.16.0.0/16" }],
    ["two forms at once", { spdAcl: '{"10.0.0.0/24":["172.16.0.0/16"]}', "spdAcl.10.0.1.0/24.0": "172.17.0.0/16" }],
  ])("refuses %s", async (_what, networks) => {
    await expectRefusal(server, "parameter-invalid", () => add(networks), ["[spdAcl"]);
  });

  it("says nothing else of userGwCidrBlock when it is wrong: the message names what was given", async () => {
    const outside = { spdAcl: '{"10.1.0.0/24":["172.16.0.0/16"]}' };
    await expectRefusal(server, "parameter-invalid", () => add(outside), ["[spdAcl]"]);
    for (const empty of [{}, { spdAcl: "" }]) {
      const inside = () => add({ ...empty, userGwCidrBlock: "10.0.1.0/24" });
      await expectRefusal(server, "parameter-invalid", inside, ["[userGwCidrBlock]"]);
    }
  });
});

describe("networks within one channel", () => {
  it.each<[string, Record<string, string[]>, readonly string[]]>([
    ["a local network outside the VPC", { "10.1.0.0/24": ["172.16.0.0/16"] }, ["10.1.0.0/24", "10.0.0.0/16"]],
    ["a local network wider than the VPC", { "10.0.0.0/15": ["172.16.0.0/16"] }, ["10.0.0.0/15", "10.0.0.0/16"]],
    ["a peer network inside the VPC", { "10.0.0.0/24": ["10.0.9.7/24"] }, ["10.0.9.0/24", "10.0.0.0/16"]],
    ["a peer network around the VPC", { "10.0.0.0/24": ["10.0.0.0/8"] }, ["10.0.0.0/8", "10.0.0.0/16"]],
    ["the VPC itself as peer network", { "10.0.0.0/24": ["10.0.0.0/16"] }, ["10.0.0.0/16"]],
    [
      "one peer network in another",
      { "10.0.0.0/24": ["172.16.0.0/12", "172.17.0.0/16"] },
      ["172.16.0.0/12", "172.17.0.0/16"],
    ],
    ["a peer network twice", { "10.0.0.0/24": ["172.16.0.0/16", "172.16.9.9/16"] }, ["172.16.0.0/16"]],
    [
      "overlap that is far apart in the list",
      { "10.0.0.0/24": ["192.168.0.0/24", "172.16.0.0/16", "11.0.0.0/8", "192.168.0.128/25"] },
      ["192.168.0.0/24", "192.168.0.128/25"],
    ],
    [
      "local networks that overlap",
      { "10.0.0.0/23": ["172.16.0.0/16"], "10.0.1.0/24": ["172.17.0.0/16"] },
      ["10.0.0.0/23", "10.0.1.0/24"],
    ],
    [
      "one local network in two spellings",
      { "10.0.1.0/24": ["172.16.0.0/16"], "10.0.1.1/24": ["172.17.0.0/16"] },
      ["10.0.1.0/24"],
    ],
  ])("may not be %s", async (_what, spdAcl, named) => {
    await expectRefusal(server, "parameter-invalid", () => add({ spdAcl: JSON.stringify(spdAcl) }), named);
  });

  it("may be the product page's example: one peer under two local networks", async () => {
    const spdAcl = {
      "10.0.0.0/24": ["192.168.0.0/24", "192.168.1.0/24"],
      "10.0.1.0/24": ["192.168.2.0/24"],
      "10.0.2.0/24": ["192.168.2.0/24"],
    };
    expect((await tryNetworks({ spdAcl: JSON.stringify(spdAcl) })).shown.spdAcl).toEqual(spdAcl);
  });

  it("may not be just the peer gateway's own address", async () => {
    const { userGwAddr } = rowOf(await call(server.client, "DescribeUserGw", { userGwId: place.userGwId }));
    const network = `${userGwAddr}/32`;
    await expectRefusal(server, "parameter-invalid", () => add({ "userGwCidrBlock.0": network }), [network]);
  });

  const locals = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [`10.0.${n}.0/24`, ["172.16.0.0/16"]])));
  const peers = (count: number) =>
    JSON.stringify({ "10.0.0.0/24": Array.from({ length: count }, (_, n) => `172.16.${n}.0/24`) });

  it("are at most 10 local ones, and 50 peers for one", async () => {
    expect((await tryNetworks({ spdAcl: locals(10) })).shown.sourceCidr).toHaveLength(10);
    await expectRefusal(server, "parameter-invalid", () => add({ spdAcl: locals(11) }), ["11", "10"]);
    expect((await tryNetworks({ spdAcl: peers(50) })).shown.destinationCidr).toHaveLength(50);
    await expectRefusal(server, "parameter-invalid", () => add({ spdAcl: peers(51) }), ["51", "50"]);
  });
});

describe("networks of one gateway's channels", () => {
  let where: Place;
  beforeAll(async () => {
    where = await makePlace(server.client, "10.0.0.0/16");
    const first = { "10.0.0.0/24": ["172.16.0.0/16"], "10.0.8.0/21": ["192.168.0.0/24"] };
    await server.database.settle();
    requireSuccess(await add({ spdAcl: JSON.stringify(first) }, where));
  });

  it.each<[string, string, string, string, string]>([
    ["the same pair", "10.0.0.0/24", "172.16.0.0/16", "10.0.0.0/24", "172.16.0.0/16"],
    ["a pair inside", "10.0.0.128/25", "172.16.5.0/24", "10.0.0.0/24", "172.16.0.0/16"],
    ["a pair around", "10.0.0.0/20", "172.16.0.0/12", "10.0.0.0/24", "172.16.0.0/16"],
    ["one end inside, the other around", "10.0.0.7/32", "172.0.0.0/8", "10.0.0.0/24", "172.16.0.0/16"],
    ["a pair of the second rule", "10.0.9.0/24", "192.168.0.77/32", "10.0.8.0/21", "192.168.0.0/24"],
  ])("may not overlap in both ends: %s", async (_what, local, peer, otherLocal, otherPeer) => {
    const attempt = () => add({ spdAcl: JSON.stringify({ [local]: [peer] }) }, where);
    await expectRefusal(server, "parameter-invalid", attempt, [local, peer, otherLocal, otherPeer, "vpnx-"]);
  });

  it("may not overlap through the whole VPC", async () => {
    const attempt = () => add({ "userGwCidrBlock.0": "172.16.0.0/24" }, where);
    await expectRefusal(server, "parameter-invalid", attempt, ["10.0.0.0/16", "172.16.0.0/24", "172.16.0.0/16"]);
  });

  it("may not overlap in any rule, and then none is kept", async () => {
    const spdAcl = { "10.0.200.0/24": ["11.0.0.0/24"], "10.0.0.0/24": ["11.1.0.0/24", "172.16.1.0/24"] };
    await expectRefusal(server, "parameter-invalid", () => add({ spdAcl: JSON.stringify(spdAcl) }, where));
  });

  it.each<[string, string, string]>([
    ["the peer", "10.0.1.0/24", "172.16.0.0/16"],
    ["the local network", "10.0.0.0/24", "172.17.0.0/16"],
    ["the local network, next to the other peer", "10.0.0.0/24", "172.15.0.0/16"],
  ])("may share %s", async (_what, local, peer) => {
    expect((await tryNetworks({ spdAcl: JSON.stringify({ [local]: [peer] }) }, where)).shown.spdAcl).toEqual({
      [local]: [peer],
    });
  });

  it("may have one pair on two gateways", async () => {
    const vpnGwId = await makeVpnGw(server.client, where.vpcId);
    const { shown } = await tryNetworks({ "spdAcl.10.0.0.0/24.0": "172.16.0.0/16" }, { ...where, vpnGwId });
    expect(shown.unVpnGwId).toBe(vpnGwId);
  });

  it("are free again when the channel has gone", async () => {
    for (let round = 0; round < 2; round += 1) await tryNetworks({ "userGwCidrBlock.0": "99.0.0.0/24" }, where);
  });
});
