// An API node's desk for hosts on real HTTPS, in the test's own process, over whatever Control the test gives it.
import type { AddressInfo } from "node:net";
import pino from "pino";
import { type Control, ControlError } from "../../src/control/control.ts";
import { NudgeBoard } from "../../src/control/nudge-board.ts";
import type { ApiPlace } from "../../src/control/remote/api-nodes.ts";
import { Readiness } from "../../src/health/readiness.ts";
import type { Certificate } from "../../src/http/certificate.ts";
import type { HostDesk } from "../../src/http/host-api.ts";
import { makeSelfSigned } from "../../src/http/self-signed.ts";
import { buildServer } from "../../src/http/server.ts";
import { TlsPort } from "../../src/http/tls-port.ts";
import type { V2Api } from "../../src/v2/api.ts";
import { Secret } from "../../src/vpn/secret.ts";

export const token = "a-token-that-is-good";
export const session = "0f1e2d3c";
export const hostId = 7;

let made: Promise<Certificate> | undefined;

/** One for all nodes of a file. */
export function certificateOfNodes(): Promise<Certificate> {
  made ??= makeSelfSigned(["127.0.0.1"], Date.now()).then(({ cert, key }) => {
    return { cert, key: new Secret(key), file: "", fingerprint: "", warning: undefined };
  });
  return made;
}

/** What a renewal tells, by gateway. */
export const fences: ReadonlyMap<number, number> = new Map([[1, 2 ** 40]]);

export interface TestNode {
  /** The gateways and fences that came with what was asked. */
  readonly asked: readonly (readonly [number, number])[];
  /** `https://127.0.0.1:PORT`. */
  readonly endpoint: string;
  readonly port: number;
  readonly board: NudgeBoard;
  /** What it logged. */
  readonly lines: readonly string[];
  /** How many connections and requests there were. */
  readonly counts: { connections: number; requests: number };
  stop(): Promise<void>;
}

export interface NodeOptions {
  readonly port?: number;
  readonly isPlainServed?: boolean;
  /** The whole desk, instead of one that lets `token` in; its board is the node's. */
  readonly deskOf?: (board: NudgeBoard) => HostDesk;
  /** The board that the next request is answered from; the node's own unless told. */
  readonly boardOf?: () => NudgeBoard;
}

/** @param controlOf the side of the desk of a host that was let in, by its session */
export async function startNode(
  controlOf: (session: string) => Control,
  { port = 0, isPlainServed = false, boardOf, deskOf }: NodeOptions = {},
): Promise<TestNode> {
  const lines: string[] = [];
  const log = pino({ level: "trace", base: null }, { write: (line) => lines.push(line) });
  const board = new NudgeBoard();
  const asked: [number, number][] = [];
  const desk: HostDesk = deskOf?.(board) ?? {
    get board() {
      return boardOf?.() ?? board;
    },
    admit: async (given: Secret, ofSession: string) => {
      if (given.reveal() !== token) throw new ControlError("refused", "the token is nobody's");
      const seat = (given: ReadonlyMap<number, number>) => {
        for (const entry of given) asked.push(entry);
        return { control: controlOf(ofSession), fences };
      };
      return { hostId, seat };
    },
  };
  const tlsPort = new TlsPort(await certificateOfNodes());
  const readiness = new Readiness({});
  const app = buildServer({ api: {} as V2Api, desk, log, tlsPort, isPlainServed, readiness });
  const counts = { connections: 0, requests: 0 };
  app.server.on("request", () => {
    counts.requests += 1;
  });
  app.server.on("connection", () => {
    counts.connections += 1;
  });
  await app.listen({ host: "127.0.0.1", port });
  const bound = app.server.address() as AddressInfo;
  const endpoint = `https://127.0.0.1:${bound.port}`;
  return { endpoint, port: bound.port, board, asked, lines, counts, stop: () => app.close() };
}

/** Where those nodes are, for a host that the desk lets in. */
export async function placeOf(...endpoints: readonly string[]): Promise<ApiPlace> {
  return { endpoints, trusted: (await certificateOfNodes()).cert, token: new Secret(token), session };
}
