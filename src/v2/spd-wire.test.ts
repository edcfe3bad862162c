import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "../errors.ts";
import { type LocalNetworks, ParameterReader } from "./parameters.ts";
import { actionParameters } from "./request.ts";

/** As the wire has it: by way of actionParameters, so that `_` in a name counts. */
function read(values: Record<string, string> | [string, string][]): LocalNetworks[] | undefined {
  const entries = Array.isArray(values) ? values : Object.entries(values);
  return new ParameterReader(actionParameters(new Map(entries))).networksByLocal("spdAcl");
}

function expectRefused(values: Record<string, string>): void {
  expect(() => read(values)).toThrow(ApiError);
  expect(() => read(values)).toThrow(expect.objectContaining({ kind: "parameter-invalid", field: "spdAcl" }));
}

const a = "10.0.0.5/24";
const b = "10.0.1.0/24";
const p = "172.123.10.5/16";
const q = "192.168.0.0/24";

describe("networksByLocal", () => {
  const one = [{ local: a, peers: [p] }];

  it.each([
    { spdAcl: `{"${a}":["${p}"]}` },
    { spdAcl: ` { "${a}" : "${p}" } ` },
    { spdAcl: `[{"${a}":["${p}"]}]` },
    { "spdAcl.0": `{"${a}":["${p}"]}` },
    { [`spdAcl.${a}.0`]: p },
    { [`spdAcl.${a}`]: p },
    { [`spdAcl.0.${a}.0`]: p },
    { [`spdAcl.0.${a}`]: p },
    { [`spdAcl_${a.replaceAll(".", "_")}_0`]: p },
  ])("reads %j", (values) => {
    expect(read(values)).toEqual(one);
  });

  it("is undefined when nothing was given", () => {
    expect(read({})).toBeUndefined();
    expect(read({ spdAcl: "", spdAclX: "1", "spdacl.0": "2" })).toBeUndefined();
  });

  it("orders elements and peers by index, locals by arrival", () => {
    expect(read({ [`spdAcl.${b}.1`]: "y", [`spdAcl.${a}.0`]: "z", [`spdAcl.${b}.0`]: "x" })).toEqual([
      { local: b, peers: ["x", "y"] },
      { local: a, peers: ["z"] },
    ]);
    expect(read({ [`spdAcl.10.${b}.0`]: "y", [`spdAcl.2.${a}.10`]: "z", [`spdAcl.2.${a}.9`]: "x" })).toEqual([
      { local: a, peers: ["x", "z"] },
      { local: b, peers: ["y"] },
    ]);
  });

  it("puts equal locals of a list together", () => {
    const expected = [{ local: a, peers: [p, q] }];
    expect(read({ "spdAcl.0": `{"${a}":["${p}"]}`, "spdAcl.1": `{"${a}":["${q}"]}` })).toEqual(expected);
    expect(read({ spdAcl: `[{"${a}":["${p}"]},{"${a}":["${q}"]}]` })).toEqual(expected);
    expect(read({ [`spdAcl.1.${a}.0`]: q, [`spdAcl.0.${a}.5`]: p })).toEqual(expected);
  });

  it.each([
    "x",
    "{",
    "null",
    "5",
    `"${a}"`,
    "{}",
    "[]",
    "[{}]",
    "[[]]",
    `[{},{"${a}":["${p}"]}]`,
    `["x",{"${a}":["${p}"]}]`,
    `{"${a}":[]}`,
    `{"${a}":[[]]}`,
    `{"${a}":{}}`,
    `{"${a}":{"x":"y"}}`,
    `{"${a}":null}`,
    `{"${a}":[5]}`,
    `{"${a}":[""]}`,
    `{"${a}":""}`,
    `{'${a}':['${p}']}`,
    `{"${a}":["${p}"]}x`,
    `{"${a}":["${p}"],"${a}":["${q}"]}`,
    `{"a":["b"],"\\u0061":["c"]}`,
    "[".repeat(2 ** 20),
    `{"${a}":`.repeat(100_000),
    `{"${a}":[${'"x",'.repeat(2_000)}"x"]}`,
  ])("refuses the JSON text %.40s", (text) => {
    expectRefused({ spdAcl: text });
    expectRefused({ "spdAcl.0": text });
  });

  it.each(["x", "10.0.0.0.0", "10.0.0/24.0", `${a}.x`, `${a}.0.0`, `x.${a}.0`, "1.2.10.0.0.0/24.0", "-1", "", "."])(
    "refuses the flattened name spdAcl.%s",
    (rest) => {
      expectRefused({ [`spdAcl.${rest}`]: p });
    },
  );

  it("refuses a mixture with one JSON text for all", () => {
    expectRefused({ spdAcl: `{"${a}":["${p}"]}`, [`spdAcl.${b}.0`]: q });
  });

  it("is not deceived by colons and brackets in strings, nor by __proto__", () => {
    expect(read({ spdAcl: '{"a:b":["[{\\":","::"],"c\\\\":["]"]}' })).toEqual([
      { local: "a:b", peers: ['[{":', "::"] },
      { local: "c\\", peers: ["]"] },
    ]);
    expect(read({ spdAcl: '{"__proto__":["x"],"constructor":["y"]}' })).toEqual([
      { local: "__proto__", peers: ["x"] },
      { local: "constructor", peers: ["y"] },
    ]);
    expect(({} as Record<string, unknown>)[0]).toBeUndefined();
  });

  it("reads the same out of all forms, for all rules", () => {
    const octet = fc.nat(255);
    const network = fc
      .tuple(octet, octet, octet, octet, fc.nat(32))
      .map(([first, second, third, fourth, length]) => `${first}.${second}.${third}.${fourth}/${length}`);
    const rule = fc.record({ local: network, peers: fc.array(network, { minLength: 1, maxLength: 5 }) });
    const rules = fc.uniqueArray(rule, { selector: ({ local }) => local, minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(rules, fc.infiniteStream(fc.nat()), (expected, order) => {
        const shuffle = <T>(items: T[]): T[] => {
          const ranked = items.map((item) => ({ item, rank: order.next().value }));
          return ranked.sort((x, y) => x.rank - y.rank).map(({ item }) => item);
        };
        const text = (some: readonly LocalNetworks[]) =>
          JSON.stringify(Object.fromEntries(some.map(({ local, peers }) => [local, peers])));
        const peersOf = ({ local, peers }: LocalNetworks, prefix: string) =>
          peers.map((peer, index): [string, string] => [`${prefix}.${local}.${index}`, peer]);
        const forms: Record<string, [string, string][]> = {
          text: [["spdAcl", text(expected)]],
          texts: shuffle(expected.map((one, index): [string, string] => [`spdAcl.${index}`, text([one])])),
          flat: expected.flatMap((one) => shuffle(peersOf(one, "spdAcl"))),
          listed: shuffle(expected.flatMap((one, index) => peersOf(one, `spdAcl.${index}`))),
        };
        for (const values of Object.values(forms)) expect(read(values)).toEqual(expected);
      }),
    );
  });

  it("throws nothing but refusals, for all names and values", () => {
    const piece = fc.constantFrom("0", "1.", "10.0.0.0/24", "{", "}", "[", "]", '"', ":", ",", "\\", "a", ".", "_");
    const text = fc.string({ unit: piece, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.oneof(text, fc.json())), { minLength: 1, maxLength: 4 }), (pairs) => {
        try {
          const networks = read(pairs.map(([name, value]) => [name === "" ? "spdAcl" : `spdAcl.${name}`, value]));
          for (const { peers } of networks ?? []) expect(peers.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ kind: "parameter-invalid", field: "spdAcl" });
        }
      }),
    );
  });
});
