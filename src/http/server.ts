// The server process's face: takes requests, keeps their raw text for the signature, and logs method, path, action and request id.
// The query string and the body are never logged: they hold pre-shared keys.
import { randomUUID } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { hostPath } from "../control/wire.ts";
import { ApiError } from "../errors.ts";
import type { Readiness } from "../health/readiness.ts";
import { type V2Api, v2Path } from "../v2/api.ts";
import { refuse, type V2Reply } from "../v2/envelope.ts";
import { type HostDesk, overHttpsOnly, serveHosts } from "./host-api.ts";
import { addProbes, isProbe } from "./probes.ts";
import type { TlsPort } from "./tls-port.ts";

/** api-v2.md 1.1: 1 MiB for a body, 32 KiB for a request line. */
const bodyLimitBytes = 1 << 20;
const requestLineLimitBytes = 32 << 10;
/** Node counts the request line among the headers. */
const headerLimitBytes = 64 << 10;
const requestTimeoutMs = 60_000;
/** Longer than most clients keep an idle connection, so that the client is the one who closes it. */
const keepAliveTimeoutMs = 72_000;
/** A client that does not read its answers: Node stops reading its requests, and no other timeout holds for it. */
const stallTimeoutMs = 60_000;
/** How long requests under way have to end when the server stops. */
const usualClosingMs = 6_000;

const tooLong = () => refuse(new ApiError("parameter-invalid", "the request line is longer than 32 KiB; send a POST"));
const tooLarge = () => refuse(new ApiError("parameter-invalid", "the body is larger than 1 MiB"));
const malformed = () =>
  refuse(new ApiError("parameter-invalid", "the request's headers, Content-Type or Content-Length, are malformed"));

const plainRefused = () => refuse(new ApiError("protocol-unsupported", "the API is served over HTTPS only"));

/** What the rest of the program knows of the server. */
export type HttpServer = FastifyInstance;

interface ServerParts {
  readonly api: V2Api;
  /** Lets gateway hosts in; undefined: none is. */
  readonly desk?: HostDesk | undefined;
  readonly log: FastifyBaseLogger;
  /** Adds HTTPS on the same port. */
  readonly tlsPort: TlsPort | undefined;
  /** False: whatever comes over plain HTTP is answered with 4600, before anything else is looked at (api-v2.md 1.1, 1.7). */
  readonly isPlainServed: boolean;
  /** What /readyz tells; once it says that the server is stopping, each answer is the last one on its connection. */
  readonly readiness: Readiness;
  /** After which a connection is cut on which nothing moves though something should. */
  readonly stallMs?: number;
  /** After which, when it closes, the connections are cut whose requests have not ended, 6 s unless told. */
  readonly closingMs?: number;
}

