// Where the server listens, and what it serves there.
import { parseAddress } from "../vpn/network.ts";
import { ConfigError } from "./error.ts";

/** An address of our own and a port: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly isLoopback: boolean;
}

/** @throws ConfigError */
export function readListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new ConfigError(
      `listen: an address and a port such as 127.0.0.1:8080 are expected, not ${JSON.stringify(text)}`,
    );
  }
  const address = parseAddress(host);
  const isLoopback = host === "::1" || host === "localhost" || (address !== undefined && address >>> 24 === 127);
  return { host, port, isLoopback };
}

/** `https://[::1]:8080`. */
export function formatEndpoint(scheme: string, { host, port }: Pick<ListenAddress, "host" | "port">): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Whether a request over plain HTTP is answered, or refused because keys and pre-shared keys would cross a network in clear. */
export function servesPlainHttp({
  plainHttp,
  listen,
}: {
  readonly plainHttp: "off" | "loopback" | "on";
  readonly listen: string;
}): boolean {
  switch (plainHttp) {
    case "off":
      return false;
    case "on":
      return true;
    case "loopback":
      return readListen(listen).isLoopback;
  }
}
