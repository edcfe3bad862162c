// The probes alone, over plain HTTP, for a process that serves nothing else.
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { Readiness } from "../health/readiness.ts";
import { addProbes } from "./probes.ts";

/** A probe is a few hundred bytes, and is answered in three seconds. */
const headerLimitBytes = 8 << 10;
const timeoutMs = 10_000;

/** Builds the server; it listens when told to. */
export function buildProbeServer(readiness: Readiness, log: FastifyBaseLogger): FastifyInstance {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    http: { maxHeaderSize: headerLimitBytes },
    requestTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    forceCloseConnections: true,
    bodyLimit: 1,
  });
  addProbes(app, readiness);
  return app;
}