/** Builds the server; it listens when told to. */
export function buildServer(parts: ServerParts): HttpServer {
  const { api, desk, log, tlsPort, isPlainServed, readiness } = parts;
  const { stallMs = stallTimeoutMs, closingMs = usualClosingMs } = parts;
  const servers: Server[] = [];
  const isRefused = (socket: Socket) => !isPlainServed && !("encrypted" in socket && socket.encrypted);
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: "idle",
    // What still comes on a connection that is in use is answered as ever, and the connection ends with it.
    return503OnClosing: false,
    genReqId: () => randomUUID(),
    // A path that cannot be decoded. Fastify's own answer repeats the whole query.
    frameworkErrors: (_error, _request, reply) => {
      sendNothingHere(reply);
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, isRefused(socket)),
    // What a factory makes, Fastify takes as it is, without limits and timeouts of its own.
    serverFactory: (handler) => {
      const server = createServer(
        { maxHeaderSize: headerLimitBytes, requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs },
        (request, response) => {
          // Before the router, which has refusals of its own.
          if (!isRefused(request.socket) || isProbe(request)) return handler(request, response);
          log.info({ method: request.method, code: plainRefused().code }, "plain HTTP refused");
          if (request.url?.startsWith(hostPath)) sendPlain(response, 403, overHttpsOnly);
          else sendPlain(response, 200, plainRefused());
        },
      );
      server.setTimeout(stallMs);
      servers.push(server);
      tlsPort?.guard(server);
      return server;
    },
  });
  app.addHook("preClose", async () => {
    tlsPort?.close();
    setTimeout(() => {
      for (const server of servers) server.closeAllConnections();
    }, closingMs).unref();
  });
  app.addHook("onSend", (_request, reply, payload, done) => {
    if (readiness.isStopping) reply.header("connection", "close");
    done(null, payload);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  addProbes(app, readiness);
  app.route({
    method: ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"],
    url: v2Path,
    handler: (request, reply) => answerV2(api, log, request, reply),
  });
  if (desk !== undefined) serveHosts(app, desk, log);
  app.setNotFoundHandler(async (request, reply) => {
    // Methods that Fastify has no route for: the API refuses them in its own words.
    if (pathOf(request) === v2Path) return answerV2(api, log, request, reply);
    return sendNothingHere(reply);
  });
  app.setErrorHandler((error: { code?: string; statusCode?: number }, request, reply) => {
    if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return sendTooLarge(request, reply);
    if (error.statusCode !== undefined && error.statusCode < 500) return sendReply(reply, malformed());
    log.error({ requestId: request.id, method: request.method, path: pathOf(request), err: error }, "request failed");
    return sendReply(reply, refuse(new ApiError("internal", "an internal failure")));
  });
  return app;
}

function pathOf(request: FastifyRequest): string {
  return (request.raw.url ?? "").split("?", 1)[0] ?? "";
}

/**
 * The status is always 200 (api-v2.md 2.1). No charset: one client of the later API compares the header with exactly this text;
 * Fastify leaves the header alone only when it is given bytes.
 */
function sendReply(reply: FastifyReply, answer: V2Reply): FastifyReply {
  const headers = { "content-type": "application/json", "x-request-id": reply.request.id };
  return reply
    .code(200)
    .headers(headers)
    .send(Buffer.from(JSON.stringify(answer)));
}

function sendNothingHere(reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ message: `there is nothing here; the API is at ${v2Path}` });
}

function sendPlain(response: ServerResponse, status: number, answer: unknown): void {
  const body = JSON.stringify(answer);
  response
    .writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
    .end(body);
}

async function answerV2(
  api: V2Api,
  log: FastifyBaseLogger,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const startedMs = performance.now();
  const url = request.raw.url ?? "";
  if (url.length > requestLineLimitBytes) return sendReply(reply, tooLong());
  const mark = url.indexOf("?");
  const outcome = await api.answer({
    method: request.method,
    host: request.headers.host,
    path: v2Path,
    query: mark === -1 ? "" : url.slice(mark + 1),
    contentType: request.headers["content-type"],
    body: Buffer.isBuffer(request.body) ? request.body : undefined,
  });
  const entry = {
    requestId: request.id,
    method: request.method,
    path: v2Path,
    action: outcome.action,
    code: outcome.reply.code,
    ms: Math.round((performance.now() - startedMs) * 100) / 100,
  };
  sendReply(reply, outcome.reply);
  if (outcome.failure === undefined) log.info(entry, "call");
  else log.error({ ...entry, err: outcome.failure }, "call failed");
  return reply;
}

/** How much of a body that is too large is read and thrown away, so that the client gets to read the reply. */
const drainLimitBytes = 16 << 20;

function sendTooLarge(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  let drained = 0;
  request.raw.on("data", (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > drainLimitBytes) request.raw.destroy();
  });
  request.raw.resume();
  return sendReply(reply, tooLarge());
}

/** How long a client has to read the answer to what Node refuses. */
const lingerMs = 2_000;
const lingering = new WeakSet<Socket>();

/**
 * end() closes our half only, and Node looks after a connection no more once it has refused something on it: a client that never closes
 * the other half would keep it for ever. Cutting it at once would take the answer from those who are still sending.
 */
function cutSoon(socket: Socket): void {
  if (lingering.has(socket)) return;
  lingering.add(socket);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}

/** What Node itself refuses: headers that are too long, text that is not HTTP, and requests that take too long. */
function answerClientError(error: Error & { code?: string }, socket: Socket, isRefused: boolean): void {
  cutSoon(socket);
  if (!socket.writable) return;
  if (error.code === "HPE_HEADER_OVERFLOW") {
    const body = JSON.stringify(isRefused ? plainRefused() : tooLong());
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
  } else {
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  }
}
