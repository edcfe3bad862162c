// Where clients differ in how they sign, over the wire: order of names, values with @, the host, Latin-1, and the same request at another
// server of the same database. api-v2.md 1.5, 1.6.
import { createHmac } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { formType, sendRaw, sendText, signedText, v2Path } from "../support/raw-call.ts";
import { checkRefusal, expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { makeVpc, nextNumber } from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";
import { encodePairs, type Method, type SignOptions, signPairs } from "../support/sign.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer({ ...unlimited, hosts: "vpn.example.org" });
});
afterAll(() => server.stop());

const methods = ["GET", "POST"] as const;
const newVpc = () => ({ vpcName: `vpc ${nextNumber()}`, cidrBlock: "10.0.0.0/16" });

/** Signs what `textOf` makes of the pairs, in these bytes, and sends the pairs. */
async function sendSigned(
  method: Method,
  parameters: Readonly<Record<string, string>>,
  textOf: (pairs: readonly (readonly [string, string])[]) => string,
  encoding: "utf8" | "latin1" = "utf8",
) {
  const all = signPairs(server.client, "DescribeVpcEx", parameters, { method });
  const pairs = all.filter(([name]) => name !== "Signature");
  const text = `${method}${new URL(server.endpoint).host}${v2Path}?${textOf(pairs)}`;
  const signature = createHmac("sha1", server.client.secretKey.reveal()).update(text, encoding).digest("base64");
  return (await sendText(server.endpoint, method, encodePairs([...pairs, ["Signature", signature]]))).reply;
}

type Order = (a: string, b: string) => number;
const byCode: Order = (a, b) => (a < b ? -1 : Number(a > b));
const dotted = (name: string) => name.replaceAll("_", ".");
const joinBy =
  (order: Order, isKept: (value: string) => boolean = () => true) =>
  (pairs: readonly (readonly [string, string])[]) =>
    pairs
      .filter(([, value]) => isKept(value))
      .toSorted(([a], [b]) => order(a, b))
      .map(([name, value]) => `${dotted(name)}=${value}`)
      .join("&");

describe("names are sorted", () => {
  const tricky = { a_1: "x_y", aB: "1", "a.2": "2", Z_z: "3", zZ: "4" };

  it.each<[string, Order]>([
    ["as they are sent (CLI, NODE, PHP, JAVA, NETSDK)", byCode],
    ["with . for _ (PY)", (a, b) => byCode(dotted(a), dotted(b))],
  ])("%s", async (_who, order) => {
    for (const method of methods) expect((await sendSigned(method, tricky, joinBy(order))).code).toBe(0);
  });

  it("in no other way: backwards, or whatever the case", async () => {
    for (const order of [
      (a: string, b: string) => byCode(b, a),
      (a: string, b: string) => byCode(a.toLowerCase(), b.toLowerCase()),
    ]) {
      for (const method of methods) checkRefusal(await sendSigned(method, tricky, joinBy(order)), "signature-wrong");
    }
  });
});

describe("a value that begins with @", () => {
  const withUpload = { description: "@file", other: "a@b" };
  const isNoUpload = (value: string) => !value.startsWith("@");

  it("is signed or left out in a POST", async () => {
    for (const isKept of [undefined, isNoUpload]) {
      expect((await sendSigned("POST", withUpload, joinBy(byCode, isKept))).code).toBe(0);
    }
  });

  it("is always signed in a GET", async () => {
    expect((await sendSigned("GET", withUpload, joinBy(byCode))).code).toBe(0);
    checkRefusal(await sendSigned("GET", withUpload, joinBy(byCode, isNoUpload)), "signature-wrong");
  });

  it("is the only one that may be left out", async () => {
    const isOther = (value: string) => !value.includes("@");
    checkRefusal(await sendSigned("POST", withUpload, joinBy(byCode, isOther)), "signature-wrong");
  });
});

describe("text beyond ASCII", () => {
  it.each([
    ["Büro", "utf8", 0],
    ["Büro", "latin1", 0],
    ["办公室", "utf8", 0],
    ["办公室", "latin1", 4100],
    ["Büro 办", "latin1", 4100],
  ] as const)("%s may be signed in %s: %i", async (vpcName, encoding, code) => {
    for (const method of methods) {
      expect((await sendSigned(method, { vpcName }, joinBy(byCode), encoding)).code).toBe(code);
    }
  });
});

