// The vendor's Node.js client signs, offline; we read and verify what it would send (npm qcloudapi-sdk 0.2.1).
import { createRequire } from "node:module";
import { parse, stringify } from "node:querystring";
import { describe, expect, it } from "vitest";
import { Secret } from "../vpn/secret.ts";
import { ParameterReader } from "./parameters.ts";
import { actionParameters, type RawRequest, readCommon, readParameters } from "./request.ts";
import { candidateHosts, verifySignature } from "./signature.ts";

interface VendorClient {
  generateQueryString(values: Record<string, unknown>, options?: Record<string, unknown>): string;
}
const require = createRequire(import.meta.url);
const QcloudApi: new (options: Record<string, unknown>) => VendorClient = require("qcloudapi-sdk");

const secretKey = new Secret("Gu5t9xGARNpq86cd98joQYCN3Cozk1qA");
const options = {
  serviceType: "vpc",
  Region: "gz",
  SecretId: "AKIDz8krbsJ5yKBZQpn74WFkmLPx3gnPhESA",
  SecretKey: secretKey.reveal(),
};
const seed = {
  Action: "AddVpnConnEx",
  vpcId: "vpc-amhnnao5",
  userGwId: "cgw-e098slul",
  vpnGwId: "vpngw-dystbrkv",
  userGwCidrBlock: ["10.56.20.1/24"],
  preSharedKey: "dgdgd33",
};

function rawOf(method: "GET" | "POST", text: string, host = "vpc.api.qcloud.com"): RawRequest {
  const raw = { method, host, path: "/v2/index.php" };
  return method === "GET"
    ? { ...raw, query: text, contentType: undefined, body: undefined }
    : { ...raw, query: "", contentType: "application/x-www-form-urlencoded", body: Buffer.from(text) };
}

function verifyRaw(raw: RawRequest): Buffer | undefined {
  const parameters = readParameters(raw);
  const hosts = candidateHosts(raw.host, []);
  return verifySignature({ ...raw, parameters, hosts, common: readCommon(parameters), secretKey });
}

/** `request` writes form bodies with ! ' ( ) * escaped too. */
function asForm(text: string): string {
  return stringify(parse(text)).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

const values: [string, Record<string, unknown>][] = [
  ["the seed's example", {}],
  ["a Chinese name with blank, + and &", { vpnConnName: "办公室 a+b&c=d%41" }],
  ["marks that encoders treat differently", { vpnConnName: "it's (a) *test*! ~_.-" }],
  ["a name with _ on the wire", { a_b: "c_d", aZ: 1 }],
  ["empty, undefined and null values", { vpnConnName: "", x: undefined, y: null, z: Number.NaN }],
  ["a pre-shared key that begins with @", { preSharedKey: "@home" }],
  ["nonce 0", { Nonce: 0 }],
  ["objects", { IKESet: { dhGroupName: "group2" }, spdAcl: { "10.0.0.5/24": ["172.123.10.5/16", "10.1.0.0/16"] } }],
];

describe.each(["GET", "POST"] as const)("the vendor's client, %s", (method) => {
  describe.each(["sha1", "sha256"])("%s", (signatureMethod) => {
    const client = new QcloudApi({ ...options, method, signatureMethod });

    it.each(values)("is understood with %s", (_, extra) => {
      const text = client.generateQueryString({ ...seed, ...extra });
      const mac = verifyRaw(rawOf(method, text));
      expect(mac?.length).toBe(signatureMethod === "sha1" ? 20 : 32);
      if (method === "POST") expect(verifyRaw(rawOf(method, asForm(text)))).toEqual(mac);
      expect(verifyRaw(rawOf(method, text.replace("gz", "bj")))).toBeUndefined();
    });
  });
});

describe("the vendor's client", () => {
  it("signs the host it was configured with", () => {
    const client = new QcloudApi({ ...options, method: "GET", host: "localhost:18443" });
    const text = client.generateQueryString(seed, { ...options, host: "localhost:18443", method: "GET" });
    expect(verifyRaw(rawOf("GET", text, "localhost:18443"))).toBeDefined();
  });

  it("flattens objects into what they were", () => {
    const spdAcl = { "10.0.0.0/24": ["172.16.0.0/16", "172.17.0.0/16"], "10.0.1.0/24": ["172.18.0.0/16"] };
    const text = new QcloudApi(options).generateQueryString({
      ...seed,
      spdAcl,
      IKESet: { propoEncryAlgorithm: "aes-cbc-128", ikeSaLifetimeSeconds: 500 },
      IPsecSet: [{ integrityAlgorith: "sha" }],
    });
    const reader = new ParameterReader(actionParameters(readParameters(rawOf("POST", text))));
    expect(reader.networksByLocal("spdAcl")).toEqual(
      Object.entries(spdAcl).map(([local, peers]) => ({ local, peers })),
    );
    expect(reader.list("userGwCidrBlock")).toEqual(["10.56.20.1/24"]);
    expect(reader.section(["ikeSet"]).integer("ikeSaLifetimeSeconds")).toBe(500);
    expect(reader.section(["ipsecSet"]).text("integrityAlgorith")).toBe("sha");
    expect(reader.text("preSharedKey")).toBe("dgdgd33");
  });
});
