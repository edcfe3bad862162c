// AddVpnConnEx: the IKE and IPsec sets with every parameter of the seed, every spelling, default, value and bound. api-v2.md 4.2.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { expectRefusal } from "../support/refusal.ts";
import { type Row, rowAt } from "../support/reply.ts";
import {
  addVpnConn,
  findConn,
  findVpnGw,
  makePlace,
  nextNetwork,
  nextPeerAddress,
  type Place,
} from "../support/scene.ts";

let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  place = await makePlace(server.client);
});
afterAll(() => server.stop());

type Settings = Readonly<Record<string, string>>;

// Each channel here has a peer of its own, for channels to one peer must have the same IKE settings (9.4).

/** Makes a channel with nothing but these settings, and gives it as DescribeVpnConn shows it. */
async function tryBareSettings(settings: Settings): Promise<Row> {
  const own = { userGwId: "", userGwAddr: nextPeerAddress() };
  return findConn(server.client, await addVpnConn(server.client, place, { ...own, ...settings }));
}

async function trySettings(settings: Settings): Promise<{ ike: Row; ipsec: Row }> {
  const conn = await tryBareSettings(settings);
  return { ike: rowAt(conn, "IKESet"), ipsec: rowAt(conn, "IPsecSet") };
}

const refuse = (settings: Settings, named: string) => {
  const attempt = () =>
    call(server.client, "AddVpnConnEx", { ...place, "userGwCidrBlock.0": nextNetwork(), ...settings });
  return expectRefusal(server, "parameter-invalid", attempt, [`[${named}]`]);
};

describe("without settings", () => {
  it("a channel has the documented defaults, under both spellings", async () => {
    const conn = await tryBareSettings({});
    const { vpnGwAddress } = await findVpnGw(server.client, place.vpnGwId);
    const ike = {
      propoAuthenAlgorithm: "md5",
      propoEncryAlgorithm: "3des-cbc",
      exchangeMode: "main",
      localIdentity: "address",
      remoteIdentity: "address",
      localAddress: vpnGwAddress,
      remoteAddress: conn.userGwAddress,
      localFqdnName: null,
      remoteFqdnName: null,
      dhGroupName: "group1",
      ikeSaLifetimeSeconds: "86400",
    };
    const ipsec = {
      encryptAlgorithm: "3des-cbc",
      integrityAlgorith: "md5",
      encapMode: "tunnel",
      securityProto: "ESP",
      pfsDhGroup: "null",
      ipsecSaLifetimeSeconds: "3600",
      ipsecSaLifetimeTraffic: "1843200",
    };
    expect(conn).toMatchObject({ IKESet: ike, IKEArr: ike, IPsecSet: ipsec, IPSECArr: ipsec });
  });

  it("empty values are not given", async () => {
    const empty = { "IKESet.dhGroupName": "", "IPsecSet.pfsDhGroup": "", IKEArr: "{}", IPsecSet: "{}" };
    const { ike, ipsec } = await trySettings({ ...empty, "ikeSet.0.exchangeMode": "" });
    expect(ike).toMatchObject({ dhGroupName: "group1", exchangeMode: "main" });
    expect(ipsec.pfsDhGroup).toBe("null");
  });
});

/** Every field with a value that is not the default, and how it is shown. */
const ikeFields = {
  propoEncryAlgorithm: "aes-cbc-256",
  propoAuthenAlgorithm: "sha",
  exchangeMode: "aggressive",
  localIdentity: "fqdn",
  remoteIdentity: "fqdn",
  localFqdnName: "gw.example.org",
  remoteFqdnName: "peer.example.org",
  dhGroupName: "group14",
  ikeSaLifetimeSeconds: "7200",
};
const ipsecFields = {
  encryptAlgorithm: "aes-cbc-192",
  integrityAlgorith: "sha",
  pfsDhGroup: "dh-group24",
  ipsecSaLifetimeSeconds: "1800",
  ipsecSaLifetimeTraffic: "100000",
};
const ipsecShown = { ...ipsecFields, integrityAlgorith: "sha1" };

