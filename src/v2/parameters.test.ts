import { describe, expect, it } from "vitest";
import { ApiError } from "../errors.ts";
import { ParameterReader } from "./parameters.ts";
import { actionParameters, readParameters } from "./request.ts";

function readerOf(values: Record<string, string>): ParameterReader {
  return new ParameterReader(new Map(Object.entries(values)));
}

function readerOfQuery(query: string): ParameterReader {
  const raw = { method: "GET", host: undefined, path: "/", query, contentType: undefined, body: undefined };
  return new ParameterReader(actionParameters(readParameters(raw)));
}

function expectRefusal(run: () => unknown, field: string, message?: string): void {
  expect(run).toThrow(ApiError);
  const expected = { kind: "parameter-invalid", field, message: expect.stringContaining(message ?? "") };
  expect(run).toThrow(expect.objectContaining(expected));
}

describe("scalars", () => {
  it("reads text, required or not", () => {
    const reader = readerOf({ vpcId: "vpc-1" });
    expect(reader.text("vpcId")).toBe("vpc-1");
    expect(reader.text("vpcid")).toBeUndefined();
    expect(reader.requireText("vpcId")).toBe("vpc-1");
    expectRefusal(() => reader.requireText("vpnGwId"), "vpnGwId", "missing");
  });

  it("reads whole numbers strictly", () => {
    const reader = readerOf({ a: "20", b: "-5", c: "007", d: "-0", e: "9007199254740991" });
    expect(["a", "b", "c", "d", "e", "x"].map((name) => reader.integer(name))).toEqual([
      20,
      -5,
      7,
      0,
      Number.MAX_SAFE_INTEGER,
      undefined,
    ]);
    for (const value of ["1.0", "1e3", " 1", "1 ", "+1", "0x10", "--1", "-", "ten", "9007199254740992", "1\n", "١"]) {
      expectRefusal(() => readerOf({ limit: value }).integer("limit"), "limit", "whole number");
    }
  });

  it("names the range it wanted", () => {
    const range = [1, 50] as const;
    expect(readerOf({ limit: "50" }).integer("limit", range)).toBe(50);
    for (const value of ["0", "51", "-1", "x"]) {
      expectRefusal(() => readerOf({ limit: value }).integer("limit", range), "limit", "from 1 to 50");
    }
  });

  it("reads flags as Python and Node write them", () => {
    for (const value of ["1", "true", "True", "TRUE"]) expect(readerOf({ f: value }).flag("f")).toBe(true);
    for (const value of ["0", "false", "False"]) expect(readerOf({ f: value }).flag("f")).toBe(false);
    expect(readerOf({}).flag("f")).toBeUndefined();
    for (const value of ["2", "yes", "01"]) expectRefusal(() => readerOf({ f: value }).flag("f"), "f", "true");
  });

  it("reads choices in any case and lists them when refusing, without the value", () => {
    const table = { "aes-cbc-128": "aes128", "3DES-cbc": "3des" } as const;
    expect(readerOf({ a: "AES-CBC-128" }).choice("a", table)).toBe("aes128");
    expect(readerOf({ a: "3des-CBC" }).choice("a", table)).toBe("3des");
    expect(readerOf({}).choice("a", table)).toBeUndefined();
    for (const value of ["rot13", "__proto__", "constructor"]) {
      const run = () => readerOf({ a: value }).choice("a", table);
      expectRefusal(run, "a", "aes-cbc-128, 3DES-cbc");
      expect(run).not.toThrow(value);
    }
  });

  it("knows what was not read", () => {
    const reader = readerOf({ vpcId: "v", "a.0": "1", extra: "x", "IKESet.dhGroupName": "group2", "b.0": "2" });
    reader.text("vpcId");
    reader.list("a");
    reader.section(["ikeset"]);
    reader.integer("absent");
    expect(reader.unread()).toEqual(["extra", "b.0"]);
  });
});

describe("list", () => {
  it("reads in order of index, with gaps", () => {
    expect(readerOf({ "a.10": "c", "a.2": "b", "a.0": "a", "ab.0": "x" }).list("a")).toEqual(["a", "b", "c"]);
  });

  it("takes a scalar for a list of one", () => {
    expect(readerOf({ subnetId: "s" }).list("subnetId")).toEqual(["s"]);
    expect(readerOf({ subnetId: "s", "subnetId.0": "t" }).list("subnetId")).toEqual(["t"]);
    expect(readerOf({}).list("subnetId")).toBeUndefined();
  });

  it("refuses what is no index, and too many", () => {
    expectRefusal(() => readerOf({ "a.0": "1", "a.x": "2" }).list("a"), "a.x", "a.0, a.1");
    expectRefusal(() => readerOf({ "a.0.b": "1" }).list("a"), "a.0.b");
    expectRefusal(() => readerOf({ "a.-1": "1" }).list("a"), "a.-1");
    const many = (count: number) =>
      readerOf(Object.fromEntries(Array.from({ length: count }, (_, index) => [`a.${index}`, "v"])));
    expect(many(1_000).list("a")).toHaveLength(1_000);
    expectRefusal(() => many(1_001).list("a"), "a", "1000");
  });
});

