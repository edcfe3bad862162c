import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "../errors.ts";
import { readMultipart } from "./multipart.ts";

const type = (boundary: string) => `multipart/form-data; boundary=${boundary}`;
const read = (body: string | Buffer, contentType = type("x")) =>
  readMultipart(Buffer.from(body as string), contentType);
const part = (name: string, value: string, more = "") =>
  `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;

function refusalOf(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** As JAVA and NETSDK write it: every delimiter has its line break before it, the first one too (api-v2.md 1.1). */
function asVendor(pairs: readonly (readonly [string, string])[], boundary: string): string {
  const parts = pairs.map(
    ([name, value]) => `\r\n--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}`,
  );
  return `${parts.join("")}\r\n--${boundary}--\r\n`;
}

/** As browsers, curl and most libraries do. */
function asUsual(pairs: readonly (readonly [string, string])[], boundary: string): string {
  const quote = (name: string) => name.replaceAll(/["\\]/g, "\\$&");
  const parts = pairs.map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"\r\nContent-Type: text/plain\r\n\r\n${value}\r\n`,
  );
  return `${parts.join("")}--${boundary}--\r\n`;
}

const pairs = [
  ["Action", "AddVpnConnEx"],
  ["userGwCidrBlock.0", "10.56.20.1/24"],
  ["a_b", "c_d"],
  ["vpnConnName", "办公室 a+b&c=%41 é"],
  ["preSharedKey", "@home\r\n--y"],
  ["description", ""],
] as const;

describe("readMultipart", () => {
  it.each([
    ["the Java SDK", asVendor, `${"-".repeat(27)}0123456789abcde`],
    ["the .NET SDK", asVendor, `${"-".repeat(15)}8d1c2d3e4f5a6b7`],
    ["curl -F", asUsual, `${"-".repeat(24)}d74496d66958873e`],
  ] as const)("reads what %s sends, names, values and order as sent", (_who, write, boundary) => {
    expect([...read(write(pairs, boundary), type(boundary))]).toEqual(pairs);
    expect([...read(write(pairs, boundary), `Multipart/Form-Data;charset=utf-8; Boundary="${boundary}"`)]).toEqual(
      pairs,
    );
  });

  it("reads other headers of a part past their meaning", () => {
    const headers = [
      "content-disposition:form-data ;name=a",
      'Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: base64\r\nCONTENT-DISPOSITION: Form-Data; name="a"',
      'Content-Disposition: form-data;\r\n name="a"',
    ];
    for (const each of headers) expect(read(`--x\r\n${each}\r\n\r\né=\r\n--x--`)).toEqual(new Map([["a", "é="]]));
  });

  it("takes blanks after a boundary, text before the first and after the last, and no line break at the end", () => {
    const body = `preamble\r\n${part("a", "1").replace("--x", "--x \t")}--x--`;
    expect(read(body)).toEqual(new Map([["a", "1"]]));
    expect(read(`${body}\r\nepilogue`)).toEqual(new Map([["a", "1"]]));
    expect(read("--x--\r\n").size).toBe(0);
  });

  it("takes a line that only begins like a boundary for text", () => {
    for (const value of ["--xy", "\r\n--xy", "\r\n--x-", "\r\n--x--y", "\r\n--x \ty", "\n--x\n", "\r--x"]) {
      expect(read(`${part("a", value)}--x--`).get("a")).toBe(value);
    }
  });

  it("lets the later of two values stand, in its place, and ignores what has no name", () => {
    expect([...read(`${part("a", "1")}${part("b", "2")}${part("", "?")}${part("a", "3")}--x--`)]).toEqual([
      ["b", "2"],
      ["a", "3"],
    ]);
  });

  it.each(["constructor", "__proto__", 'a"b', "a\\b", "办公室"])("takes the name %s", (name) => {
    expect([...read(asUsual([[name, "v"]], "x"))]).toEqual([[name, "v"]]);
  });

  it.each([
    ["nothing", ""],
    ["no boundary", "hello"],
    ["another boundary", asUsual(pairs, "y")],
    ["no last boundary", part("a", "1")],
    ["half a last boundary", `${part("a", "1")}--x-`],
    ["line feeds alone", `${part("a", "1")}--x--`.replaceAll("\r\n", "\n")],
  ])("refuses a body with %s as cut off", (_what, body) => {
    expect(refusalOf(() => read(body))).toMatchObject({
      kind: "parameter-invalid",
      message: expect.stringContaining("boundary is missing"),
    });
  });

  it.each([
    ["no headers", "--x\r\n\r\nv\r\n--x--"],
    ["nothing", "--x\r\n--x--"],
    ["no end of its headers", '--x\r\nContent-Disposition: form-data; name="a"\r\n--x--'],
    ["another disposition", '--x\r\nContent-Disposition: attachment; name="a"\r\n\r\nv\r\n--x--'],
    ["no name", "--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--"],
    ["two names", part("a", "v", '; name="b"').concat("--x--")],
    ["two dispositions", part("a", "v", '\r\nContent-Disposition: form-data; name="b"').concat("--x--")],
    ["open quotes", '--x\r\nContent-Disposition: form-data; name="a\r\n\r\nv\r\n--x--'],
    ["headers beyond 8 KiB", part("a", "v", `\r\nX: ${"x".repeat(8_192)}`).concat("--x--")],
  ])("refuses a part with %s", (_what, body) => {
    expect(refusalOf(() => read(body))).toMatchObject({
      kind: "parameter-invalid",
      message: expect.stringContaining("Content-Disposition"),
    });
  });

  it.each(['; filename="key.txt"', "; filename=key.txt", '; filename=""', "; filename*=UTF-8''key.txt"])(
    "refuses a file by its parameter's name: %s",
    (more) => {
      const error = refusalOf(() => read(`${part("preSharedKey", "dgdgd33", more)}--x--`));
      expect(error).toMatchObject({ kind: "parameter-invalid", field: "preSharedKey" });
      expect(error.message).not.toContain("dgdgd33");
    },
  );

  it.each([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe4, 0xb8], [0x61, 0x00]])(
    "refuses bytes that are no text (%#) in a value by its name, and in a name",
    (...bytes) => {
      const whole = Buffer.from(`${part("vpcId", "@@")}--x--`);
      const [before, after] = whole.toString("latin1").split("@@");
      const inValue = Buffer.concat([Buffer.from(before ?? ""), Buffer.from(bytes), Buffer.from(after ?? "")]);
      expect(refusalOf(() => read(inValue))).toMatchObject({ kind: "parameter-invalid", field: "vpcId" });
      const inName = Buffer.from(part("@@", "v").replace("@@", Buffer.from(bytes).toString("latin1")), "latin1");
      const error = refusalOf(() => read(Buffer.concat([inName, Buffer.from("--x--")])));
      expect(error).toMatchObject({ kind: "parameter-invalid", field: undefined });
    },
  );

  it.each(["", ";boundary=", '; boundary=""', `; boundary=${"x".repeat(71)}`, '; boundary="x "', "; boundary=é"])(
    "refuses the type multipart/form-data%s",
    (parameters) => {
      const error = refusalOf(() => read(`${part("a", "1")}--x--`, `multipart/form-data${parameters}`));
      expect(error.message).toContain("boundary");
    },
  );

  it("takes 2000 parts and refuses one more", () => {
    const parts = (count: number) => Array.from({ length: count }, (_, index) => part(`p.${index}`, "1")).join("");
    expect(read(`${parts(2_000)}--x--`).size).toBe(2_000);
    expect(refusalOf(() => read(`${parts(2_001)}--x--`)).message).toContain("2000");
  });

  it.each(["\r\n", "\r\n--x", "\r\n--x\r\n", "\r\n--xy", "--x", "\r\n--x ", "\r\n\r\n", " ", '; a="', '\\"', "\r\n "])(
    "is linear in 1 MiB of %j",
    (piece) => {
      const text = piece.repeat(Math.ceil(2 ** 20 / piece.length));
      const before = performance.now();
      for (const body of [text, `--x${text}`, part("a", text), part(text, "a"), part("a", "b", text)]) {
        for (const contentType of [type("x"), type("x".repeat(70)), `multipart/form-data${text.slice(0, 65_536)}`]) {
          try {
            read(body, contentType);
          } catch (error) {
            expect(error).toBeInstanceOf(ApiError);
          }
        }
      }
      // Quadratic work would take minutes; the bound is loose for a busy machine.
      expect(performance.now() - before).toBeLessThan(5_000);
    },
  );
});

