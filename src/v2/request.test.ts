import { stringify } from "node:querystring";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "../errors.ts";
import { actionParameters, type RawRequest, readCommon, readParameters } from "./request.ts";

const base: RawRequest = {
  method: "GET",
  host: "vpc.api.qcloud.com",
  path: "/v2/index.php",
  query: "",
  contentType: undefined,
  body: undefined,
};

function get(query: string): RawRequest {
  return { ...base, query };
}

function post(body: string | Buffer, contentType?: string): RawRequest {
  return { ...base, method: "POST", body: Buffer.from(body as string), contentType };
}

function refusalOf(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const ofGet = (query: string) => refusalOf(() => readParameters(get(query)));

describe("readParameters", () => {
  it("keeps names, values and order as sent", () => {
    const parameters = readParameters(get("vpcId=vpc-1&userGwCidrBlock_0=10.56.20.1%2F24&Action=AddVpnConnEx&x=a=b"));
    expect([...parameters]).toEqual([
      ["vpcId", "vpc-1"],
      ["userGwCidrBlock_0", "10.56.20.1/24"],
      ["Action", "AddVpnConnEx"],
      ["x", "a=b"],
    ]);
  });

  it("takes + and %20 for a blank, %2B for a plus", () => {
    expect(readParameters(get("a=1+2%203%2B4")).get("a")).toBe("1 2 3+4");
  });

  it("takes UTF-8 with and without escapes", () => {
    expect(readParameters(get("n=%E5%8A%9E%E5%85%AC%E5%AE%A4")).get("n")).toBe("办公室");
    expect(readParameters(post("n=办公室+%C3%A9é&k=\ufeffx"))).toEqual(
      new Map([
        ["n", "办公室 éé"],
        ["k", "\ufeffx"],
      ]),
    );
  });

  it("never mixes query and body", () => {
    expect(readParameters({ ...post("a=1"), query: "b=2" })).toEqual(new Map([["a", "1"]]));
    expect(readParameters({ ...get("b=2"), body: Buffer.from("a=1") })).toEqual(new Map([["b", "2"]]));
    expect(readParameters({ ...post(""), body: undefined, query: "b=2" }).size).toBe(0);
  });

  it("takes a body without a type, or with the form type in any spelling, for a form", () => {
    for (const type of [undefined, "", "Application/X-WWW-Form-Urlencoded ; charset=UTF-8"]) {
      expect(readParameters(post("a=1", type)).get("a")).toBe("1");
    }
  });

  it("reads a multipart body by its type", () => {
    const body = '\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1 +%41\r\n--x--\r\n';
    for (const type of ["multipart/form-data; boundary=x", "Multipart/Form-Data ; boundary=x"]) {
      expect(readParameters(post(body, type))).toEqual(new Map([["a", "1 +%41"]]));
    }
    expect(
      refusalOf(() => readParameters({ ...post("", "multipart/form-data; boundary=x"), body: undefined })).kind,
    ).toBe("parameter-invalid");
  });

  it("refuses other types and other methods", () => {
    expect(refusalOf(() => readParameters(post("{}", "application/json"))).kind).toBe("parameter-invalid");
    for (const method of ["HEAD", "PUT", "get"]) {
      expect(refusalOf(() => readParameters({ ...base, method })).kind).toBe("parameter-invalid");
    }
  });

  it("lets the later of two values stand, in its place", () => {
    expect([...readParameters(get("a=1&b=2&a=3"))]).toEqual([
      ["b", "2"],
      ["a", "3"],
    ]);
  });

  it("ignores what has no name and keeps what has no value", () => {
    expect(readParameters(get("&&=x&=%zz&a&b=&"))).toEqual(
      new Map([
        ["a", ""],
        ["b", ""],
      ]),
    );
  });

  it.each(["%zz", "%", "%2", "%ff", "%C0%80", "%ED%A0%80", "\xff", "\xe4%B8%AD", "a%00b", "a\0b"])(
    "refuses the value %j by its parameter's name",
    (value) => {
      const error = ofGet(`ok=1&vpcId=${value}`);
      expect(error).toMatchObject({ kind: "parameter-invalid", field: "vpcId" });
      expect(error.message).not.toContain(value);
    },
  );

  it("refuses a malformed name, and text that is not bytes", () => {
    expect(ofGet("%zz=1")).toMatchObject({ kind: "parameter-invalid", field: undefined });
    expect(ofGet("a%00=1")).toMatchObject({ kind: "parameter-invalid", field: undefined });
    expect(ofGet("a=办")).toMatchObject({ kind: "parameter-invalid", field: undefined });
  });

  it("takes 2000 parameters and refuses one more", () => {
    const many = Array.from({ length: 2_000 }, (_, index) => `p.${index}=1`).join("&");
    expect(readParameters(get(many)).size).toBe(2_000);
    expect(ofGet(`${many}&q=1`).kind).toBe("parameter-invalid");
    expect(ofGet("a&".repeat(2_001)).kind).toBe("parameter-invalid");
  });

  it.each(["&", "=", "=&", "a", "a&", "%", "%41", "+", "\xff", "\xc3\xa9"])("is linear in 1 MiB of %j", (piece) => {
    const text = piece.repeat(Math.ceil(2 ** 20 / piece.length));
    const before = performance.now();
    for (const query of [text, `a=${text}`]) {
      try {
        readParameters(get(query));
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
      }
    }
    // Quadratic work would take minutes; the bound is loose for a busy machine.
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

describe("readParameters, for all input", () => {
  const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));

  it("gives back what a client encoded", () => {
    const names = text.filter((name) => name !== "");
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(names, text), { selector: ([name]) => name }), (pairs) => {
        // querystring writes a blank as %20 like NODE, URLSearchParams as + like PY and JAVA.
        const plus = new URLSearchParams(pairs).toString();
        const percent = pairs.map(([name, value]) => stringify({ [name]: value })).join("&");
        for (const encoded of [plus, percent]) {
          expect([...readParameters(get(encoded))]).toEqual(pairs);
          expect([...readParameters(post(encoded))]).toEqual(pairs);
        }
      }),
    );
  });

  it("throws nothing but refusals", () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.string({ unit: fc.constantFrom("%", "a", "0", "F", "&", "=", "+", "\xc3", "\xa9", "\0") }).map((value) => {
        return Buffer.from(value, "latin1");
      }),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const body = Buffer.from(input);
        const readings = [get(body.toString("latin1")), { ...base, method: "POST", body }].map((raw) => {
          try {
            return JSON.stringify([...readParameters(raw)]);
          } catch (error) {
            expect(error).toBeInstanceOf(ApiError);
            return "refused";
          }
        });
        expect(readings[0]).toBe(readings[1]);
      }),
    );
  });
});

