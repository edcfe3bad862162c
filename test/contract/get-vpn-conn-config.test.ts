// GetVpnConnConfig: api-v2.md 4.7.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, call, type Reply } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { type Row, requireSuccess, rowOf, rowsOf, textAt } from "../support/reply.ts";
import { findVpnGw, makeConn, makePlace, makeUserGw, makeVpc, makeVpnGw, type Place } from "../support/scene.ts";

const ios = { vendorname: "cisco", platform: "ios", software: "V15.4" };
const comware = { vendorname: "h3c", platform: "comware", software: "V1.0" };

/** The channel that the page's sample text is about, in so far as it can be told from the text. */
const sample = {
  preSharedKey: "key123",
  "IKESet.propoEncryAlgorithm": "aes-cbc-128",
  "IKESet.propoAuthenAlgorithm": "md5",
  "IKESet.exchangeMode": "aggressive",
  "IKESet.dhGroupName": "group14",
  "IKESet.ikeSaLifetimeSeconds": "60",
  "IKESet.localIdentity": "fqdn",
  "IKESet.localFqdnName": "local1",
  "IKESet.remoteIdentity": "fqdn",
  "IKESet.remoteFqdnName": "remote1",
  "IPsecSet.encryptAlgorithm": "aes-cbc-128",
  "IPsecSet.integrityAlgorith": "sha",
  "IPsecSet.pfsDhGroup": "dh-group1",
  "IPsecSet.ipsecSaLifetimeSeconds": "180",
  "IPsecSet.ipsecSaLifetimeTraffic": "2560",
  spdAcl: '{"10.0.11.0/24":["55.55.55.0/24"]}',
};

let server: LocalServer;
let place: Place;
let conn: Row;
let vpnConnId: string;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  place = await makePlace(server.client);
  conn = await makeConn(server.client, place, sample);
  vpnConnId = textAt(conn, "unVpnConnId");
});
afterAll(() => server.stop());

const ask = (parameters: Record<string, string>, client: Client = server.client) =>
  call(client, "GetVpnConnConfig", { vpnConnId, ...parameters });
const textOf = (reply: Reply) => textAt(rowOf(reply), "configFileInfo");

describe("GetVpnConnConfig", () => {
  it("answers the published request, without interfaceName, in the shape of the published sample", async () => {
    expect(await ask(ios)).toEqual({
      code: 0,
      message: "",
      codeDesc: "Success",
      data: [{ configFileInfo: expect.any(String) }],
    });
  });

  it("says for Comware what the published text says, in the words that a device takes", async () => {
    const publicAddress = textAt(conn, "vpnGwAddress");
    const text = textOf(await ask(comware));
    const commands = text.split("\n").filter((line) => !line.startsWith("#"));
    // The sample's lines in its order, but for names and numbers of ours and for `sa Lifetime`, which no device knows.
    const wanted = [
      "ike keychain",
      ` pre-shared-key address ${publicAddress} 255.255.255.255 key simple key123`,
      "ike proposal",
      " encryption-algorithm aes-cbc-128",
      " authentication-algorithm md5",
      " dh group14",
      " sa duration 60",
      "ike profile",
      " exchange-mode aggressive",
      " local-identity fqdn remote1",
      " match remote identity fqdn local1",
      "ike invalid-spi-recovery enable",
      "ipsec transform-set",
      " esp encryption-algorithm aes-cbc-128",
      " esp authentication-algorithm sha1",
      " pfs dh-group1",
      "acl advanced",
      " rule permit ip source 55.55.55.0 0.0.0.255 destination 10.0.11.0 0.0.0.255",
      "ipsec policy",
      ` remote-address ${publicAddress}`,
      " sa duration time-based 180",
      " sa duration traffic-based 2560",
      "interface GigabitEthernet0/0",
      " ipsec apply policy culvert",
    ];
    const found = wanted.map((line) => commands.findIndex((each) => each.startsWith(line)));
    expect(found).not.toContain(-1);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
  });

  it("writes lines that end in a line feed, the last one too", async () => {
    expect(textOf(await ask(ios))).toMatch(/^(?:[\x20-\x7e]*\n)+$/);
  });

  it("takes either id of the channel", async () => {
    const text = textOf(await ask(ios));
    expect(textOf(await ask({ ...ios, vpnConnId: String(conn.vpnConnId) }))).toBe(text);
  });

  it.each(["GET", "POST"] as const)("is read by %s, with the names in any case", async (method) => {
    const parameters = { vpnConnId, vendorname: "CISCO", platform: "Ios", software: "v15.4" };
    const { reply } = await sendCall(server.client, "GetVpnConnConfig", parameters, { method });
    expect(textOf(requireSuccess(reply))).toBe(textOf(await ask(ios)));
  });

  it("puts the interface that it is told into the text", async () => {
    expect(textOf(await ask({ ...ios, interfaceName: "Dialer1" }))).toContain("\ninterface Dialer1\n");
    expect(textOf(await ask({ ...comware, interfaceName: "Ten-GigabitEthernet 1/0/1" }))).toContain(
      "\ninterface Ten-GigabitEthernet 1/0/1\n",
    );
  });

  it("sees the channel from its far end: identities, networks and addresses swapped", async () => {
    const gateway = await findVpnGw(server.client, place.vpnGwId);
    const text = textOf(await ask({ vendorname: "strongswan", platform: "swanctl", software: "5.9" }));
    expect(text).toMatch(/local \{\s+auth = psk\s+id = @remote1\s/);
    expect(text).toMatch(/remote \{\s+auth = psk\s+id = @local1\s/);
    expect(text).toContain(`local_addrs = ${conn.userGwAddress}\n`);
    expect(text).toContain(`remote_addrs = ${gateway.vpnGwAddress}\n`);
    expect(text).toMatch(/local_ts = 55\.55\.55\.0\/24\s+remote_ts = 10\.0\.11\.0\/24\s/);
  });

  it("has every pair of several rules", async () => {
    const spdAcl = JSON.stringify({
      "10.0.0.0/24": ["100.99.0.0/24", "100.99.1.0/24"],
      "10.0.1.0/24": ["100.99.0.0/24"],
    });
    const own = { ...place, userGwId: await makeUserGw(server.client) };
    const made = await makeConn(server.client, own, { spdAcl });
    const text = textOf(await ask({ ...ios, vpnConnId: textAt(made, "unVpnConnId") }));
    expect(text.match(/ permit ip .*/g)).toEqual([
      " permit ip 100.99.0.0 0.0.0.255 10.0.0.0 0.0.0.255",
      " permit ip 100.99.1.0 0.0.0.255 10.0.0.0 0.0.0.255",
      " permit ip 100.99.0.0 0.0.0.255 10.0.1.0 0.0.0.255",
    ]);
  });

  it("gives a read-only key everything but the pre-shared key", async () => {
    const reader = await server.addKey({ isReadOnly: true });
    for (const row of rowsOf(await call(server.client, "DescribeUserGwVendor", {}))) {
      const device = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)]));
      expect(textOf(await ask(device))).toContain("key123");
      const shown = textOf(await ask(device, reader));
      expect(shown).not.toContain("key123");
      expect(shown).toContain("not shown to a read-only API key");
    }
  });

  it("writes nothing and makes no task", async () => {
    await server.database.settle();
    const before = await server.database.takeSnapshot();
    await ask(ios);
    expect(await server.database.takeSnapshot()).toEqual(before);
  });
});