describe("readMultipart, for all input", () => {
  const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));
  const name = text.filter((value) => value !== "" && !/[\r\n]/.test(value));
  const boundary = fc.stringMatching(/^[A-Za-z0-9'()+_,./:=?-]{1,70}$/);
  const list = fc.uniqueArray(fc.tuple(name, text), { selector: ([key]) => key, maxLength: 8 });

  it("gives back what a client wrote", () => {
    fc.assert(
      fc.property(list, boundary, (given, mark) => {
        const fits = given.filter(([, value]) => !`\r\n${value}\r\n`.includes(`\r\n--${mark}`));
        for (const write of [asUsual, (each: typeof fits) => `\r\n${asUsual(each, mark)}`]) {
          expect([...read(write(fits, mark), `multipart/form-data; boundary="${mark}"`)]).toEqual(fits);
        }
      }),
    );
  });

  it("throws nothing but refusals, whatever becomes of a body", () => {
    const change = fc.record({
      at: fc.nat(),
      remove: fc.nat({ max: 12 }),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
        fc
          .constantFrom("\r\n", "--x", "\r\n--x", "--", '"', "\\", ";", "name=", ":", "\r\n\r\n")
          .map((each) => Buffer.from(each)),
      ),
    });
    fc.assert(
      fc.property(list, fc.array(change, { minLength: 1, maxLength: 6 }), (given, changes) => {
        let body = Buffer.from(asUsual(given, "x"));
        for (const { at, remove, insert } of changes) {
          const start = at % (body.length + 1);
          body = Buffer.concat([body.subarray(0, start), insert, body.subarray(start + remove)]);
        }
        try {
          for (const value of read(body).values()) expect(value.isWellFormed()).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