describe("readCommon", () => {
  const full = {
    Action: "AddVpnConnEx",
    Region: "gz",
    Timestamp: "1465185768",
    Nonce: "5444289359514150950",
    SecretId: "AKIDz8",
    Signature: "abc=",
    SignatureMethod: "HmacSHA256",
    Token: "t",
  };
  const read = (changes: Record<string, string>) => readCommon(new Map(Object.entries({ ...full, ...changes })));

  it("reads all of them, the nonce as digits", () => {
    expect(read({})).toEqual({
      action: "AddVpnConnEx",
      region: "gz",
      timestamp: 1465185768,
      nonce: "5444289359514150950",
      secretId: "AKIDz8",
      signature: "abc=",
      signatureMethod: "sha256",
      token: "t",
    });
    expect(read({ Region: "", Token: "", SignatureMethod: "" })).toMatchObject({
      region: undefined,
      token: undefined,
      signatureMethod: "sha1",
    });
  });

  it("takes exactly HmacSHA256 for SHA-256, anything else for SHA-1", () => {
    for (const SignatureMethod of ["HmacSHA1", "hmacsha256", "sha256", "HmacSHA256 "]) {
      expect(read({ SignatureMethod }).signatureMethod).toBe("sha1");
    }
  });

  it("takes nonce 0 (NODE) and 20 digits", () => {
    expect(read({ Nonce: "0" }).nonce).toBe("0");
    expect(read({ Nonce: "18446744073709551615" }).nonce).toBe("18446744073709551615");
  });

  it.each([
    ["Timestamp", "-1", -1],
    ["Timestamp", "999999999999999", 999_999_999_999_999],
  ])("takes %s %s", (name, value, expected) => {
    expect(read({ [name]: value }).timestamp).toBe(expected);
  });

  it.each(["Action", "Timestamp", "Nonce", "SecretId", "Signature"])("refuses a missing or empty %s", (name) => {
    expect(refusalOf(() => read({ [name]: "" }))).toMatchObject({ kind: "parameter-invalid", field: name });
    const rest = Object.entries(full).filter(([key]) => key !== name);
    expect(refusalOf(() => readCommon(new Map(rest)))).toMatchObject({ kind: "parameter-invalid", field: name });
  });

  it.each([
    ["Timestamp", "1.5"],
    ["Timestamp", "now"],
    ["Timestamp", "1000000000000000"],
    ["Timestamp", "1465185768\n"],
    ["Nonce", "-5"],
    ["Nonce", "1e5"],
    ["Nonce", "123456789012345678901"],
    ["SecretId", "x".repeat(257)],
    ["Signature", "x".repeat(257)],
    ["Token", "x".repeat(4_097)],
  ])("refuses %s %s", (name, value) => {
    const error = refusalOf(() => read({ [name]: value }));
    expect(error).toMatchObject({ kind: "parameter-invalid", field: name });
    expect(error.message).not.toContain(value);
  });
});

describe("actionParameters", () => {
  const read = (query: string) => [...actionParameters(readParameters(get(query)))];

  it("leaves out the common ones and empty values", () => {
    const common = "Action=A&Region=r&Timestamp=1&Nonce=2&SecretId=s&Signature=x&SignatureMethod=m&Token=t";
    const marks = "RequestClient=c&RequestSource=q&Version=2017-03-12";
    expect(read(`${common}&${marks}&vpcId=vpc-1&vpnConnName=&limit=20`)).toEqual([
      ["vpcId", "vpc-1"],
      ["limit", "20"],
    ]);
  });

  it("reads _ and . in a name as one, the last spelling winning", () => {
    expect(read("a_b=1&a.b=2")).toEqual([["a.b", "2"]]);
    expect(read("a.b=2&a_b=1")).toEqual([["a.b", "1"]]);
    expect(read("a_b=1&a.b=2&a_b=3")).toEqual([["a.b", "3"]]);
    expect(read("a_b=1&a.b=")).toEqual([]);
    expect(read("subnetSet_0.name=x_y")).toEqual([["subnetSet.0.name", "x_y"]]);
  });
});
