import * as crypto from "node:crypto";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Secret } from "../vpn/secret.ts";
import { type Common, readParameters } from "./request.ts";
import { candidateHosts, sign, signRequest, stringsToSign, verifySignature } from "./signature.ts";

vi.mock("node:crypto", { spy: true });

const path = "/v2/index.php";
const vendor = "vpc.api.qcloud.com";
const docKey = "Gu5t9xGARNpq86cd98joQYCN3Cozk1qA";
const docId = "SecretId=AKIDz8krbsJ5yKBZQpn74WFkmLPx3gnPhESA";
const seed = `Action=AddVpnConnEx&Nonce=11886&Region=gz&${docId}&Timestamp=1465185768&preSharedKey=dgdgd33&userGwCidrBlock.0=10.56.20.1/24&userGwId=cgw-e098slul&vpcId=vpc-amhnnao5&vpnGwId=vpngw-dystbrkv`;
const python =
  "Action=DescribeInstances&Nonce=1290303896666895346&Region=ap-guangzhou&SecretId=secretIdFoo&SignatureMethod=HmacSHA1&Timestamp=1512393162&Version=2017-03-12";
const shared = `Action=DescribeInstances&InstanceIds.0=ins-09dx96dg&Nonce=11886&Region=ap-guangzhou&${docId}&SignatureMethod=HmacSHA256&Timestamp=1465185768`;
const toSha1 = (text: string) => text.replace("HmacSHA256", "HmacSHA1");
const toSha256 = (text: string) => text.replace("HmacSHA1", "HmacSHA256");
const withMethod = (name: string) => seed.replace("&Timestamp", `&SignatureMethod=${name}&Timestamp`);
const named = withMethod("HmacSHA1").replace("&vpnGwId", "&vpnConnName=办公室 a+b&c&vpnGwId");

type Vector = readonly [number: number, method: "GET" | "POST", host: string, text: string, key: string, mac: string];

/** api-v2.md 1.5, test vectors; `text` is the part behind the question mark. */
const vectors: Vector[] = [
  [
    1,
    "GET",
    "cvm.api.qcloud.com",
    `Action=DescribeInstances&Nonce=11886&Region=gz&${docId}&Timestamp=1465185768&instanceIds.0=ins-09dx96dg&limit=20&offset=0`,
    docKey,
    "NSI3UqqD99b/UJb4tbG/xZpRW64=",
  ],
  [2, "GET", "cvm.api.qcloud.com", shared, docKey, "0EEm/HtGRr/VJXTAD9tYMth1Bzm3lLHz5RCDv1GdM8s="],
  [3, "GET", "cvm.api.qcloud.com", toSha1(shared), docKey, "nPVnY6njQmwQ8ciqbPl5Qe+Oru4="],
  [4, "POST", "cvm.api.qcloud.com", python, "secretKeyBar", "p3n+pxBqF5JGZtDSxoVn5tGngf0="],
  [5, "GET", "cvm.api.qcloud.com", python, "secretKeyBar", "5HAq1BOKNLEE2/uauWnp6Zv9Z3c="],
  [6, "POST", "cvm.api.qcloud.com", toSha256(python), "secretKeyBar", "B2T37FRSP6Fk0/q/cdfrTE0p3zX5ooB/2BPWZUFpsj4="],
  [7, "GET", vendor, seed, docKey, "b4IjJw2bm2ONlV0SAIRV+m6gg6w="],
  [8, "POST", vendor, seed, docKey, "fPVVML9bvOLmqV99MV5l5p0g43k="],
  [9, "GET", vendor, withMethod("HmacSHA256"), docKey, "JmXbl1OO8eupjkJQEI8jAO/tcEUTdqee58YENAOQyg0="],
  [10, "POST", vendor, named, docKey, "+m+PNH0ByZob3H1UCM+PPU7CFT4="],
];

/** The parameters of a vector; only vector 10 has an `&` inside a value. */
function parametersOf(text: string): Map<string, string> {
  const pieces = text.split(/&(?!c&)/);
  return new Map(
    pieces.map((piece): [string, string] => {
      const equals = piece.indexOf("=");
      return [piece.slice(0, equals), piece.slice(equals + 1)];
    }),
  );
}

function verify(options: {
  parameters: ReadonlyMap<string, string>;
  signature: string;
  method?: string;
  hosts?: readonly string[];
  key?: string;
}): Buffer | undefined {
  const { parameters, signature, method = "GET", hosts = [vendor], key = docKey } = options;
  const signatureMethod: Common["signatureMethod"] =
    parameters.get("SignatureMethod") === "HmacSHA256" ? "sha256" : "sha1";
  const common = { signature, signatureMethod };
  return verifySignature({ method, path, hosts, parameters, common, secretKey: new Secret(key) });
}

