// HTTPS and plain HTTP on one port, and what becomes of plain HTTP where it is off. api-v2.md 1.1, 1.7, 2.2.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, type Reply } from "../../src/cli/client.ts";
import { record } from "../api-coverage/recorder.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { formType, type RawCall, sendRaw, signedText, v2Path } from "../support/raw-call.ts";
import { checkRefusal, expectRefusal } from "../support/refusal.ts";
import { requireSuccess } from "../support/reply.ts";
import { nextNumber } from "../support/scene.ts";

const newVpc = () => ({ vpcName: `vpc ${nextNumber()}`, cidrBlock: "10.0.0.0/16" });
const plainOf = ({ endpoint }: LocalServer) => endpoint.replace(/^https?:/, "http:");
const securedOf = ({ endpoint }: LocalServer) => endpoint.replace(/^https?:/, "https:");
const certificateOf = ({ dataDir }: LocalServer) => readFileSync(join(dataDir, "tls", "cert.pem"), "utf8");

/** The administrator over HTTPS, who trusts the server's certificate and no other. */
const securedClient = (server: LocalServer) => ({
  ...server.client,
  endpoint: securedOf(server),
  trusted: [certificateOf(server)],
});

async function sendSecured(server: LocalServer, request: Partial<RawCall>) {
  const whole = { method: "POST", path: v2Path, headers: { "content-type": formType }, ca: certificateOf(server) };
  const { status, contentType, reply } = await sendRaw(securedOf(server), { ...whole, ...request });
  expect([status, contentType]).toEqual([200, "application/json"]);
  return reply;
}

describe("on loopback", () => {
  let server: LocalServer;
  beforeAll(async () => {
    server = await startLocalServer({ ...unlimited, plainHttp: "loopback" });
  });
  afterAll(() => server.stop());

  it("both protocols reach the API", async () => {
    for (const client of [server.client, securedClient(server), { ...server.client, endpoint: plainOf(server) }]) {
      requireSuccess(await call(client, "CreateVpc", newVpc()));
    }
  });

  it("a request is the same one over both", async () => {
    const body = signedText(securedClient(server), "CreateVpc", newVpc());
    requireSuccess(await sendSecured(server, { body }));
    const headers = { "content-type": formType };
    const again = async () => (await sendRaw(plainOf(server), { method: "POST", path: v2Path, headers, body })).reply;
    await expectRefusal(server, "request-replayed", again);
  });

  it("the limits are the same over HTTPS", async () => {
    const text = signedText(securedClient(server), "DescribeVpcEx", {}, { method: "GET" });
    const longer = (length: number) => ({ method: "GET", path: `${v2Path}?${text}&${"x".repeat(length)}` });
    for (const kib of [33, 70]) {
      await expectRefusal(server, "parameter-invalid", () => sendSecured(server, longer(kib << 10)), ["32 KiB"]);
    }
    const body = Buffer.alloc((1 << 20) + 1, "a");
    await expectRefusal(server, "parameter-invalid", () => sendSecured(server, { body }), ["1 MiB"]);
  });

  it("somebody else's certificate is not taken", async () => {
    const stranger = await startLocalServer({ plainHttp: "on" });
    try {
      const client = { ...securedClient(server), trusted: [certificateOf(stranger)] };
      await expect(call(client, "DescribeVpcEx", {})).rejects.toThrow(/is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
      await expect(call({ ...client, trusted: undefined }, "DescribeVpcEx", {})).rejects.toThrow("is not trusted");
    } finally {
      await stranger.stop();
    }
  });
});

describe.each([
  ["off", "127.0.0.1:0"],
  ["loopback", "0.0.0.0:0"],
] as const)("where plain HTTP is %s, on %s", (plainHttp, listen) => {
  let server: LocalServer;
  beforeAll(async () => {
    server = await startLocalServer({ ...unlimited, plainHttp, listen });
  });
  afterAll(() => server.stop());

  it("HTTPS reaches the API", async () => {
    const client = { ...securedClient(server), endpoint: securedOf(server).replace("0.0.0.0", "127.0.0.1") };
    requireSuccess(await call(client, "CreateVpc", newVpc()));
  });

  const sendPlain = async (request: Partial<RawCall>) => {
    const answer = await sendRaw(plainOf(server), { method: "POST", path: v2Path, ...request });
    expect([answer.status, answer.contentType]).toEqual([200, "application/json"]);
    // Answered before there is a call, so that the API's own recorder does not see it.
    record(answer.reply);
    return answer.reply;
  };
  const refusePlain = (request: Partial<RawCall>) =>
    expectRefusal(server, "protocol-unsupported", () => sendPlain(request), ["HTTPS"]);

  it("plain HTTP is refused on every path, by every method, whatever else is wrong", async () => {
    for (const path of [v2Path, `${v2Path}?%zz`, "/readyz?", "/", "/nothing", "//x", "/%zz", "*"]) {
      for (const method of ["GET", "POST", "PUT", "DELETE", "PROPFIND"]) await refusePlain({ path, method });
    }
    await refusePlain({ headers: { "content-type": "nonsense" }, body: "{" });
    const body = signedText(server.client, "CreateVpc", newVpc(), { common: { Nonce: undefined } });
    await refusePlain({ headers: { "content-type": formType }, body });
  });

  it("plain HTTP is refused with a request line or a body of any size, and the client reads it", async () => {
    for (const kib of [40, 100]) await refusePlain({ method: "GET", path: `/${"x".repeat(kib << 10)}` });
    for (const mib of [1, 8]) {
      await refusePlain({ headers: { "content-type": formType }, body: Buffer.alloc(mib << 20, "a") });
    }
  });

  it("a call that was refused so has not been made, and can be sent over HTTPS", async () => {
    const body = signedText(server.client, "CreateVpc", newVpc());
    await refusePlain({ headers: { "content-type": formType }, body });
    requireSuccess(
      await sendSecured(server, { body, headers: { "content-type": formType, host: new URL(server.endpoint).host } }),
    );
  });

  it("the vendor's own words for it are understood by fetch too", async () => {
    const response = await fetch(plainOf(server));
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
    checkRefusal((await response.json()) as Reply, "protocol-unsupported");
  });
});

it("where plain HTTP is on, it is served beyond loopback too", async () => {
  const server = await startLocalServer({ ...unlimited, plainHttp: "on", listen: "0.0.0.0:0" });
  try {
    for (const client of [{ ...server.client, endpoint: plainOf(server) }, securedClient(server)]) {
      const endpoint = client.endpoint.replace("0.0.0.0", "127.0.0.1");
      requireSuccess(await call({ ...client, endpoint }, "CreateVpc", newVpc()));
    }
  } finally {
    await server.stop();
  }
});
