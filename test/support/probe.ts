// Asks a server how it is, as a load balancer does.
import { expect } from "vitest";
import { waitFor } from "./wait-for.ts";

/** What /livez and /readyz answer. */
export interface Probed {
  readonly status: number;
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly message: string }>>;
}

/** More than the bound of a check. */
const answerTimeoutMs = 8_000;
/** What was found is kept for a second, and a check may take two. */
const noticeTimeoutMs = 15_000;

/** @throws Error when there is no answer */
export async function probe(endpoint: string, path: "/livez" | "/readyz" = "/readyz"): Promise<Probed> {
  const response = await fetch(new URL(path, endpoint), { signal: AbortSignal.timeout(answerTimeoutMs) });
  const { ok, checks } = (await response.json()) as Omit<Probed, "status">;
  expect(response.status).toBe(ok ? 200 : 503);
  return { status: response.status, ok, checks };
}

/** Waits until the server says that it is ready. */
export async function untilReady(endpoint: string): Promise<void> {
  const isReady = async () => (await probe(endpoint)).ok;
  await waitFor(isReady, { what: "the server to be ready", timeoutMs: noticeTimeoutMs });
}

/** Waits until it says that it is not. @returns what is wrong, by check */
export async function untilUnready(endpoint: string): Promise<Record<string, string>> {
  const find = async () => {
    const { ok, checks } = await probe(endpoint);
    return ok ? undefined : checks;
  };
  const checks = await waitFor(find, { what: "the server not to be ready", timeoutMs: noticeTimeoutMs });
  const wrong = Object.entries(checks).filter(([, { ok }]) => !ok);
  return Object.fromEntries(wrong.map(([name, { message }]) => [name, message]));
}
