// AddVpnConnEx: who both ends say they are, the pre-shared key, and channels that share one IKE identity. api-v2.md 4.1, 4.2, 9.4.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf, type Row, rowAt, textAt } from "../support/reply.ts";
import {
  addVpnConn,
  findConn,
  findVpnGw,
  makeConn,
  makePlace,
  makeUserGw,
  makeVpnGw,
  nextNetwork,
  type Place,
  waitForTask,
} from "../support/scene.ts";

let server: LocalServer;
let site: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  site = await makePlace(server.client);
});
afterAll(() => server.stop());

type Settings = Readonly<Record<string, string>>;

/** The same gateway and a peer that no channel leads to yet. */
const newPeer = async (): Promise<Place> => ({ ...site, userGwId: await makeUserGw(server.client) });
const add = (place: Place, settings: Settings) =>
  call(server.client, "AddVpnConnEx", { ...place, "userGwCidrBlock.0": nextNetwork(), ...settings });
const make = async (place: Place, settings: Settings = {}): Promise<Row> =>
  findConn(server.client, await addVpnConn(server.client, place, settings));
const refuse = (place: Place, settings: Settings, named: readonly string[]) =>
  expectRefusal(server, "parameter-invalid", () => add(place, settings), named);

const fqdns = {
  "IKESet.localIdentity": "fqdn",
  "IKESet.localFqdnName": "gw.example.org",
  "IKESet.remoteIdentity": "fqdn",
  "IKESet.remoteFqdnName": "peer.example.org",
};

describe("identities", () => {
  it("are both ends' public addresses unless told", async () => {
    const conn = await make(await newPeer(), { "IKESet.localIdentity": "address", "IKESet.remoteIdentity": "ADDRESS" });
    const { vpnGwAddress } = await findVpnGw(server.client, site.vpnGwId);
    expect(conn.IKESet).toMatchObject({
      localIdentity: "address",
      remoteIdentity: "address",
      localAddress: vpnGwAddress,
      remoteAddress: conn.userGwAddress,
      localFqdnName: null,
      remoteFqdnName: null,
    });
  });

  it("are the addresses that are given", async () => {
    const given = { "IKESet.localAddress": "10.0.0.1", "IKESet.remoteAddress": "192.168.7.1" };
    expect((await make(await newPeer(), given)).IKESet).toMatchObject({
      localIdentity: "address",
      localAddress: "10.0.0.1",
      remoteIdentity: "address",
      remoteAddress: "192.168.7.1",
    });
  });

  it("are the names that are given, and then addresses count for nothing", async () => {
    const both = { ...fqdns, "IKESet.localAddress": "10.0.0.1", "IKESet.remoteAddress": "192.168.7.1" };
    for (const settings of [fqdns, both]) {
      expect((await make(await newPeer(), settings)).IKESet).toMatchObject({
        localIdentity: "fqdn",
        localFqdnName: "gw.example.org",
        localAddress: null,
        remoteIdentity: "fqdn",
        remoteFqdnName: "peer.example.org",
        remoteAddress: null,
      });
    }
  });

  it("are not the names that are given without fqdn", async () => {
    const { "IKESet.localIdentity": _local, "IKESet.remoteIdentity": _remote, ...names } = fqdns;
    expect((await make(await newPeer(), names)).IKESet).toMatchObject({
      localIdentity: "address",
      localFqdnName: null,
      remoteIdentity: "address",
      remoteFqdnName: null,
    });
  });

  it.each([
    ["vpn86"],
    ["a"],
    ["under_score.example-1.org"],
    ["UPPER.Example.ORG"],
    [`${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`],
  ])("take the name %s", async (name) => {
    const settings = { "IKESet.remoteIdentity": "fqdn", "IKESet.remoteFqdnName": name };
    expect((await make(await newPeer(), settings)).IKESet).toMatchObject({ remoteFqdnName: name });
  });

  it.each([
    ["blanks", "two words"],
    ["a control character", "a\u0001b"],
    ["a line break", "peer\n}"],
    ["an address of e-mail", "vpn@example.org"],
    ["an empty label", "a..b"],
    ["a dot at the end", "example.org."],
    ["a label of 64", "a".repeat(64)],
    ["254 characters", `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(62)}`],
    ["letters beyond ASCII", "bücher.example"],
    ["what strongSwan would read as something else", "%any"],
  ])("refuse a name with %s", async (_what, name) => {
    for (const side of ["local", "remote"]) {
      const settings = { [`IKESet.${side}Identity`]: "fqdn", [`IKESet.${side}FqdnName`]: name };
      await refuse(site, settings, [`[IKESet.${side}FqdnName]`]);
    }
  });

  it.each(["local", "remote"])("refuse fqdn without a name for the %s end", async (side) => {
    await refuse(site, { [`IKESet.${side}Identity`]: "fqdn" }, [`[IKESet.${side}FqdnName]`]);
    const withAddress = { [`IKESet.${side}Identity`]: "fqdn", [`IKESet.${side}Address`]: "10.0.0.1" };
    await refuse(site, withAddress, [`[IKESet.${side}FqdnName]`]);
  });

  it.each([
    "peer.example.org",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.1/32",
    "010.0.0.1",
    "0x0a000001",
    "fd00::1",
    "%any",
    "0.0.0.0",
  ])("refuse %s for an address", async (address) => {
    for (const side of ["local", "remote"]) {
      await refuse(site, { [`ikeSet.0.${side}Address`]: address }, [`[IKESet.${side}Address]`]);
    }
  });
});

