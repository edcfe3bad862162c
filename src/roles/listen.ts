// Has a server take connections where a setting says.
import { ConfigError, readListen } from "../config.ts";

/** What is used of an HTTP server. */
export interface Listener {
  listen(at: { host: string; port: number; listenTextResolver: () => string }): Promise<unknown>;
  readonly server: { address(): unknown };
}

/**
 * @param setting its name
 * @returns the port, which the system chose when the address says 0
 * @throws ConfigError when the address is not free
 */
export async function listen(app: Listener, setting: string, address: string): Promise<number> {
  const { host, port } = readListen(address);
  try {
    // Fastify's own line in the log would name plain HTTP, whatever is served.
    await app.listen({ host, port, listenTextResolver: () => "taking connections" });
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? cause.code : cause;
    throw new ConfigError(`${setting}: ${address} cannot be listened on (${reason})`, { cause });
  }
  const bound = app.server.address();
  return typeof bound === "object" && bound !== null && "port" in bound ? Number(bound.port) : port;
}
