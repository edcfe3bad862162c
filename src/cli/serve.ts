// `culvert serve`: runs until it is told to stop.
import { type Config, ConfigError } from "../config.ts";
import type { Certificate } from "../http/certificate.ts";

/** A server that runs. */
export interface RunningServer {
  /** `http://127.0.0.1:8080`, `https://127.0.0.1:8080`: what it answers to. */
  readonly endpoints: readonly string[];
  readonly certificate: Certificate;
  /** Reads the certificate anew, for connections from then on. @throws ConfigError, and the old one stays */
  reloadCertificate(): Promise<Certificate>;
  /** Where the administrator's key is, and whether this start made it. */
  readonly adminKeyFile: string;
  readonly isNewAdminKey: boolean;
  /** After `stopDelaySeconds` requests under way end, loops finish their round; the gateways live on. */
  stop(): Promise<void>;
}

/** How the program starts a server. @throws ConfigError, StoreError, DataplaneError */
export type StartServer = (config: Config) => Promise<RunningServer>;

/** A stop that takes longer is given up: what was acknowledged is on disk anyway. */
const stopTimeoutMs = 10_000;

export async function runServe(config: Config, startServer: StartServer): Promise<void> {
  const server = await startServer(config);
  const places = server.endpoints.map((endpoint) => `${endpoint}/v2/index.php`).join(" and ");
  if (server.isNewAdminKey) say(`the administrator's key is in ${server.adminKeyFile}`);
  sayCertificate(server.certificate);
  say(`the API is at ${places} (${config.dataplane} data plane)`);
  process.on("SIGHUP", () => void reload(server));
  const signal = await new Promise<string>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve(name));
  });
  say(`${signal}, stopping; the gateways live on`);
  const deadline = setTimeout(() => process.exit(1), config.stopDelaySeconds * 1_000 + stopTimeoutMs);
  await server.stop();
  clearTimeout(deadline);
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