const strings = (method: string, parameters: Record<string, string>, hosts: readonly string[] = ["h"]) => [
  ...stringsToSign({ method, path: "/" }, new Map(Object.entries(parameters)), hosts),
];

describe("the vectors of the documents", () => {
  it.each(vectors)("%i: %s %s", (_, method, host, text, key, mac) => {
    const parameters = parametersOf(text);
    expect([...stringsToSign({ method, path }, parameters, [host])]).toEqual([`${method}${host}${path}?${text}`]);
    const signatureMethod = mac.length === 28 ? "sha1" : "sha256";
    expect(sign(signatureMethod, new Secret(key), `${method}${host}${path}?${text}`).toString("base64")).toBe(mac);
    expect(signRequest({ method, host, path, parameters, secretKey: new Secret(key) })).toBe(mac);
    expect(verify({ parameters, signature: mac, method, hosts: [host], key })?.toString("base64")).toBe(mac);
  });

  it.each(vectors)("%i: %s from the wire, with _ in the names", (_, method, host, text, key, mac) => {
    const wire = new URLSearchParams([...parametersOf(text)].reverse());
    wire.append("Signature", mac);
    const query = wire.toString().replaceAll("userGwCidrBlock.0", "userGwCidrBlock_0");
    const raw = { method, host, path, contentType: undefined };
    const parameters = readParameters(
      method === "GET" ? { ...raw, query, body: undefined } : { ...raw, query: "", body: Buffer.from(query) },
    );
    expect(text.includes("userGw")).toBe(parameters.has("userGwCidrBlock_0"));
    expect(verify({ parameters, signature: mac, method, hosts: [host], key })?.toString("base64")).toBe(mac);
  });
});

describe("differences between clients", () => {
  it("sorts capitals before small letters, without Signature", () => {
    expect(strings("GET", { b: "1", Z: "2", a: "3", Signature: "x", A: "4" })).toEqual(["GETh/?A=4&Z=2&a=3&b=1"]);
  });

  it("sorts the names as sent first (CLI, NODE, PHP, JAVA), with dots second (PY)", () => {
    // `_` sorts behind capitals, `.` before them.
    expect(strings("GET", { a_1: "x", aB: "y" })).toEqual(["GETh/?aB=y&a.1=x", "GETh/?a.1=x&aB=y"]);
    expect(strings("GET", { a_1: "x_y", b_2: "z" })).toEqual(["GETh/?a.1=x_y&b.2=z"]);
  });

  it("leaves out values that begin with @ on POST, then tries with them (NETSDK)", () => {
    const parameters = { preSharedKey: "@home", vpcId: "v" };
    expect(strings("POST", parameters)).toEqual(["POSTh/?vpcId=v", "POSTh/?preSharedKey=@home&vpcId=v"]);
    expect(strings("GET", parameters)).toEqual(["GETh/?preSharedKey=@home&vpcId=v"]);
  });

  it("keeps empty values (NODE)", () => {
    expect(strings("GET", { a: "", b: "1" })).toEqual(["GETh/?a=&b=1"]);
  });

  it("tries every host with every reading, hosts in order, lazily", () => {
    const all = strings("POST", { a_1: "@", aB: "y" }, ["h1", "h2"]);
    expect(all).toEqual(
      ["h1", "h2"].flatMap((host) => [
        `POST${host}/?aB=y`,
        `POST${host}/?aB=y&a.1=@`,
        `POST${host}/?aB=y`,
        `POST${host}/?a.1=@&aB=y`,
      ]),
    );
    const hosts = Object.defineProperty(["h", ""], 1, {
      get() {
        throw new Error("a second host was asked for");
      },
    });
    const [first] = stringsToSign({ method: "GET", path }, new Map([["a", "1"]]), hosts);
    expect(first).toBe(`GETh${path}?a=1`);
  });

  it("finds the host a client signed", () => {
    expect(candidateHosts("localhost:18443", ["vpn.example.net", vendor])).toEqual([
      "localhost:18443",
      "localhost",
      vendor,
      "vpn.example.net",
    ]);
    expect(candidateHosts("[::1]:8080", [])).toEqual(["[::1]:8080", "[::1]", vendor]);
    expect(candidateHosts(undefined, [])).toEqual([vendor]);
    const parameters = parametersOf(seed);
    const secretKey = new Secret(docKey);
    for (const host of ["localhost:18443", "localhost", vendor, "vpn.example.net"]) {
      const signature = signRequest({ method: "GET", host, path, parameters, secretKey });
      const hosts = candidateHosts("localhost:18443", ["vpn.example.net"]);
      expect(verify({ parameters, signature, hosts })).toBeDefined();
      expect(verify({ parameters, signature, hosts: ["other"] })).toBeUndefined();
    }
  });

  it("takes SHA-1 when no method is given, whatever the MAC's length says", () => {
    const parameters = parametersOf(seed);
    const text = `GET${vendor}${path}?${seed}`;
    const key = new Secret(docKey);
    expect(verify({ parameters, signature: sign("sha1", key, text).toString("base64") })).toBeDefined();
    expect(verify({ parameters, signature: sign("sha256", key, text).toString("base64") })).toBeUndefined();
  });

  it("takes a string signed as Latin-1 (CLI), but never a Chinese one", () => {
    const bytes = (text: string) =>
      crypto.createHmac("sha1", docKey).update(Buffer.from(text, "latin1")).digest("base64");
    for (const [name, isFound] of [
      ["Büro", true],
      ["办公室", false],
    ] as const) {
      const parameters = new Map([["vpnConnName", name]]);
      const signature = bytes(`POST${vendor}${path}?vpnConnName=${name}`);
      expect(verify({ parameters, signature, method: "POST" }) !== undefined).toBe(isFound);
    }
  });

  it("takes a pre-shared key that begins with @, signed either way", () => {
    const parameters = new Map([...parametersOf(seed), ["preSharedKey", "@home"]]);
    const key = new Secret(docKey);
    for (const text of [seed.replace("&preSharedKey=dgdgd33", ""), seed.replace("dgdgd33", "@home")]) {
      const signature = sign("sha1", key, `POST${vendor}${path}?${text}`).toString("base64");
      expect(verify({ parameters, signature, method: "POST" })).toBeDefined();
    }
  });
});