const flatten = (prefix: string, fields: Settings) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${prefix}${name}`, value]));

describe("the sets", () => {
  it.each<[string, Settings]>([
    ["ikeSet.0.", flatten("ikeSet.0.", ikeFields)],
    ["IKESet.", flatten("IKESet.", ikeFields)],
    ["IKESet.0.", flatten("IKESet.0.", ikeFields)],
    ["ikeset.", flatten("ikeset.", ikeFields)],
    ["IKESET.00.", flatten("IKESET.00.", ikeFields)],
    ["IKEArr.", flatten("IKEArr.", ikeFields)],
    ["IKEArr.0.", flatten("IKEArr.0.", ikeFields)],
    ["ikearr.", flatten("ikearr.", ikeFields)],
    ["ikeSet_0_", flatten("ikeSet_0_", ikeFields)],
    [
      "IKESet. and other letters",
      flatten(
        "IKESet.",
        Object.fromEntries(Object.entries(ikeFields).map(([name, value]) => [name.toUpperCase(), value])),
      ),
    ],
    ["IKESet as JSON", { IKESet: JSON.stringify(ikeFields) }],
    ["IKESet.0 as JSON", { "IKESet.0": JSON.stringify(ikeFields) }],
    ["ikeSet as JSON with a number", { ikeSet: JSON.stringify({ ...ikeFields, ikeSaLifetimeSeconds: 7200 }) }],
    ["IKEArr as JSON with nulls", { IKEArr: JSON.stringify({ ...ikeFields, localAddress: null, remoteAddress: "" }) }],
    [
      "half JSON, half flattened",
      { IKESet: JSON.stringify({ ...ikeFields, dhGroupName: null }), "IKESet.dhGroupName": "group14" },
    ],
  ])("IKE settings come as %s", async (_what, settings) => {
    const conn = await tryBareSettings({ ...settings, preSharedKey: "same for all of them" });
    expect(conn.IKESet).toEqual({ ...ikeFields, localAddress: null, remoteAddress: null });
  });

  it.each<[string, Settings]>([
    ["ipsecSet.0.", flatten("ipsecSet.0.", ipsecFields)],
    ["IPsecSet.", flatten("IPsecSet.", ipsecFields)],
    ["IPsecSet.0.", flatten("IPsecSet.0.", ipsecFields)],
    ["ipsecset.", flatten("ipsecset.", ipsecFields)],
    ["IPSECSET.0.", flatten("IPSECSET.0.", ipsecFields)],
    ["IPSECArr.", flatten("IPSECArr.", ipsecFields)],
    ["IPSECArr.0.", flatten("IPSECArr.0.", ipsecFields)],
    ["ipsecSet_0_", flatten("ipsecSet_0_", ipsecFields)],
    ["IPsecSet as JSON", { IPsecSet: JSON.stringify(ipsecFields) }],
    ["IPsecSet.0 as JSON", { "IPsecSet.0": JSON.stringify(ipsecFields) }],
    [
      "ipsecSet as JSON with numbers",
      { ipsecSet: JSON.stringify({ ...ipsecFields, ipsecSaLifetimeSeconds: 1800, ipsecSaLifetimeTraffic: 100000 }) },
    ],
    ["IPSECArr as JSON", { IPSECArr: JSON.stringify(ipsecFields) }],
  ])("IPsec settings come as %s", async (_what, settings) => {
    const { ipsec } = await trySettings(settings);
    expect(ipsec).toEqual({ ...ipsecShown, encapMode: "tunnel", securityProto: "ESP" });
  });

  it.each<[Settings, string]>([
    [{ "IKESet.1.dhGroupName": "group2" }, "IKESet.1.dhGroupName"],
    [{ "ipsecSet.0.pfsDhGroup": "null", "ipsecSet.1.pfsDhGroup": "null" }, "ipsecSet.1.pfsDhGroup"],
    [{ "IKESet.1": "{}" }, "IKESet.1"],
    [{ IKESet: "main" }, "IKESet"],
    [{ IPsecSet: '["null"]' }, "IPsecSet"],
    [{ IKESet: '{"dhGroupName":{"a":1}}' }, "IKESet"],
    [{ IKESet: '{"dhGroupName":"group1","dhGroupName":"group2"}' }, "IKESet"],
    [{ IKESet: '{"dhGroupName":"group1"' }, "IKESet"],
    [{ IKESet: '{"dhGroupName":true}' }, "IKESet.dhGroupName"],
  ])("refuse %o", async (settings, named) => {
    await refuse(settings, named);
  });
});

describe("each parameter", () => {
  it.each([
    ["propoEncryAlgorithm", ["3des-cbc", "aes-cbc-128", "aes-cbc-192", "aes-cbc-256", "des-cbc"]],
    ["propoAuthenAlgorithm", ["md5", "sha"]],
    ["exchangeMode", ["main", "aggressive"]],
    ["dhGroupName", ["group1", "group2", "group5", "group14", "group24"]],
    ["ikeSaLifetimeSeconds", ["60", "61", "604799", "604800"]],
    ["remoteIdentity", ["address"]],
    ["localIdentity", ["address"]],
  ])("ikeSet.0.%s takes %o", async (name, values) => {
    for (const value of values) {
      expect((await trySettings({ [`ikeSet.0.${name}`]: value })).ike[name]).toBe(value);
      expect((await trySettings({ [`ikeSet.0.${name}`]: value.toUpperCase() })).ike[name]).toBe(value);
    }
  });

  it.each([
    ["encryptAlgorithm", ["3des-cbc", "aes-cbc-128", "aes-cbc-192", "aes-cbc-256", "des-cbc", "null"]],
    ["pfsDhGroup", ["null", "dh-group1", "dh-group2", "dh-group5", "dh-group14", "dh-group24"]],
    ["ipsecSaLifetimeSeconds", ["180", "181", "604799", "604800"]],
    ["ipsecSaLifetimeTraffic", ["2560", "604800", "604801", "1843200", "4294967295"]],
  ])("ipsecSet.0.%s takes %o", async (name, values) => {
    for (const value of values) {
      expect((await trySettings({ [`ipsecSet.0.${name}`]: value })).ipsec[name]).toBe(value);
      expect((await trySettings({ [`ipsecSet.0.${name}`]: value.toUpperCase() })).ipsec[name]).toBe(value);
    }
  });

  it("takes sha and sha1 in both phases, and shows sha in the first and sha1 in the second", async () => {
    for (const sha of ["sha", "sha1", "SHA1"]) {
      const names = { "IKESet.propoAuthenAlgorithm": sha, "IPsecSet.integrityAlgorith": sha };
      const { ike, ipsec } = await trySettings(names);
      expect(ike.propoAuthenAlgorithm).toBe("sha");
      expect(ipsec.integrityAlgorith).toBe("sha1");
    }
  });

  it.each(["integrityAlgorith", "integrityAlgorithm"])("takes the spelling %s", async (name) => {
    for (const [value, shown] of [
      ["md5", "md5"],
      ["sha", "sha1"],
      ["sha1", "sha1"],
    ] as const) {
      expect((await trySettings({ [`ipsecSet.0.${name}`]: value })).ipsec.integrityAlgorith).toBe(shown);
    }
  });

  it.each([
    ["IKESet.propoEncryAlgorithm", ["null", "aes", "aes-cbc-512", "3des", "aes-cbc-128 "]],
    ["IKESet.propoAuthenAlgorithm", ["sha256", "sha2", "null", "0"]],
    ["IKESet.exchangeMode", ["quick", "ikev2", "1"]],
    ["IKESet.localIdentity", ["email", "ip"]],
    ["IKESet.remoteIdentity", ["asn1dn", "FQDN."]],
    ["IKESet.dhGroupName", ["group0", "group3", "group15", "2", "dh-group2", "group"]],
    [
      "IKESet.ikeSaLifetimeSeconds",
      ["59", "604801", "0", "-60", "60.0", "6e1", "0x3c", " 60", "sixty", "9".repeat(400)],
    ],
    ["IKESet.encryptAlgorithm", ["aes", "none"]],
    ["IPsecSet.encryptAlgorithm", ["aes-gcm", "none", "NULL\u0130"]],
    ["IPsecSet.integrityAlgorith", ["sha256", "null"]],
    ["IPsecSet.integrityAlgorithm", ["sha256", "null"]],
    ["IPsecSet.ipsecSaLifetimeSeconds", ["179", "604801", "-1", "1h"]],
    ["IPsecSet.ipsecSaLifetimeTraffic", ["2559", "4294967296", "-2560", "2560KB"]],
    ["IPsecSet.pfsDhGroup", ["disable", "dh-group15", "group2", "dh-group"]],
    ["encryptAlgorithm", ["aes"]],
  ])("%s refuses %o", async (name, values) => {
    for (const value of values) await refuse({ [name]: value }, name);
  });
});

describe("encryptAlgorithm", () => {
  const [bare, ike, ipsec] = [
    { encryptAlgorithm: "des-cbc" },
    { "ikeSet.0.encryptAlgorithm": "aes-cbc-128" },
    { "ipsecSet.0.encryptAlgorithm": "aes-cbc-256" },
  ];
  it.each<[string, Settings, string]>([
    ["bare", bare, "des-cbc"],
    ["in the IKE set, where the tables have it", ike, "aes-cbc-128"],
    ["in the IPsec set", ipsec, "aes-cbc-256"],
    ["in the IKE set rather than bare", { ...bare, ...ike }, "aes-cbc-128"],
    ["in the IPsec set rather than bare", { ...bare, ...ipsec }, "aes-cbc-256"],
    ["in the IPsec set rather than in the IKE set", { ...ipsec, ...ike }, "aes-cbc-256"],
    ["in the IPsec set before all", { ...ike, ...ipsec, ...bare }, "aes-cbc-256"],
    ["null in the IPsec set", { ...ike, "IPsecSet.encryptAlgorithm": "null" }, "null"],
  ])("counts %s", async (_what, settings, expected) => {
    const { ike: shownIke, ipsec: shownIpsec } = await trySettings(settings);
    expect(shownIpsec.encryptAlgorithm).toBe(expected);
    expect(shownIke.propoEncryAlgorithm).toBe("3des-cbc");
    expect(shownIke).not.toHaveProperty("encryptAlgorithm");
  });
});
