// The server's bounds on what a client may cost it, where waiting for the real ones would take too long.
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import Fastify from "fastify";
import { afterEach, expect, it } from "vitest";
import { Readiness } from "../health/readiness.ts";
import type { V2Api } from "../v2/api.ts";
import { buildServer, type HttpServer } from "./server.ts";

let app: HttpServer | undefined;
afterEach(() => app?.close());

/** Answers everything, at length. */
const api = {
  answer: () =>
    Promise.resolve({
      reply: { code: 0, message: "", codeDesc: "Success", text: "a".repeat(1 << 20) },
      action: undefined,
      failure: undefined,
    }),
} as unknown as V2Api;

it("a connection is cut whose client does not read its answers", async () => {
  const { log } = Fastify();
  app = buildServer({ api, log, tlsPort: undefined, isPlainServed: true, readiness: new Readiness({}), stallMs: 200 });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const arrival = once(app.server, "connection");
  const { port } = app.server.address() as AddressInfo;
  const client = connect({ host: "127.0.0.1", port });
  client.on("error", () => {}).pause();
  try {
    client.write("GET /v2/index.php HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100));
    const [socket] = await arrival;
    await once(socket, "close", { signal: AbortSignal.timeout(10_000) });
    expect(socket.destroyed).toBe(true);
  } finally {
    client.destroy();
  }
});

it("a request that does not end is cut off when the server closes, and holds it up no longer", async () => {
  const { log } = Fastify();
  const readiness = new Readiness({});
  app = buildServer({ api, log, tlsPort: undefined, isPlainServed: true, readiness, closingMs: 200 });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const arrival = once(app.server, "request");
  const { port } = app.server.address() as AddressInfo;
  const client = connect({ host: "127.0.0.1", port });
  client.on("error", () => {});
  client.write("POST /v2/index.php HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nAction");
  await arrival;
  const cut = once(client, "close");
  const startedMs = performance.now();
  await app.close();
  await cut;
  expect(performance.now() - startedMs).toBeGreaterThan(190);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});