describe("verifySignature", () => {
  const parameters = parametersOf(seed);
  const mac = "b4IjJw2bm2ONlV0SAIRV+m6gg6w=";

  it("refuses a wrong key, method, path text, value and a cut MAC", () => {
    expect(verify({ parameters, signature: mac })).toBeDefined();
    expect(verify({ parameters, signature: mac, key: "other" })).toBeUndefined();
    expect(verify({ parameters, signature: mac, method: "POST" })).toBeUndefined();
    expect(verify({ parameters: new Map([...parameters, ["vpcId", "vpc-2"]]), signature: mac })).toBeUndefined();
    for (const signature of ["", "=", "b4IjJw2bm2ONlV0SAIRV+m6gg6", `${mac.slice(0, -1)}AAAA`, "ä", "\u0000", "!!!!"]) {
      expect(verify({ parameters, signature })).toBeUndefined();
    }
  });

  it("answers the computed HMAC whatever the spelling of base64", () => {
    const urlSafe = mac.replaceAll("+", "-").replaceAll("/", "_");
    // The last letter of 20 bytes carries two unused bits: w, x, y and z decode alike.
    for (const spelling of [mac, urlSafe, mac.slice(0, -1), ` ${mac}\n`, mac.replace("w=", "x="), `${mac}=`]) {
      expect(verify({ parameters, signature: spelling })?.toString("base64")).toBe(mac);
    }
  });

  it("compares with timingSafeEqual, candidate by candidate", () => {
    const compare = vi.mocked(crypto.timingSafeEqual);
    compare.mockClear();
    const wrong = Buffer.alloc(20, 7);
    expect(verify({ parameters, signature: wrong.toString("base64"), hosts: ["a", "b", vendor] })).toBeUndefined();
    expect(compare).toHaveBeenCalledTimes(3);
    expect(compare.mock.calls.every(([, sent]) => wrong.equals(sent as Buffer))).toBe(true);
    compare.mockReturnValueOnce(true);
    expect(verify({ parameters, signature: wrong.toString("base64") })?.toString("base64")).toBe(mac);
  });

  it("stops after a bounded number of candidates and characters", () => {
    const compare = vi.mocked(crypto.timingSafeEqual);
    const signature = Buffer.alloc(20, 7).toString("base64");
    const hosts = Array.from({ length: 100 }, (_, index) => `h${index}`);
    compare.mockClear();
    expect(verify({ parameters, signature, hosts })).toBeUndefined();
    expect(compare).toHaveBeenCalledTimes(32);
    compare.mockClear();
    expect(verify({ parameters: new Map([["a", "x".repeat(2 ** 20)]]), signature, hosts })).toBeUndefined();
    expect(compare).toHaveBeenCalledTimes(7);
  });

  it("accepts what signRequest signs, for all parameters", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 12 });
    const names = fc.string({ unit: fc.constantFrom("a", "B", "_", ".", "0", "z"), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.dictionary(names, text, { noNullPrototype: true }),
        fc.constantFrom("GET" as const, "POST" as const),
        fc.constantFrom("", "HmacSHA1", "HmacSHA256"),
        (values, method, SignatureMethod) => {
          const all = new Map<string, string>(Object.entries({ ...values, SignatureMethod }));
          const signature = signRequest({ method, host: vendor, path, parameters: all, secretKey: new Secret(docKey) });
          const sent = new Map([...all].reverse()).set("Signature", signature);
          expect(verify({ parameters: sent, signature, method })?.toString("base64")).toBe(signature);
        },
      ),
    );
  });
});
