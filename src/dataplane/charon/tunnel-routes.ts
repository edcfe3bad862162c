// charon's routes into its TUN: one for each network behind a peer, in its own table. charon makes them with a CHILD_SA and does not
// look at them again, so what somebody else takes away is missed by nobody but the packets.
import { contains, type Network, parseNetwork } from "../../vpn/network.ts";
import { CommandError, ipJson } from "./ip.ts";

/** charon's own table (strongswan.conf, charon.routing_table). */
const tunnelTable = 220;

/** A route of that table as `ip -json route` shows it. A single address has no length, and everywhere is `default`. */
export interface TunnelRoute {
  readonly dst: string;
  readonly dev?: string;
}

/** Those of `networks` that no route leads to. What is no network at all is left out. Pure. */
export function findRouteless(networks: Iterable<string>, routes: readonly TunnelRoute[]): string[] {
  const routed = routes.flatMap(({ dst, dev }) => (dev === undefined ? [] : (read(dst) ?? [])));
  return [...networks].filter((text) => {
    const network = read(text);
    return network !== undefined && !routed.some((route) => contains(route, network));
  });
}

/** Reads the table. @throws CommandError */
export function listTunnelRoutes(namespace: string): Promise<TunnelRoute[]> {
  // A table that never had a route is not there, and an empty one is nothing at all.
  return ipJson<TunnelRoute[]>(namespace, ["route", "show", "table", `${tunnelTable}`]).catch((error: unknown) => {
    if (error instanceof CommandError && /table does not exist/.test(error.stderr)) return [];
    throw error;
  });
}

function read(text: string): Network | undefined {
  if (text === "default") return parseNetwork("0.0.0.0/0");
  return parseNetwork(text.includes("/") ? text : `${text}/32`);
}
