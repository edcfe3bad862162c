// How a request may come over HTTP, and that everything else is answered too: status 200, a JSON object, nothing written.
// api-v2.md 1.1, 1.4, 2.1.
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalServer, startLocalServer } from "../support/local-server.ts";
import { formType, type RawAnswer, type RawCall, sendRaw, sendText, signedText, v2Path } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { encodePairs, signPairs } from "../support/sign.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer({ "quota.vpcs": "0" });
});
afterAll(() => server.stop());

async function replyOf(answer: Promise<RawAnswer>) {
  const { status, contentType, reply } = await answer;
  expect([status, contentType]).toEqual([200, "application/json"]);
  return reply;
}

const send = (request: Partial<RawCall>) =>
  replyOf(
    sendRaw(server.endpoint, { method: "POST", path: v2Path, headers: { "content-type": formType }, ...request }),
  );
const refuse = (request: Partial<RawCall>, mentions: readonly string[] = []) =>
  expectRefusal(server, "parameter-invalid", () => send(request), mentions);
const readCall = (method: "GET" | "POST", parameters: Readonly<Record<string, string>> = {}) =>
  signedText(server.client, "DescribeVpcEx", parameters, { method });

/** A write that works, as text. */
let lastName = 0;
function writeCall(method: "GET" | "POST", name = "vpc"): string {
  lastName += 1;
  const parameters = { vpcName: `${name} ${lastName}`, cidrBlock: "10.0.0.0/16" };
  return signedText(server.client, "CreateVpc", parameters, { method });
}

describe("a request comes", () => {
  it("by GET with a query", async () => {
    requireSuccess(await send({ method: "GET", path: `${v2Path}?${writeCall("GET")}` }));
  });

  it("by GET, whatever its body and type", async () => {
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    for (const body of ["Action=DeleteVpc", Buffer.alloc(2 << 20, "a")]) {
      requireSuccess(await send({ method: "GET", path: `${v2Path}?${writeCall("GET")}`, headers, body }));
    }
  });

  it.each([
    ["as the clients do", { "content-type": formType }],
    ["with a charset", { "content-type": `${formType}; charset=UTF-8` }],
    ["in other letters", { "content-type": "Application/X-WWW-Form-URLencoded" }],
    ["without a type", {}],
  ])("by POST with a form %s", async (_what, headers) => {
    requireSuccess(
      await replyOf(sendRaw(server.endpoint, { method: "POST", path: v2Path, headers, body: writeCall("POST") })),
    );
  });

  it("by POST, and then its query counts for nothing", async () => {
    const path = `${v2Path}?Action=DeleteVpc&vpcName=other&%zz`;
    const reply = requireSuccess(await send({ path, body: writeCall("POST", "from the body") }));
    const query = readCall("GET", { vpcId: textAt(reply, "unVpcId") });
    const found = rowOf(await replyOf(sendText(server.endpoint, "GET", query)));
    expect(found.vpcName).toMatch(/^from the body/);
  });

  it("by POST with nothing but a query, which counts for nothing", async () => {
    await refuse({ path: `${v2Path}?${writeCall("POST")}` }, ["[Action]"]);
  });

  it("with blanks as + or %20, UTF-8 as escapes or as bytes, escapes in small letters", async () => {
    const name = `办公室 a+b&c "${++lastName}"`;
    const usual = signedText(server.client, "CreateVpc", { vpcName: name, cidrBlock: "10.0.0.0/16" });
    requireSuccess(await replyOf(sendText(server.endpoint, "POST", usual)));
    const forms = [
      (text: string) => text.replaceAll("%20", "+"),
      (text: string) => text.replaceAll(/%[0-9A-F]{2}/g, (part) => part.toLowerCase()),
      (text: string) => text.replaceAll(encodeURIComponent("办公室"), "办公室"),
    ];
    for (const change of forms) {
      const text = readCall("POST", { vpcName: name });
      const changed = change(text);
      expect(changed).not.toBe(text);
      const { vpcName } = rowOf(await replyOf(sendText(server.endpoint, "POST", changed)));
      expect(vpcName).toBe(name);
    }
  });

  it("with pairs that are empty, nameless or without =", async () => {
    const pairs = encodePairs(signPairs(server.client, "DescribeVpcEx", { flag: "", vpcName: "" }));
    const text = `&&=nameless&${pairs.replace("flag=", "flag")}&`;
    requireSuccess(await replyOf(sendText(server.endpoint, "POST", text)));
  });
});

