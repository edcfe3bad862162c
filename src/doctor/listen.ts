// Whether the API's address can be had, or who has it.
import { once } from "node:events";
import { createServer } from "node:net";
import type { ListenAddress } from "../config.ts";
import { type Check, codeOf, fail, ok, warn } from "./check.ts";

/** `taken`: by somebody who does not answer as Culvert does. `unusable`: with the error code of the attempt. */
export type SeenListen =
  | { readonly kind: "free" | "culvert" | "taken" }
  | { readonly kind: "unusable"; readonly code: string };

const answerTimeoutMs = 2_000;

/** Takes the address for a moment; if that cannot be, asks who answers there. */
export async function probeListen({ host, port }: ListenAddress): Promise<SeenListen> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return { kind: "free" };
  } catch (error) {
    const code = codeOf(error) ?? String(error);
    if (code !== "EADDRINUSE") return { kind: "unusable", code };
    return { kind: (await isCulvert(host, port)) ? "culvert" : "taken" };
  }
}

/** Asked over plain HTTP, which a Culvert answers there also when it does not serve it. */
async function isCulvert(host: string, port: number): Promise<boolean> {
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  try {
    const response = await fetch(`http://${authority}/livez`, { signal: AbortSignal.timeout(answerTimeoutMs) });
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null && "ok" in body && body.ok === true;
  } catch {
    return false;
  }
}

/** @param isServerHere whether a server runs on the data directory that is looked at; undefined when that cannot be told */
export function judgeListen(listen: string, seen: SeenListen, isServerHere: boolean | undefined): Check {
  const elsewhere = "Give the server another address: `culvert serve --listen 127.0.0.1:8081`.";
  switch (seen.kind) {
    case "free":
      return ok("listen", `${listen} is free.`);
    case "culvert":
      if (isServerHere !== false) return ok("listen", `A Culvert answers at ${listen}.`);
      return warn("listen", `A Culvert answers at ${listen}, but not one on this data directory.`, elsewhere);
    case "taken":
      return fail("listen", `${listen} is taken by a program that is no Culvert.`, elsewhere);
    case "unusable":
      return fail("listen", `${listen} cannot be listened on (${seen.code}).`, elsewhere);
  }
}