describe("preSharedKey", () => {
  it.each([
    ["one character", "k"],
    ["the pages' samples", "d!@#12d"],
    ["128 characters", "k".repeat(128)],
    ["128 characters beyond the basic plane", "🔑".repeat(128)],
    ["Chinese", "共享密钥"],
    ["blanks around and within", "  two words  "],
    ["what forms, JSON and strongSwan's files escape", `a+b&c=d%41;"'\\#{}<>`],
    ["something that looks like binary", "0x6161616161"],
    ["base64's look", "0sa2V5a2V5"],
  ])("may be %s", async (_what, preSharedKey) => {
    const place = await newPeer();
    const made = await addVpnConn(server.client, place, { preSharedKey });
    expect(made.data.preSharedKey).toBe(preSharedKey);
    expect((await findConn(server.client, made)).preSharedKey).toBe(preSharedKey);
  });

  it("may begin with @, which clients leave out of what they sign", async () => {
    const parameters = { ...(await newPeer()), "userGwCidrBlock.0": nextNetwork() };
    const withKey = (pairs: [string, string][]): [string, string][] => [...pairs, ["preSharedKey", "@home"]];
    const { reply } = await sendCall(server.client, "AddVpnConnEx", parameters, { tamper: withKey });
    expect(dataOf(reply).preSharedKey).toBe("@home");
  });

  it.each([
    ["129 characters", "k".repeat(129)],
    ["129 characters beyond the basic plane", "🔑".repeat(129)],
    ["a line break", "key\nkey"],
    ["a tab", "key\tkey"],
    ["a control character", "key\u0001"],
    ["a C1 control character", "key\u0090"],
  ])("may not be %s, and the message does not repeat it", async (_what, preSharedKey) => {
    const reply = await refuse(site, { preSharedKey }, ["[preSharedKey]"]);
    expect(JSON.stringify(reply)).not.toContain("key\\");
    expect(reply.message.length).toBeLessThan(120);
  });

  it("is generated when there is none, and can be read afterwards", async () => {
    const keys: unknown[] = [];
    for (const settings of [{}, { preSharedKey: "" }]) {
      const made = await addVpnConn(server.client, await newPeer(), settings);
      expect(made.data.preSharedKey).toMatch(/^[A-Za-z0-9]{32}$/);
      expect((await findConn(server.client, made)).preSharedKey).toBe(made.data.preSharedKey);
      keys.push(made.data.preSharedKey);
    }
    expect(keys[0]).not.toBe(keys[1]);
  });
});

