// What the charon of one of our gateways lists, asked past the server.
import { catchAllName } from "../../src/dataplane/charon/catch-all.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { readIkeSas } from "../../src/dataplane/charon/sas.ts";
import type { IkeSa } from "../../src/dataplane/dataplane.ts";
import { ViciSession } from "../../src/vici/session.ts";

/** @param vpnGw its number @throws ViciError when it does not answer */
export async function listSas(names: Names, vpnGw = 1): Promise<IkeSa[]> {
  return withSession(names, vpnGw, async (session) => readIkeSas(await session.stream("list-sas", "list-sa")));
}

/** What a renewal or a new negotiation would change: unique ids of IKE_SAs, and SPIs of CHILD_SAs that are up. */
export async function listIdentities(names: Names, vpnGw = 1): Promise<readonly string[]> {
  const ikeSas = await listSas(names, vpnGw);
  return ikeSas.flatMap(({ uniqueId, children }) => [`#${uniqueId}`, ...children.map(({ spi }) => spi)]).sort();
}

/** Names of the connections and of the secrets that are loaded. */
export async function listLoaded(names: Names, vpnGw = 1): Promise<{ connections: unknown; secrets: unknown }> {
  return withSession(names, vpnGw, async (session) => ({
    connections: ((await session.request("get-conns")).conns as string[]).filter((name) => name !== catchAllName),
    secrets: (await session.request("get-shared")).keys ?? [],
  }));
}

async function withSession<T>(names: Names, vpnGw: number, ask: (session: ViciSession) => Promise<T>): Promise<T> {
  const session = await ViciSession.connect(names.viciSocket(vpnGw));
  try {
    return await ask(session);
  } finally {
    session.close();
  }
}
