import fc from "fast-check";
import { expect, test } from "vitest";
import { type DecodedMessage, decodeMessage, encodeMessage, type ViciMessage, type ViciValue } from "./codec.ts";
import { ViciError } from "./errors.ts";

// The encoding example of the vici plugin's README, strongSwan 5.9.8, element by element.
const exampleMessage = {
  key1: "value1",
  section1: { "sub-section": { key2: "value2" }, list1: ["item1", "item2"] },
};
const exampleBytes = Buffer.from(
  [
    "0304 6b657931 0006 76616c756531", // key1 = value1
    "0108 73656374696f6e31", // section1
    "010b 7375622d73656374696f6e", // sub-section
    "0304 6b657932 0006 76616c756532", // key2 = value2
    "02", // sub-section end
    "0405 6c69737431", // list1
    "05 0005 6974656d31", // item1
    "05 0005 6974656d32", // item2
    "06", // list1 end
    "02", // section1 end
  ]
    .join("")
    .replaceAll(" ", ""),
  "hex",
);

test("encodes the example of the vici README byte by byte", () => {
  expect(encodeMessage(exampleMessage).toString("hex")).toBe(exampleBytes.toString("hex"));
});

test("decodes the example of the vici README", () => {
  expect(decodeMessage(exampleBytes)).toEqual(exampleMessage);
});

test.each<[string, ViciMessage, string]>([
  ["the empty message", {}, ""],
  ["an entry that is undefined", { a: undefined, b: "1" }, "0301620001" + "31"],
  ["an empty value", { a: "" }, "0301610000"],
  ["an empty name", { "": "x" }, "03000001" + "78"],
  ["an empty list", { a: [] }, "040161" + "06"],
  ["an empty section", { a: {} }, "010161" + "02"],
  ["bytes that are no text", { a: Buffer.from([0, 255, 3]) }, "0301610003" + "00ff03"],
  ["a text of several bytes a character", { a: "é€" }, "0301610005" + "c3a9e282ac"],
  ["a value longer than 255 bytes", { a: "x".repeat(300) }, `030161012c${"78".repeat(300)}`],
])("encodes %s", (_, message, hex) => {
  expect(encodeMessage(message).toString("hex")).toBe(hex);
});

test("takes names and values up to the limit of their length fields", () => {
  const name = "n".repeat(255);
  const value = "v".repeat(65_535);
  const message = { [name]: value, list: [value], section: { [name]: [] } };
  expect(decodeMessage(encodeMessage(message))).toEqual(message);
});

test.each<[string, ViciMessage]>([
  ["a name", { ["n".repeat(256)]: "" }],
  ["the name of a section", { ["n".repeat(256)]: {} }],
  ["a value", { key: "v".repeat(65_536) }],
  ["a value whose bytes are more than its characters", { key: "é".repeat(32_768) }],
  ["a binary value", { key: Buffer.alloc(65_536, "v") }],
  ["a list item", { list: ["", "v".repeat(65_536)] }],
])("refuses %s over the limit", (_, message) => {
  expect(() => encodeMessage(message)).toThrow(expect.objectContaining({ name: "ViciError", kind: "too-large" }));
});

test("names the key of a value that is too long, and not the value", () => {
  const encode = () => encodeMessage({ secrets: { data: "swordfish".repeat(10_000) } });
  expect(encode).toThrow("the value of data has 90000 bytes, 65535 at most");
});

test.each(["é", "a\n", "\0", "\x7f"])("refuses the name %j, which charon would not answer", (name) => {
  expect(() => encodeMessage({ [name]: "" })).toThrow(expect.objectContaining({ kind: "protocol" }));
});

test("keeps __proto__ and the names of Object.prototype as plain keys", () => {
  const message = Object.fromEntries([["__proto__", { polluted: "yes" }] as const, ["toString", "x"] as const]);
  const decoded = decodeMessage(encodeMessage(message));
  expect(Object.keys(decoded)).toEqual(["__proto__", "toString"]);
  expect(Object.getPrototypeOf(decoded)).toBeNull();
  expect(decoded.hasOwnProperty).toBeUndefined();
  expect("polluted" in {}).toBe(false);
});

test("keeps the last value of a key that comes twice", () => {
  expect(decodeMessage(Buffer.from("0301610001" + "31" + "0301610001" + "32", "hex"))).toEqual({ a: "2" });
});

test.each([
  ["an unknown element", "07"],
  ["element 0", "00"],
  ["a name that is cut off", "030261"],
  ["a key without a value", "030161"],
  ["a value length that is cut off", "03016100"],
  ["a value that is cut off", "030161000261"],
  ["a list item outside a list", "05000161"],
  ["a list end outside a list", "06"],
  ["a list inside a list", "040161" + "040162" + "0606"],
  ["a section inside a list", "040161" + "010162" + "0206"],
  ["a list that stays open", "040161"],
  ["a section that stays open", "010161"],
  ["a section end too many", "02"],
])("refuses %s", (_, hex) => {
  expect(() => decodeMessage(Buffer.from(hex, "hex"))).toThrow(expect.objectContaining({ kind: "protocol" }));
});

test("decodes a packet full of nested sections without running out of stack", () => {
  const depth = 131_072;
  const bytes = Buffer.concat([Buffer.from("0100".repeat(depth), "hex"), Buffer.alloc(depth, 2)]);
  let section: DecodedMessage | string | string[] | undefined = decodeMessage(bytes);
  let count = 0;
  for (; typeof section === "object" && !Array.isArray(section); count++) section = section[""];
  expect(count).toBe(depth + 1);
});

const key = fc.oneof(
  { weight: 9, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "n".repeat(255)) },
);
const scalar = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const { message: anyMessage } = fc.letrec<{ message: ViciMessage; value: ViciValue | undefined }>((tie) => ({
  message: fc.array(fc.tuple(key, tie("value"))).map((entries) => Object.fromEntries(entries)),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(scalar),
    fc.constant(undefined),
    tie("message"),
  ),
}));

test("a decoded message is the encoded one, in its order, with bytes read as text", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const expected = JSON.stringify(message, function (this: Record<string, unknown>, name, value: unknown) {
        const raw = this[name];
        return Buffer.isBuffer(raw) ? raw.toString("utf8") : value;
      });
      expect(JSON.stringify(decodeMessage(encodeMessage(message)))).toBe(expected);
    }),
  );
});

test("arbitrary bytes are a message or a protocol error", () => {
  const elements = fc.array(fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 255 })));
  fc.assert(
    fc.property(elements, (bytes) => decodesOrRefuses(Buffer.from(bytes))),
    { numRuns: 2000 },
  );
});

test("a damaged or truncated message is a message or a protocol error", () => {
  fc.assert(
    fc.property(anyMessage, fc.nat(), fc.nat(255), fc.nat(), (message, at, byte, end) => {
      const bytes = encodeMessage(message);
      decodesOrRefuses(bytes.subarray(0, end % (bytes.length + 1)));
      if (bytes.length > 0) bytes[at % bytes.length] = byte;
      decodesOrRefuses(bytes);
    }),
    { numRuns: 1000 },
  );
});

function decodesOrRefuses(bytes: Buffer): void {
  try {
    decodeMessage(bytes);
  } catch (error) {
    if (!(error instanceof ViciError)) throw error;
    expect(error.kind).toBe("protocol");
  }
}