describe("GetVpnConnConfig refuses", () => {
  const refuse = (parameters: Record<string, string>, mentions: readonly string[]) =>
    expectRefusal(server, "parameter-invalid", () => ask(parameters), mentions);

  it.each(["vpnConnId", "vendorname", "platform", "software"])("a request without %s", async (name) => {
    await refuse({ vpnConnId, ...ios, [name]: "" }, [`[${name}]`]);
  });

  it.each([
    ["vendorname", { ...ios, vendorname: "acme" }, "h3c"],
    ["platform", { ...ios, platform: "comware" }, "ios"],
    ["software", { ...ios, software: "V15.5" }, "V15.4"],
    ["vendorname", { ...ios, vendorname: "cisco " }, "cisco"],
    ["software", { ...comware, software: "V15.4" }, "V1.0"],
  ])("an unknown device by its %s, and says what is known", async (name, device, known) => {
    await refuse(device, [`[${name}]`, known]);
  });

  it.each([
    "a\nb",
    "a\r\nshutdown",
    "a\0b",
    "a\tb",
    "a;b",
    'a"b',
    "a'b",
    "a\\",
    "!",
    "#x",
    "$(x)",
    "ether1 ",
    "é",
    "a\u2028b",
    "e".repeat(65),
  ])("interfaceName %j", async (interfaceName) => {
    await refuse({ ...ios, interfaceName }, ["[interfaceName]"]);
  });

  it.each(["vpnx-00000000", "999999", "no id at all"])("channel %s, which is not there", async (id) => {
    await expectRefusal(server, "vpn-conn-not-found", () => ask({ ...ios, vpnConnId: id }), [id]);
  });

  it("another account's channel, and one of another region", async () => {
    for (const options of [{ account: "other" }, { region: "sh" }]) {
      const other = await server.addKey(options);
      await expectRefusal(server, "vpn-conn-not-found", () => ask(ios, other), [vpnConnId]);
    }
  });

  it("a channel that has been deleted", async () => {
    const vpcId = await makeVpc(server.client, "10.1.0.0/16");
    const own = { vpcId, vpnGwId: await makeVpnGw(server.client, vpcId), userGwId: place.userGwId };
    const id = textAt(await makeConn(server.client, own), "unVpnConnId");
    requireSuccess(await call(server.client, "DeleteVpnConn", { ...own, vpnConnId: id }));
    await server.database.settle();
    await expectRefusal(server, "vpn-conn-not-found", () => ask({ ...ios, vpnConnId: id }), [id]);
  });
});
