// ModifyVpnConnEx: the IKE and IPsec sets with every spelling and value, and the key. api-v2.md 4.2, 4.3.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { changesOn, type Settings } from "../support/conn-changes.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { rowAt } from "../support/reply.ts";
import { makeConn, makePlace, makeUserGw, nextPeerAddress, type Place } from "../support/scene.ts";

let server: LocalServer;
let site: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  site = await makePlace(server.client);
});
afterAll(() => server.stop());

const { modify, show, refuse, expectOnly } = changesOn(() => server);
const newPeer = async (): Promise<Place> => ({
  ...site,
  userGwId: await makeUserGw(server.client, nextPeerAddress()),
});

describe("the sets", () => {
  const ike = {
    propoEncryAlgorithm: "aes-cbc-256",
    propoAuthenAlgorithm: "sha",
    exchangeMode: "aggressive",
    localIdentity: "fqdn",
    localFqdnName: "gw.example.org",
    remoteIdentity: "fqdn",
    remoteFqdnName: "vpn86",
    dhGroupName: "group14",
    ikeSaLifetimeSeconds: "11180",
  };
  const ipsec = {
    encryptAlgorithm: "aes-cbc-192",
    integrityAlgorith: "sha1",
    pfsDhGroup: "dh-group5",
    ipsecSaLifetimeSeconds: "500",
    ipsecSaLifetimeTraffic: "80000",
  };
  const spell = (prefix: string, fields: Settings): Settings =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${prefix}${name}`, value]));

  it.each<[string, (ike: Settings, ipsec: Settings) => Settings]>([
    ["IKESet. and IPsecSet.", (a, b) => ({ ...spell("IKESet.", a), ...spell("IPsecSet.", b) })],
    ["IKESet.0. and IPsecSet.0.", (a, b) => ({ ...spell("IKESet.0.", a), ...spell("IPsecSet.0.", b) })],
    ["ikeSet.0. and ipsecSet.0.", (a, b) => ({ ...spell("ikeSet.0.", a), ...spell("ipsecSet.0.", b) })],
    ["IKEArr and IPSECArr", (a, b) => ({ ...spell("IKEArr.", a), ...spell("IPSECArr.", b) })],
    ["IKESET. and IPSECSET.", (a, b) => ({ ...spell("IKESET.", a), ...spell("IPSECSET.", b) })],
    ["IKESet_ and IPsecSet_0_", (a, b) => ({ ...spell("IKESet_", a), ...spell("IPsecSet_0_", b) })],
    ["JSON texts", (a, b) => ({ IKESet: JSON.stringify(a), IPsecSet: JSON.stringify(b) })],
  ])("come as %s", async (_what, write) => {
    const conn = await makeConn(server.client, await newPeer());
    await modify(conn, write(ike, ipsec));
    const shown = await show(conn);
    expect(shown.IKESet).toEqual({ ...ike, localAddress: null, remoteAddress: null });
    expect(shown.IPsecSet).toEqual({ ...ipsec, encapMode: "tunnel", securityProto: "ESP" });
  });

  it.each([
    ["IKESet.propoEncryAlgorithm", "aes-cbc-128", "IKESet", { propoEncryAlgorithm: "aes-cbc-128" }],
    ["IKESet.ikeSaLifetimeSeconds", "604800", "IKESet", { ikeSaLifetimeSeconds: "604800" }],
    ["IKESet.remoteFqdnName", "another.example", "IKESet", { remoteFqdnName: "another.example" }],
    ["IKESet.localIdentity", "address", "IKESet", { localIdentity: "address", localFqdnName: null }],
    ["IPsecSet.pfsDhGroup", "null", "IPsecSet", { pfsDhGroup: "null" }],
    ["IPsecSet.integrityAlgorithm", "md5", "IPsecSet", { integrityAlgorith: "md5" }],
    ["IPsecSet.ipsecSaLifetimeTraffic", "4294967295", "IPsecSet", { ipsecSaLifetimeTraffic: "4294967295" }],
    ["IKESet.encryptAlgorithm", "null", "IPsecSet", { encryptAlgorithm: "null" }],
    ["encryptAlgorithm", "des-cbc", "IPsecSet", { encryptAlgorithm: "des-cbc" }],
  ])("change only the field they name: %s=%s", async (name, value, set, change) => {
    const conn = await makeConn(server.client, await newPeer(), {
      ...spell("IKESet.", ike),
      ...spell("IPsecSet.", ipsec),
    });
    await modify(conn, { [name]: value });
    const address = name.endsWith("localIdentity") ? { localAddress: conn.vpnGwAddress } : {};
    const [own, twin] = set === "IKESet" ? ["IKESet", "IKEArr"] : ["IPsecSet", "IPSECArr"];
    const after = { ...rowAt(conn, String(own)), ...change, ...address };
    await expectOnly(conn, { [String(own)]: after, [String(twin)]: after, vpcConnStatus: 6 });
  });

  it("refuse fqdn without a name when there was none, and addresses that are none", async () => {
    const conn = await makeConn(server.client, await newPeer());
    await refuse(conn, { "IKESet.localIdentity": "fqdn" }, ["[IKESet.localFqdnName]"]);
    await refuse(conn, { "IKESet.remoteIdentity": "fqdn" }, ["[IKESet.remoteFqdnName]"]);
    await refuse(conn, { "IKESet.localAddress": "gw" }, ["[IKESet.localAddress]"]);
    await refuse(conn, { "IKESet.remoteAddress": "10.0.0.256" }, ["[IKESet.remoteAddress]"]);
    await refuse(conn, { "IKESet.exchangeMode": "quick" }, ["[IKESet.exchangeMode]"]);
    await refuse(conn, { "IPsecSet.ipsecSaLifetimeSeconds": "179" }, ["[IPsecSet.ipsecSaLifetimeSeconds]"]);
  });

  it("refuse a key that is none, without repeating it", async () => {
    const conn = await makeConn(server.client, await newPeer());
    const reply = await refuse(conn, { preSharedKey: "to\nkeep" }, ["[preSharedKey]"]);
    expect(reply.message).not.toContain("keep");
  });

  it.each([
    ["IKESet.propoEncryAlgorithm", ["aes-cbc-128", "aes-cbc-192", "aes-cbc-256", "des-cbc", "3des-cbc"]],
    ["IKESet.propoAuthenAlgorithm", ["sha", "md5", "sha1"]],
    ["IKESet.exchangeMode", ["aggressive", "main"]],
    ["IKESet.localIdentity", ["address"]],
    ["IKESet.remoteIdentity", ["address"]],
    ["IKESet.dhGroupName", ["group2", "group5", "group14", "group24", "group1"]],
    ["IPsecSet.encryptAlgorithm", ["aes-cbc-128", "aes-cbc-192", "aes-cbc-256", "des-cbc", "null", "3des-cbc"]],
    ["IPsecSet.integrityAlgorith", ["sha", "md5", "sha1"]],
    ["IPsecSet.integrityAlgorithm", ["sha1", "md5", "sha"]],
    ["IPsecSet.pfsDhGroup", ["dh-group1", "dh-group2", "dh-group5", "dh-group14", "dh-group24", "null"]],
  ])("%s takes %o, one after another", async (name, values) => {
    const conn = await makeConn(server.client, await newPeer());
    const [set = "", field = ""] = name.split(".");
    // What is shown of SHA-1: `sha` in phase 1, `sha1` in phase 2 (4.4).
    const shown = (value: string) => (/^sha1?$/.test(value) ? (set === "IKESet" ? "sha" : "sha1") : value);
    for (const value of values) {
      await modify(conn, { [name]: value });
      const row = rowAt(await show(conn), set);
      expect(row[field === "integrityAlgorithm" ? "integrityAlgorith" : field]).toBe(shown(value));
    }
  });
});
