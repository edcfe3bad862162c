// A gateway host that has no database: it asks the API over HTTPS what to run, with the token of a file.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Logger } from "pino";
import { type Config, ConfigError, readApiEndpoints } from "../config.ts";
import type { ApiPlace } from "../control/remote/api-nodes.ts";
import { RemoteControl } from "../control/remote/remote-control.ts";
import { Secret } from "../vpn/secret.ts";
import { LeasedHost } from "./leased-host.ts";
import { makeLoopParts } from "./loop-parts.ts";
import { ensureSession } from "./session.ts";

/** For how long rounds under way may wait for an API that does not answer, once the host is to stop. */
const patienceMs = 5_000;

export class RemoteHost {
  readonly #control: RemoteControl;
  readonly #host: LeasedHost;
  readonly #handOverMs: number;

  /** @param config whose data directory is there. @throws ConfigError */
  constructor(config: Config, log: Logger) {
    this.#control = new RemoteControl({ ...readApiPlace(config), session: ensureSession(config.data) });
    this.#handOverMs = config.handOverSeconds * 1_000;
    this.#host = new LeasedHost({ ...makeLoopParts(config, log), control: this.#control });
  }

  /** What it was told to run; undefined: nobody has answered yet. */
  get held(): readonly number[] | undefined {
    return this.#host.held;
  }

  /** Whether the last renewal was answered, and its term lasts. */
  get isRenewed(): boolean {
    return this.#host.isRenewed;
  }

  /** @throws DataplaneError when this machine cannot run gateways */
  start(): Promise<void> {
    return this.#host.start();
  }

  /** Before it stops: others are to have its gateways, as far as the settings let it wait for that. */
  handOver(): Promise<void> {
    return this.#host.handOver(this.#handOverMs);
  }

  /** Ends the loops. The gateways live on for as long as their leases last. */
  async stop(): Promise<void> {
    const giveUp = setTimeout(() => this.#control.close(), patienceMs);
    await this.#host.stop();
    clearTimeout(giveUp);
    this.#control.close();
  }
}

/** @throws ConfigError */
export function checkRemoteHost({ apiEndpoints, hostTokenFile, database }: Config): void {
  if (database !== "") throw new ConfigError("database: a gateway host has none; it is the servers' of its API");
  if (apiEndpoints === "") throw new ConfigError("apiEndpoints: a gateway host needs the URLs of its API");
  if (hostTokenFile === "") {
    throw new ConfigError("hostTokenFile: a gateway host needs the file of its token, which culvert host create shows");
  }
}

/** Where the API is, and what a host shows there, but for its session. @throws ConfigError */
export function readApiPlace(config: Config): Omit<ApiPlace, "session"> {
  checkRemoteHost(config);
  const { apiEndpoints, hostTokenFile, caFile } = config;
  const endpoints = readApiEndpoints(apiEndpoints);
  const trusted = caFile === "" ? undefined : readCertificates(caFile);
  return { endpoints, trusted, token: readToken(hostTokenFile) };
}

function readToken(file: string): Secret {
  const token = new Secret(readText("hostTokenFile", file).trim());
  // What HTTP takes in a header, and nothing of another file.
  if (/^[\x21-\x7e]{16,512}$/.test(token.reveal())) return token;
  throw new ConfigError(`hostTokenFile: ${file} holds no token`);
}

function readCertificates(file: string): string {
  const text = readText("caFile", file);
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new ConfigError(`caFile: ${file} holds no certificate in PEM`, { cause });
  }
  return text;
}

function readText(setting: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? ` (${cause.code})` : "";
    throw new ConfigError(`${setting}: ${file} cannot be read${code}`, { cause });
  }
}