describe("section", () => {
  const prefixes = ["IKESet", "IKEArr"];

  it.each([
    { "IKESet.dhGroupName": "group2", "IKESet.ikeSaLifetimeSeconds": "500" },
    { "IKESet.0.dhGroupName": "group2", "IKESet.0.ikeSaLifetimeSeconds": "500" },
    { "ikeSet.0.dhgroupname": "group2", "ikeSet.0.IKESALIFETIMESECONDS": "500" },
    { "ikearr.0.dhGroupName": "group2", "ikeSet.ikeSaLifetimeSeconds": "500" },
    { IKESet: '{"dhGroupName":"group2","ikeSaLifetimeSeconds":500,"localFqdnName":"","remoteAddress":null}' },
    { "ikeSet.0": ' {"DHGroupName":"group2","ikeSaLifetimeSeconds":"500"}' },
  ])("reads %j", (values) => {
    const section = readerOf(values).section(prefixes);
    expect(section.isEmpty).toBe(false);
    expect(section.choice("dhGroupName", { group1: "1", group2: "2" })).toBe("2");
    expect(section.integer("ikeSaLifetimeSeconds", [60, 604_800])).toBe(500);
    expect(section.text("localFqdnName")).toBeUndefined();
    expect(section.text("remoteAddress")).toBeUndefined();
  });

  it("is empty when absent, and keeps similar names out", () => {
    const section = readerOf({ IKESets: "{}", "IKESetX.dhGroupName": "group2", vpcId: "v" }).section(prefixes);
    expect(section.isEmpty).toBe(true);
    expectRefusal(() => section.requireText("dhGroupName"), "IKESet.dhGroupName", "missing");
  });

  it("lets the last of a field given twice stand", () => {
    const values = { "ikeSet.0.dhGroupName": "group1", "IKESet.dhGroupName": "group2" };
    expect(readerOf(values).section(prefixes).text("dhGroupName")).toBe("group2");
  });

  it("refuses by the name that was sent", () => {
    const integer = (values: Record<string, string>) => () =>
      readerOf(values).section(prefixes).integer("ikeSaLifetimeSeconds", [60, 604_800]);
    expectRefusal(integer({ "ikeSet.0.ikeSaLifetimeSeconds": "5" }), "ikeSet.0.ikeSaLifetimeSeconds", "604800");
    expectRefusal(integer({ IKESet: '{"ikeSaLifetimeSeconds":5.5}' }), "IKESet.ikeSaLifetimeSeconds");
  });

  it("refuses a second element", () => {
    expectRefusal(() => readerOf({ "IKESet.1.dhGroupName": "group2" }).section(prefixes), "IKESet.1.dhGroupName", "0");
    expectRefusal(() => readerOf({ "IKESet.1": "{}" }).section(prefixes), "IKESet.1");
  });

  it.each(["x", "[]", '"a"', "5", "null", "{", '{"a":{}}', '{"a":[]}', '{"a":"1","a":"2"}', "[".repeat(100_000)])(
    "refuses the JSON text %.30s",
    (text) => {
      expectRefusal(() => readerOf({ IKESet: text }).section(prefixes), "IKESet");
    },
  );

  it("is not deceived by names of Object.prototype", () => {
    const section = readerOf({ IKESet: '{"__proto__":"x"}' }).section(prefixes);
    expect(section.text("toString")).toBeUndefined();
    expect(section.text("__proto__")).toBe("x");
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe("requests seen on the wire (api-v2.md 10)", () => {
  const common = "Action=AddVpnConnEx&Region=gz&SecretId=AKID&Timestamp=1465185768&Signature=x";

  it("reads the CLI's", () => {
    const reader = readerOfQuery(
      "IKESet.propoEncryAlgorithm=aes-cbc-128&IKESet.encryptAlgorithm=aes-cbc-128&IPsecSet.0.integrityAlgorith=sha" +
        "&preSharedKey=dgdgd33&spdAcl.10.0.0.5%2F24.0=172.123.10.5%2F16&userGwCidrBlock.0=10.56.20.1%2F24" +
        `&userGwCidrBlock.1=10.57.0.0%2F16&userGwId=cgw-1&vpcId=vpc-1&vpnGwId=vpngw-1&${common}` +
        "&Nonce=4613384016597700200&RequestSource=qcloudcli_1.9.19",
    );
    expect(reader.networksByLocal("spdAcl")).toEqual([{ local: "10.0.0.5/24", peers: ["172.123.10.5/16"] }]);
    expect(reader.list("userGwCidrBlock")).toEqual(["10.56.20.1/24", "10.57.0.0/16"]);
    const ike = reader.section(["ikeSet"]);
    expect(ike.text("propoEncryAlgorithm")).toBe("aes-cbc-128");
    expect(ike.text("encryptAlgorithm")).toBe("aes-cbc-128");
    expect(reader.section(["ipsecSet"]).text("integrityAlgorith")).toBe("sha");
    expect(reader.unread()).toEqual(["preSharedKey", "userGwId", "vpcId", "vpnGwId"]);
  });

  it("reads PY's", () => {
    const reader = readerOfQuery(
      "vpcId=vpc-1&vpnConnName=%E4%B8%AD%E6%96%87+a%2Bb%26c&spdAcl.10.0.0.0%2F24.0=172.16.0.0%2F16" +
        "&spdAcl.10.0.0.0%2F24.1=172.17.0.0%2F16&userGwCidrBlock.0=10.0.0.0%2F8&IKESet.propoEncryAlgorithm=des-cbc&a_b=c_d" +
        `&RequestClient=SDK_PYTHON_2.0.15&Nonce=2422787917776393449&SignatureMethod=HmacSHA256&${common}`,
    );
    expect(reader.text("vpnConnName")).toBe("中文 a+b&c");
    expect(reader.networksByLocal("spdAcl")).toEqual([
      { local: "10.0.0.0/24", peers: ["172.16.0.0/16", "172.17.0.0/16"] },
    ]);
    expect(reader.text("a.b")).toBe("c_d");
  });
});

describe("lists of objects", () => {
  const read = (values: Record<string, string>) =>
    readerOf(values)
      .sections("set")
      .map((each) => [each.text("name"), each.text("size")]);
  const both = [
    ["a", "1"],
    ["b", "2"],
  ];

  it.each<[string, Record<string, string>]>([
    ["one by one", { "set.0.name": "a", "set.0.size": "1", "set.1.name": "b", "set.1.size": "2" }],
    ["in any order, with gaps", { "set.9.size": "2", "set.3.name": "a", "set.9.name": "b", "set.3.size": "1" }],
    ["by number and not by text", { "set.10.name": "b", "set.10.size": "2", "set.9.name": "a", "set.9.size": "1" }],
    ["with fields in any case", { "set.0.NAME": "a", "set.0.Size": "1", "set.1.name": "b", "set.1.size": "2" }],
    ["as one JSON text", { set: '[{"name":"a","size":1},{"name":"b","size":"2"}]' }],
    ["as a JSON text each", { "set.0": '{"name":"a","size":1}', "set.1": '{"name":"b","size":2}' }],
    ["half as JSON text", { "set.0": '{"name":"a"}', "set.0.size": "1", "set.1": '{"name":"b","size":2}' }],
  ])("are read %s", (_how, values) => {
    expect(read(values)).toEqual(both);
  });

  it.each<[string, Record<string, string>]>([
    ["without an index", { "set.name": "a", "set.size": "1" }],
    ["as one JSON object", { set: '{"name":"a","size":1}' }],
  ])("of one are read %s", (_how, values) => {
    expect(read(values)).toEqual([["a", "1"]]);
  });

  it("are empty when there is nothing", () => {
    for (const values of [{}, { set: "[]" }, { settings: "x", "sets.0.name": "y" }]) expect(read(values)).toEqual([]);
  });

  it("name the element of a field that is missing, or wrong", () => {
    const [, second] = readerOf({ "set.0.name": "a", "set.4.size": "x" }).sections("set");
    expectRefusal(() => second?.requireText("name"), "set.4.name", "missing");
    expectRefusal(() => second?.integer("size"), "set.4.size", "whole number");
    const [, json] = readerOf({ set: '[{"name":"a"},{"size":"x"}]' }).sections("set");
    expectRefusal(() => json?.requireText("name"), "set.1.name", "missing");
    expectRefusal(() => json?.integer("size"), "set.1.size", "whole number");
  });

  it.each([
    ["x", "set"],
    ["1", "set"],
    ["null", "set"],
    ['{"name":{}}', "set"],
    ['{"name":["a"]}', "set"],
    ['[{"name":{}}]', "set"],
    ["[1]", "set.0"],
    ["[[]]", "set.0"],
    ['[{"name":"a"},null]', "set.1"],
  ])("are not made of %s", (set, field) => {
    expectRefusal(() => read({ set }), field, "JSON");
  });

  it("hold a name once, and have an end", () => {
    expectRefusal(() => read({ set: '[{"name":"a","name":"b"}]' }), "set", "twice");
    const long = JSON.stringify(Array.from({ length: 1_001 }, (_, index) => ({ name: `${index}` })));
    expectRefusal(() => read({ set: long }), "set", "at most 1000");
  });
});
