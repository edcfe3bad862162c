// A client of the API: signs a call as the vendor's SDKs do and sends it as a form.
import { randomInt } from "node:crypto";
import { signRequest } from "../v2/signature.ts";
import type { Secret } from "../vpn/secret.ts";

/** Where and as whom to call. */
export interface Client {
  /** `http://127.0.0.1:8080`. */
  readonly endpoint: string;
  readonly secretId: string;
  readonly secretKey: Secret;
  readonly region: string | undefined;
}

/** A reply of the API: `code` 0 is success. */
export interface Reply {
  readonly code: number;
  readonly message: string;
  readonly codeDesc?: string;
  readonly [key: string]: unknown;
}

const path = "/v2/index.php";
const timeoutMs = 30_000;
const mostNonce = 2 ** 47;

/** What is sent: the action's parameters, the common ones and the signature. */
export function signCall(
  client: Client,
  action: string,
  parameters: Readonly<Record<string, string>>,
  nowMs: number,
): URLSearchParams {
  const { endpoint, secretId, secretKey, region } = client;
  const all = new Map(Object.entries(parameters));
  all.set("Action", action);
  all.set("SecretId", secretId);
  all.set("Timestamp", String(Math.floor(nowMs / 1_000)));
  all.set("Nonce", String(randomInt(1, mostNonce)));
  all.set("SignatureMethod", "HmacSHA256");
  if (region !== undefined) all.set("Region", region);
  const signature = signRequest({ method: "POST", host: new URL(endpoint).host, path, parameters: all, secretKey });
  return new URLSearchParams([...all, ["Signature", signature]]);
}

/** Sends one signed call. @throws Error when no API answers there */
export async function call(
  client: Client,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Reply> {
  const url = new URL(path, client.endpoint);
  const body = signCall(client, action, parameters, Date.now());
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    throw new Error(`no API answers at ${client.endpoint}`, { cause });
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${client.endpoint} answered with HTTP status ${response.status} and no JSON`, { cause });
  }
}
