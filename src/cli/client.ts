// A client of the API: signs a call as the vendor's SDKs do and sends it as a form.
import { randomInt } from "node:crypto";
import { readKeyFile } from "../operations/admin-key.ts";
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

/** A client with the key of a file. @throws Error when the file does not hold `{"secretId","secretKey"}` */
export function clientOf(keyFile: string, endpoint: string, region: string | undefined): Client {
  return { ...readKeyFile(keyFile), endpoint, region };
}

const path = "/v2/index.php";
const timeoutMs = 30_000;
const mostNonce = 2 ** 47;

/** What is sent: the action's parameters, the common ones and the signature. */
export function signCall(
  client: Client,
  method: "GET" | "POST",
  action: string,
  parameters: Readonly<Record<string, string>>,
): URLSearchParams {
  const { endpoint, secretId, secretKey, region } = client;
  const all = new Map([["Action", action], ...Object.entries(parameters)]);
  if (region !== undefined) all.set("Region", region);
  all.set("SecretId", secretId);
  all.set("Timestamp", String(Math.floor(Date.now() / 1_000)));
  all.set("Nonce", String(randomInt(1, mostNonce)));
  all.set("SignatureMethod", "HmacSHA256");
  const signature = signRequest({ method, host: new URL(endpoint).host, path, parameters: all, secretKey });
  return new URLSearchParams([...all, ["Signature", signature]]);
}

/** Signs and sends one call. @throws Error when no API answers there */
export function call(client: Client, action: string, parameters: Readonly<Record<string, string>>): Promise<Reply> {
  return sendSigned(client.endpoint, "POST", signCall(client, "POST", action, parameters));
}

/** Sends what signCall made, by the same method. @throws Error when no API answers there */
export async function sendSigned(endpoint: string, method: "GET" | "POST", signed: URLSearchParams): Promise<Reply> {
  const url = new URL(path, endpoint);
  if (method === "GET") url.search = signed.toString();
  let response: Response;
  try {
    const body = method === "POST" ? signed : null;
    response = await fetch(url, { method, body, signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    throw new Error(`no API answers at ${endpoint}`, { cause });
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${endpoint} answered with HTTP status ${response.status} and no JSON`, { cause });
  }
}
