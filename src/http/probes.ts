// The two addresses that machines ask whether the server is well: /livez (or else restart it) and /readyz (or else send it nothing).
// Unsigned, and over plain HTTP also where the API refuses that: there is nothing in them that must not cross a network.
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Finding, Readiness, Report } from "../health/readiness.ts";

const paths: ReadonlySet<string | undefined> = new Set(["/livez", "/readyz"]);

/** Whether a request is one of theirs, told before there is a router. */
export function isProbe({ method, url }: IncomingMessage): boolean {
  return (method === "GET" || method === "HEAD") && paths.has(url);
}

/** Adds both to the server. */
export function addProbes(app: FastifyInstance, readiness: Readiness): void {
  // Who stops is alive until it has: restarting it would cut off the requests that it lets end.
  app.get("/livez", (_request, reply) => {
    const sentence = readiness.isStopping ? "The server ends its requests and stops." : "The server runs.";
    return send(reply, { isGood: true, checks: { process: { isGood: true, sentence } } });
  });
  app.get("/readyz", async (_request, reply) => send(reply, await readiness.ask()));
}

function send(reply: FastifyReply, { isGood, checks }: Report): FastifyReply {
  const tell = ([name, { isGood, sentence }]: [string, Finding]) => [name, { ok: isGood, message: sentence }];
  const body = { ok: isGood, checks: Object.fromEntries(Object.entries(checks).map(tell)) };
  return reply
    .code(isGood ? 200 : 503)
    .header("cache-control", "no-store")
    .send(body);
}
