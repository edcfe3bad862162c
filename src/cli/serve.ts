// `culvert serve`: runs until it is told to stop.
import { type Config, ConfigError } from "../config.ts";
import type { Certificate } from "../http/certificate.ts";

/** A server that runs: the API, and with the role all the gateways of this machine. */
export interface RunningServer {
  readonly kind: "server";
  /** `http://127.0.0.1:8080`, `https://127.0.0.1:8080`: what it answers to. */
  readonly endpoints: readonly string[];
  readonly certificate: Certificate;
  /** Reads the certificate anew, for connections from then on. @throws ConfigError, and the old one stays */
  reloadCertificate(): Promise<Certificate>;
  /** Where the administrator's key is, and whether this start made it. */
  readonly adminKeyFile: string;
  readonly isNewAdminKey: boolean;
  /** After `stopDelaySeconds`, and a hand-over, requests under way end, loops finish their round; the gateways live on. */
  stop(): Promise<void>;
}

/** A gateway host that runs, and asks the API what. */
export interface RunningHost {
  readonly kind: "host";
  readonly apiEndpoints: readonly string[];
  /** How many it was told to run; undefined: no API node has answered yet. */
  readonly gateways: number | undefined;
  /** `http://127.0.0.1:8081`: where probes are answered; undefined: nowhere. */
  readonly probeEndpoint: string | undefined;
  /** Other hosts take its gateways; then loops finish their round, and what is left lives on while its leases last. */
  stop(): Promise<void>;
}

/** How the program starts what the role says. @throws ConfigError, StoreError, DataplaneError */
export type StartServer = (config: Config) => Promise<RunningServer | RunningHost>;

/** A stop that takes longer is given up: what was acknowledged is on disk anyway. */
const stopTimeoutMs = 10_000;

export async function runServe(config: Config, startServer: StartServer): Promise<void> {
  const running = await startServer(config);
  const stopSignal = awaitStopSignal();
  if (running.kind === "server") sayServer(running, config);
  else sayHost(running, config);
  process.on("SIGHUP", () => {
    if (running.kind === "server") void reload(running);
  });
  const signal = await stopSignal;
  const isHost = running.kind === "host";
  say(`${signal}, stopping; the gateways live on${isHost ? ", on other hosts or while their leases last" : ""}`);
  const waitMs = Math.max(config.stopDelaySeconds, config.handOverSeconds) * 1_000;
  const deadline = setTimeout(() => process.exit(1), waitMs + stopTimeoutMs);
  await running.stop();
  clearTimeout(deadline);
}

/** The first one asks for a stop. The second one has no patience, and nothing is lost by that: it is as if the process was killed. */
function awaitStopSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let isAsked = false;
  const hear = (signal: string) => {
    if (isAsked) {
      say(`${signal} again, ending at once`);
      process.exit(0);
    }
    isAsked = true;
    resolve(signal);
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, hear);
  return promise;
}

function sayServer({ endpoints, certificate, adminKeyFile, isNewAdminKey }: RunningServer, config: Config): void {
  const places = endpoints.map((endpoint) => `${endpoint}/v2/index.php`).join(" and ");
  if (isNewAdminKey) say(`the administrator's key is in ${adminKeyFile}`);
  sayCertificate(certificate);
  say(`the API is at ${places} (${config.role === "api" ? "no" : config.dataplane} data plane)`);
}

function sayHost({ apiEndpoints, gateways, probeEndpoint }: RunningHost, { dataplane }: Config): void {
  const told = gateways === undefined ? "no answer yet, asking again" : `${gateways} gateways`;
  say(`a gateway host of ${apiEndpoints.join(" and ")}: ${told} (${dataplane} data plane)`);
  if (probeEndpoint !== undefined) say(`probes are answered at ${probeEndpoint}/livez and ${probeEndpoint}/readyz`);
}

function say(sentence: string): void {
  process.stderr.write(`culvert: ${sentence}\n`);
}

function sayCertificate({ file, fingerprint, warning }: Certificate): void {
  say(`the certificate is in ${file}, SHA-256 ${fingerprint}`);
  if (warning !== undefined) say(`warning: ${warning}`);
}

/** A certificate that is no good leaves the server with the one it has. */
async function reload(server: RunningServer): Promise<void> {
  try {
    const certificate = await server.reloadCertificate();
    say("SIGHUP, the certificate was read anew");
    sayCertificate(certificate);
  } catch (error) {
    say(`SIGHUP, the old certificate stays: ${error instanceof ConfigError ? error.message : error}`);
  }
}
