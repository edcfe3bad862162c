// The desk for gateway hosts, over HTTPS: the methods of Control, one path each, and the long poll for nudges. A host is half trusted: it is
// known by its token before its body is read, and what it sends is checked before anything is done with it. Neither is ever logged.
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Codec, WireError } from "../control/codec.ts";
import { type Control, ControlError, type Leases } from "../control/control.ts";
import type { NudgeBoard } from "../control/nudge-board.ts";
import {
  type Arguments,
  gatewayOf,
  hostPath,
  type Method,
  pollAnswer,
  pollMs,
  pollRequest,
  question,
  type Result,
  refusalBody,
  renewal,
  sessionHeader,
  statuses,
  wire,
} from "../control/wire.ts";
import { Secret } from "../vpn/secret.ts";

/** A host that was let in. */
export interface AdmittedHost {
  readonly hostId: number;
  /**
   * @param fences by gateway, as it was told them with its last leases
   * @param isAwaited whether the host still waits for the answer: what it has given up it may have reported elsewhere
   */
  seat(fences: ReadonlyMap<number, number>, isAwaited: () => boolean): HostSeat;
}

/** A host's side of the desk. */
export interface HostSeat {
  readonly control: Control;
  /** Of the last leases, by gateway. */
  readonly fences: ReadonlyMap<number, number>;
}

/** Who lets hosts in, and what they are told of. */
export interface HostDesk {
  /** @param session of the host's data directory. @throws ControlError refused when the token is nobody's */
  admit(token: Secret, session: string): Promise<AdmittedHost>;
  readonly board: NudgeBoard;
}

/** A round of more than a thousand channels with all that is told of each. */
const bodyLimitBytes = 16 << 20;

export const overHttpsOnly = refusalBody.encode({ message: "hosts are answered over HTTPS only" });

/** Adds the paths under hostPath. */
export function serveHosts(app: FastifyInstance, desk: HostDesk, log: FastifyBaseLogger): void {
  app.register((scope, _options, done) => {
    const admitted = new WeakMap<FastifyRequest, AdmittedHost>();
    const hostOf = (request: FastifyRequest): AdmittedHost => {
      const host = admitted.get(request);
      if (host === undefined) throw new TypeError("nobody comes here who was not let in");
      return host;
    };
    // Before the body is read.
    scope.addHook("onRequest", async (request, reply) => {
      if (!("encrypted" in request.raw.socket)) return reply.code(403).send(overHttpsOnly);
      const { token, session } = readCredentials(request);
      admitted.set(request, await desk.admit(token, session));
    });
    scope.addHook("preClose", async () => desk.board.close());
    scope.setErrorHandler((error, request, reply) => answerFailure(error, request, reply, log));
    const options = { bodyLimit: bodyLimitBytes };
    for (const method of Object.keys(wire) as Method[]) {
      scope.post(`${hostPath}${method}`, options, async (request, reply) => {
        const isAwaited = () => !request.raw.socket.destroyed;
        return sendJson(reply, await carryOut(hostOf(request), method, readJson(request), desk.board, isAwaited));
      });
    }
    scope.post(`${hostPath}watch`, options, async (request, reply) => {
      const { hostId } = hostOf(request);
      const { cursor } = pollRequest.decode(readJson(request));
      const left = new AbortController();
      reply.raw.once("close", () => left.abort());
      const answer = await desk.board.poll(hostId, cursor, { timeoutMs: pollMs, signal: left.signal });
      return sendJson(reply, pollAnswer.encode(answer));
    });
    done();
  });
}

/** @returns what the method gave, for JSON. @throws WireError, before anything was done; ControlError */
async function carryOut<M extends Method>(
  host: AdmittedHost,
  method: M,
  body: unknown,
  board: NudgeBoard,
  isAwaited: () => boolean,
): Promise<unknown> {
  const { args: json, fence } = question.decode(body);
  const { args, result } = wire[method] as { args: Codec<Arguments<M>>; result: Codec<Result<M>> };
  const given = args.decode(json);
  const gatewayId = gatewayOf(given);
  const fences = new Map(gatewayId === undefined || fence === undefined ? [] : [[gatewayId, fence]]);
  const seat = host.seat(fences, isAwaited);
  const work = seat.control[method] as (...given: Arguments<M>) => Promise<Result<M>>;
  const made = await work.apply(seat.control, given);
  if (method !== "renew") return result.encode(made);
  const leases = made as Leases;
  board.hold(host.hostId, [...leases.gatewayIds, ...leases.leavingIds]);
  return renewal.encode({ leases, fences: seat.fences });
}

/** @throws ControlError refused */
function readCredentials({ headers }: FastifyRequest): { readonly token: Secret; readonly session: string } {
  const [, token] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(headers.authorization ?? "") ?? [];
  const session = headers[sessionHeader];
  if (token === undefined)
    throw new ControlError("refused", "a host has to say who it is: Authorization: Bearer TOKEN");
  if (typeof session !== "string" || !/^[0-9A-Za-z-]{1,64}$/.test(session)) {
    throw new ControlError("refused", `a host has to say which data directory it runs on: ${sessionHeader}: SESSION`);
  }
  return { token: new Secret(token), session };
}

/** @throws WireError */
function readJson({ body }: FastifyRequest): unknown {
  try {
    return JSON.parse(Buffer.isBuffer(body) ? body.toString("utf8") : "");
  } catch {
    // Not the parser's message: it quotes.
    throw new WireError("JSON");
  }
}

function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type("application/json").send(JSON.stringify(value ?? null));
}

function answerFailure(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: FastifyBaseLogger,
): FastifyReply {
  const refuse = (status: number, message: string) => sendJson(reply.code(status), refusalBody.encode({ message }));
  const entry = { requestId: request.id, path: request.routeOptions.url };
  if (error instanceof ControlError) {
    log.warn({ ...entry, kind: error.kind, reason: error.message }, "a host was refused");
    return refuse(statuses[error.kind], error.message);
  }
  if (error instanceof WireError) {
    log.warn({ ...entry, reason: error.message }, "a host sent what is not understood");
    return refuse(400, error.message);
  }
  // Fastify's own: a body that is too long, or is not what its headers say.
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  if (status < 500)
    return refuse(status, status === 413 ? "the body is larger than 16 MiB" : "the headers are malformed");
  log.error({ ...entry, err: error }, "a host's request failed");
  return refuse(500, "an internal failure");
}