describe("a request is refused", () => {
  it.each(["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])("by %s", async (method) => {
    await refuse({ method, path: `${v2Path}?${writeCall("GET")}` }, ["GET or POST"]);
  });

  it.each([
    ["multipart/form-data", "boundary"],
    ["multipart/form-data; boundary=x", "boundary"],
    ["multipart/mixed; boundary=x", "multipart/form-data"],
    ["application/json", formType],
    ["text/plain", formType],
    ["nonsense", "Content-Type"],
    ["application/;;", "Content-Type"],
    ["", "Content-Type"],
  ])("with the type '%s'", async (type, named) => {
    await refuse({ headers: { "content-type": type }, body: writeCall("POST") }, [named]);
  });

  it.each([
    ["a lone continuation byte", "%80"],
    ["half a character", "%E5%8A"],
    ["an overlong slash", "%C0%AF"],
    ["half a surrogate pair", "%ED%A0%80"],
    ["beyond Unicode", "%F5%80%80%80"],
    ["Latin-1", "caf%E9"],
    ["an escape that is none", "%zz"],
    ["half an escape", "a%2"],
    ["a lone %", "100%"],
    ["NUL", "a%00b"],
  ])("with %s in a value or a name, in query and body", async (_what, piece) => {
    for (const extra of [`vpcName=${piece}`, `${piece}=vpcName`]) {
      const mentions = extra.startsWith("vpcName") ? ["[vpcName]"] : [];
      await refuse({ method: "GET", path: `${v2Path}?${writeCall("GET")}&${extra}` }, mentions);
      await refuse({ body: `${writeCall("POST")}&${extra}` }, mentions);
    }
  });

  it("with bytes in the body that are not UTF-8, or are NUL", async () => {
    for (const bytes of [[0xe9], [0xc0, 0xaf], [0xff], [0x00]]) {
      const body = Buffer.concat([Buffer.from(`${writeCall("POST")}&vpcName=`), Buffer.from(bytes)]);
      await refuse({ body }, ["[vpcName]"]);
    }
  });

  it("with more than 2000 parameters", async () => {
    const extra = Array.from({ length: 2_001 }, (_, index) => `p.${index}=`).join("&");
    await refuse({ body: `${writeCall("POST")}&${extra}` }, ["2000"]);
  });

  it("with nothing at all", async () => {
    await refuse({ body: "" }, ["[Action]"]);
    await refuse({ method: "GET" }, ["[Action]"]);
  });
});

describe("a size", () => {
  const padded = (text: string, length: number) => `${text}&${"x".repeat(length - text.length - 1)}`;

  it("of 32 KiB fits into a request line, and no more", async () => {
    const limit = 32 << 10;
    const path = `${v2Path}?${readCall("GET")}`;
    // The padding is not signed: the line was read when the signature is what is wrong.
    const attempt = () => send({ method: "GET", path: padded(path, limit) });
    await expectRefusal(server, "signature-wrong", attempt);
    await refuse({ method: "GET", path: padded(path, limit + 1) }, ["32 KiB"]);
  });

  it.each([40, 63, 65, 100, 1_000])("of %i KiB for a request line is refused, and the client reads it", async (kib) => {
    await refuse({ method: "GET", path: padded(`${v2Path}?${readCall("GET")}`, kib << 10) }, ["32 KiB"]);
  });

  it("of 1 MiB fits into a body, and no more", async () => {
    const limit = 1 << 20;
    const attempt = () => send({ body: padded(writeCall("POST"), limit) });
    await expectRefusal(server, "signature-wrong", attempt);
    await refuse({ body: padded(writeCall("POST"), limit + 1) }, ["1 MiB"]);
  });

  it.each([2, 8])("of %i MiB for a body is refused, and the client reads it", async (mib) => {
    await refuse({ body: Buffer.alloc(mib << 20, "a") }, ["1 MiB"]);
    await refuse({ method: "PUT", body: Buffer.alloc(mib << 20, "a") }, ["1 MiB"]);
    // In chunks, so that the length is not known before.
    const body = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < mib << 20; sent += 64 << 10) controller.enqueue(new Uint8Array(64 << 10).fill(97));
        controller.close();
      },
    });
    const init = { method: "POST", headers: { "content-type": formType }, body, duplex: "half" as const };
    const response = await fetch(new URL(v2Path, server.endpoint), init);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ code: 4000, codeDesc: "InvalidParameter" });
  });
});

describe("beside the API", () => {
  it("HEAD has the headers of a refusal", async () => {
    const response = await fetch(new URL(v2Path, server.endpoint), { method: "HEAD" });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  });

  it("there is /livez, and elsewhere a 404 that says where the API is", async () => {
    expect(await (await fetch(new URL("/livez", server.endpoint))).json()).toMatchObject({ ok: true });
    for (const path of ["/", "/v2", "/v2/index.php/", "/v2/index.html", "/v2/%zz"]) {
      const response = await fetch(new URL(`${path}?preSharedKey=not-to-be-repeated`, server.endpoint));
      expect(response.status).toBe(404);
      const text = await response.text();
      expect(text).toContain(v2Path);
      expect(text).not.toContain("not-to-be-repeated");
    }
  });

  it.each([
    ["what is not HTTP", "hello\r\n\r\n"],
    ["headers that are too long", `GET ${v2Path} HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(70 << 10)}`],
  ])("the connection is cut after %s, though the client goes on and on", async (_what, text) => {
    const { hostname, port } = new URL(server.endpoint);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    const drip = setInterval(() => socket.write("x"), 200);
    try {
      await new Promise<void>((resolve, reject) => {
        setTimeout(() => reject(new Error("it is still there")), 10_000).unref();
        // A connection that is cut while one writes is an error, or just closed.
        socket.on("error", () => {}).on("close", () => resolve());
        socket.resume();
        socket.write(text);
      });
    } finally {
      clearInterval(drip);
      socket.destroy();
    }
  });

  it("what is not HTTP is answered as HTTP says, and the server goes on", async () => {
    const { hostname, port } = new URL(server.endpoint);
    for (const text of ["hello\r\n\r\n", `POST ${v2Path} HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n`]) {
      const answer = await new Promise<string>((resolve, reject) => {
        let received = "";
        const socket = connect(Number(port), hostname, () => socket.write(text));
        socket.setTimeout(10_000, () => socket.destroy(new Error("no answer")));
        socket.setEncoding("utf8").on("data", (part: string) => {
          received += part;
        });
        socket.on("error", reject).on("end", () => resolve(received));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    }
    requireSuccess(await replyOf(sendText(server.endpoint, "POST", readCall("POST"))));
  });
});
