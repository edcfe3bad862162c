// `culvert serve`: runs until it is told to stop.
import type { Config } from "../config.ts";

/** A server that runs. */
export interface RunningServer {
  /** `http://127.0.0.1:8080`. */
  readonly endpoint: string;
  /** Where the administrator's key is, and whether this start made it. */
  readonly adminKeyFile: string;
  readonly isNewAdminKey: boolean;
  /** Requests under way end, loops finish their round; the gateways live on. */
  stop(): Promise<void>;
}

/** How the program starts a server. @throws ConfigError, StoreError, DataplaneError */
export type StartServer = (config: Config) => Promise<RunningServer>;

/** A stop that takes longer is given up: what was acknowledged is on disk anyway. */
const stopTimeoutMs = 10_000;

export async function runServe(config: Config, startServer: StartServer): Promise<void> {
  const server = await startServer(config);
  if (server.isNewAdminKey) process.stderr.write(`culvert: the administrator's key is in ${server.adminKeyFile}\n`);
  process.stderr.write(`culvert: the API is at ${server.endpoint}/v2/index.php (${config.dataplane} data plane)\n`);
  const signal = await new Promise<string>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve(name));
  });
  process.stderr.write(`culvert: ${signal}, stopping; the gateways live on\n`);
  const deadline = setTimeout(() => process.exit(1), stopTimeoutMs);
  await server.stop();
  clearTimeout(deadline);
}