describe("the host", () => {
  const send = async (Host: string, options: SignOptions) => {
    const { method = "POST" } = options;
    const text = signedText(server.client, "DescribeVpcEx", {}, options);
    const request = method === "GET" ? { path: `${v2Path}?${text}` } : { path: v2Path, body: text };
    const headers = { "content-type": formType, host: Host };
    return (await sendRaw(server.endpoint, { method, headers, ...request })).reply;
  };

  it.each([
    ["proxy.example:8443", "proxy.example:8443"],
    ["proxy.example:8443", "proxy.example"],
    ["proxy.example", "proxy.example"],
    ["[2001:db8::1]:8443", "[2001:db8::1]"],
    ["proxy.example", "vpc.api.qcloud.com"],
    ["vpc.api.qcloud.com:8443", "vpc.api.qcloud.com"],
    ["proxy.example", "vpn.example.org"],
  ])("of a request to %s may be signed as %s", async (header, host) => {
    for (const method of methods) expect((await send(header, { method, host })).code).toBe(0);
  });

  it.each([
    ["proxy.example", "proxy.example:8443"],
    ["proxy.example:8443", "proxy.example:443"],
    ["proxy.example", "PROXY.example"],
    ["proxy.example", "other.example"],
    ["proxy.example", ""],
  ])("of a request to %s may not be signed as '%s'", async (header, host) => {
    for (const method of methods) {
      await expectRefusal(server, "signature-wrong", () => send(header, { method, host }));
    }
  });
});

describe("a request without a Host, as HTTP/1.0 may send it,", () => {
  it.each([
    ["vpc.api.qcloud.com", 0],
    ["vpn.example.org", 0],
    ["127.0.0.1", 4100],
  ] as const)("signed as %s is answered with %i", async (host, code) => {
    const { hostname, port } = new URL(server.endpoint);
    const text = signedText(server.client, "DescribeVpcEx", {}, { method: "GET", host });
    const socket = connect(Number(port), hostname, () => socket.write(`GET ${v2Path}?${text} HTTP/1.0\r\n\r\n`));
    const chunks: Buffer[] = await socket.setTimeout(15_000, () => socket.destroy()).toArray();
    const [, body = ""] = Buffer.concat(chunks).toString("utf8").split("\r\n\r\n");
    expect(JSON.parse(body).code).toBe(code);
  });
});

describe("a SecretId that nobody has", () => {
  it("is answered with 4100 where the operator wants that", async () => {
    const old = await startLocalServer({ unknownSecretIdCode: "4100" });
    try {
      const known = await old.addKey();
      await old.disableKey(known);
      for (const client of [{ ...old.client, secretId: "AKIDnobody" }, known]) {
        const text = signedText(client, "DescribeVpcEx", {});
        const send = async () => (await sendText(old.endpoint, "POST", text)).reply;
        await expectRefusal(old, "signature-wrong", send, ["SecretId does not exist"]);
      }
    } finally {
      await old.stop();
    }
  });
});

describe("calls of one key", () => {
  it("are refused beyond the operator's rate, and another key's are not", async () => {
    const limited = await startLocalServer({ rateLimit: "20" });
    try {
      const other = await limited.addKey();
      const send = async (client = limited.client) =>
        (await sendText(limited.endpoint, "POST", signedText(client, "DescribeVpcEx", {}))).reply;
      const replies = await Promise.all(Array.from({ length: 100 }, () => send()));
      const refused = replies.filter(({ code }) => code !== 0);
      expect(refused.length).toBeGreaterThan(0);
      expect(replies.length - refused.length).toBeGreaterThanOrEqual(20);
      for (const reply of refused) checkRefusal(reply, "rate-exceeded", ["20"]);
      requireSuccess(await send(other));
      limited.clock.advance(1_000);
      requireSuccess(await send());
    } finally {
      await limited.stop();
    }
  });
});

describe("two servers on one database", () => {
  it("do not carry out the same request twice, by whatever way it comes", async () => {
    const first = await ServerProcess.start();
    const shared = {
      CULVERT_DATABASE: `sqlite:${join(first.dataDir, "culvert.db")}`,
      CULVERT_MASTER_KEY_FILE: join(first.dataDir, "master.key"),
    };
    try {
      const second = await ServerProcess.start(shared);
      try {
        const options = { host: "vpc.api.qcloud.com" };
        const text = signedText(first.client, "CreateVpc", newVpc(), options);
        const reply = requireSuccess((await sendText(first.endpoint, "POST", text)).reply);
        for (const again of [text, text.split("&").reverse().join("&")]) {
          const attempt = async () => (await sendText(second.endpoint, "POST", again)).reply;
          await expectRefusal(first, "request-replayed", attempt, ["sign"]);
        }
        const look = { vpcId: textAt(reply, "unVpcId") };
        const read = signedText(first.client, "DescribeVpcEx", look, options);
        expect(rowOf((await sendText(second.endpoint, "POST", read)).reply).vpcName).toBeDefined();
        await expectRefusal(
          first,
          "request-replayed",
          async () => (await sendText(second.endpoint, "POST", read)).reply,
        );
        // One of two that come at once, at either server.
        const racing = signedText(first.client, "CreateVpc", newVpc(), options);
        const answers = await Promise.all([first, second].map(({ endpoint }) => sendText(endpoint, "POST", racing)));
        expect(answers.map((answer) => answer.reply.code).toSorted()).toEqual([0, 4500]);
        await makeVpc({ ...first.client, endpoint: second.endpoint });
      } finally {
        await second.stop();
      }
    } finally {
      await first.stop();
    }
  });
});