describe("channels of one IKE identity", () => {
  const settings = {
    "IKESet.propoEncryAlgorithm": "aes-cbc-256",
    "IKESet.propoAuthenAlgorithm": "sha",
    "IKESet.exchangeMode": "aggressive",
    "IKESet.dhGroupName": "group14",
    "IKESet.ikeSaLifetimeSeconds": "7200",
  };

  it("inherit key and IKE settings, and have IPsec settings of their own", async () => {
    const place = await newPeer();
    const first = await make(place, { ...settings, preSharedKey: "shared", "IPsecSet.pfsDhGroup": "dh-group14" });
    const made = await addVpnConn(server.client, place);
    expect(made.data.preSharedKey).toBe("shared");
    const second = await findConn(server.client, made);
    expect(second.preSharedKey).toBe("shared");
    expect(second.IKESet).toEqual(first.IKESet);
    expect(rowAt(second, "IPsecSet").pfsDhGroup).toBe("null");
  });

  it("inherit a generated key", async () => {
    const place = await newPeer();
    const first = await addVpnConn(server.client, place);
    expect((await addVpnConn(server.client, place)).data.preSharedKey).toBe(first.data.preSharedKey);
  });

  it("may repeat what the other one has", async () => {
    const place = await newPeer();
    await make(place, { ...settings, preSharedKey: "shared" });
    expect((await make(place, { ...settings, preSharedKey: "shared" })).preSharedKey).toBe("shared");
  });

  it.each([
    ["preSharedKey", "another", "preSharedKey"],
    ["IKESet.propoEncryAlgorithm", "aes-cbc-128", "IKESet.propoEncryAlgorithm"],
    ["ikeSet.0.propoAuthenAlgorithm", "md5", "IKESet.propoAuthenAlgorithm"],
    ["IKEArr.exchangeMode", "main", "IKESet.exchangeMode"],
    ["IKESet.dhGroupName", "group1", "IKESet.dhGroupName"],
    ["IKESet.ikeSaLifetimeSeconds", "7201", "IKESet.ikeSaLifetimeSeconds"],
  ])("may not differ in %s, and the message names the other channel", async (name, value, named) => {
    const place = await newPeer();
    const { unVpnConnId } = await make(place, { ...settings, preSharedKey: "shared" });
    const reply = await refuse(place, { [name]: value }, [`[${named}]`, String(unVpnConnId)]);
    expect(reply.message).not.toMatch(/shared"|another/);
  });

  it("share it also when the identity is spelt out", async () => {
    const place = await newPeer();
    const first = await make(place, { preSharedKey: "shared" });
    const { localAddress, remoteAddress } = rowAt(first, "IKESet");
    const same = { "IKESet.localAddress": String(localAddress), "IKESet.remoteAddress": String(remoteAddress) };
    await refuse(place, { ...same, preSharedKey: "another" }, ["[preSharedKey]"]);
    expect((await make(place, same)).preSharedKey).toBe("shared");
  });

  it("are those with the same names, when they have names", async () => {
    const place = await newPeer();
    const aggressive = { ...fqdns, "IKESet.exchangeMode": "aggressive" };
    await make(place, { ...aggressive, preSharedKey: "first" });
    await refuse(place, { ...fqdns, preSharedKey: "second" }, ["[preSharedKey]"]);
    const other = { ...aggressive, "IKESet.remoteFqdnName": "other.example.org", preSharedKey: "second" };
    expect((await make(place, other)).preSharedKey).toBe("second");
  });

  it("are of one gateway and one peer: others are free", async () => {
    const place = await newPeer();
    await make(place, { preSharedKey: "first" });
    expect((await make(await newPeer(), { preSharedKey: "second" })).preSharedKey).toBe("second");
    const vpnGwId = await makeVpnGw(server.client, site.vpcId);
    expect((await make({ ...place, vpnGwId }, { preSharedKey: "third" })).preSharedKey).toBe("third");
  });

  it("leave it free when the last one has gone", async () => {
    const place = await newPeer();
    const first = await makeConn(server.client, place, { preSharedKey: "first" });
    const ids = { vpcId: place.vpcId, vpnGwId: place.vpnGwId, vpnConnId: textAt(first, "unVpnConnId") };
    const { taskId } = dataOf(await call(server.client, "DeleteVpnConn", ids));
    await waitForTask(server.client, String(taskId));
    expect((await make(place, { preSharedKey: "second" })).preSharedKey).toBe("second");
  });

  it("come up together in the data plane", async () => {
    const place = { ...site, userGwId: await makeUserGw(server.client, "203.0.113.77") };
    for (let made = 0; made < 3; made += 1) await make(place);
    await server.database.settle();
    const filter = { vpnGwId: place.vpnGwId, orderDirection: "desc", limit: "3" };
    const { data } = await call(server.client, "DescribeVpnConn", filter);
    expect(data).toMatchObject(Array(3).fill({ netStatus: "available", vpcConnStatus: 6 }));
  });
});

describe("channels to one peer with different identities", () => {
  const one = { ...fqdns, "IKESet.remoteFqdnName": "one.example" };
  const two = { ...fqdns, "IKESet.remoteFqdnName": "two.example" };
  const aggressive = { "IKESet.exchangeMode": "aggressive" };
  const algorithms = { "IKESet.propoEncryAlgorithm": "aes-cbc-256", "IKESet.dhGroupName": "group14" };

  it("in main mode inherit key and IKE settings, but not identities", async () => {
    const place = await newPeer();
    const first = await make(place, { ...one, ...algorithms, preSharedKey: "shared" });
    const second = await make(place, two);
    expect(second.preSharedKey).toBe("shared");
    expect(second.IKESet).toEqual({ ...rowAt(first, "IKESet"), remoteFqdnName: "two.example" });
  });

  it.each([
    ["preSharedKey", "another"],
    ["IKESet.propoEncryAlgorithm", "aes-cbc-128"],
    ["IKESet.propoAuthenAlgorithm", "sha"],
    ["IKESet.dhGroupName", "group1"],
    ["IKESet.ikeSaLifetimeSeconds", "7201"],
  ])("in main mode may not differ in %s, and the message names the other channel", async (name, value) => {
    const place = await newPeer();
    const { unVpnConnId } = await make(place, { ...one, ...algorithms, preSharedKey: "shared" });
    await refuse(place, { ...two, [name]: value }, [`[${name}]`, String(unVpnConnId)]);
  });

  it("in aggressive mode are independent of each other", async () => {
    const place = await newPeer();
    await make(place, { ...one, ...aggressive, ...algorithms, preSharedKey: "first" });
    const second = await make(place, { ...two, ...aggressive, preSharedKey: "second" });
    expect(second.preSharedKey).toBe("second");
    expect(second.IKESet).toMatchObject({ propoEncryAlgorithm: "3des-cbc", dhGroupName: "group1" });
    const third = await make(place, { ...two, ...aggressive, "IKESet.remoteFqdnName": "three.example" });
    expect(third.preSharedKey).toMatch(/^[A-Za-z0-9]{32}$/);
  });

  it("are in the mode of the others unless told", async () => {
    const place = await newPeer();
    await make(place, { ...one, ...aggressive, preSharedKey: "first" });
    const second = await make(place, { ...two, preSharedKey: "second" });
    expect(second).toMatchObject({ preSharedKey: "second", IKESet: { exchangeMode: "aggressive" } });
  });

  it("are all in main mode or all in aggressive mode", async () => {
    const [inMain, inAggressive] = [await newPeer(), await newPeer()];
    const first = await make(inMain, one);
    await refuse(inMain, { ...two, ...aggressive }, ["[IKESet.exchangeMode]", String(first.unVpnConnId)]);
    const other = await make(inAggressive, { ...one, ...aggressive });
    const main = { ...two, "IKESet.exchangeMode": "main" };
    await refuse(inAggressive, main, ["[IKESet.exchangeMode]", String(other.unVpnConnId)]);
  });
});
