// A client of the API: signs a call as the vendor's SDKs do and sends it as a form.
import { randomInt, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { request as requestPlain } from "node:http";
import { request as requestSecured } from "node:https";
import { dirname, join } from "node:path";
import { getCACertificates } from "node:tls";
import type { Config } from "../config.ts";
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
  /** Certificates in PEM that are trusted, all of them; undefined: those that Node.js trusts. */
  readonly trusted?: readonly string[] | undefined;
}

/** A reply of the API: `code` 0 is success. */
export interface Reply {
  readonly code: number;
  readonly message: string;
  readonly codeDesc?: string;
  readonly [key: string]: unknown;
}

/** The client of a command, as its options and settings say. @throws Error when a file does not hold what it should */
export function clientOfConfig({ keyFile, data, endpoint, region, caFile }: Config): Client {
  return clientOf(keyFile === "" ? join(data, "admin.key.json") : keyFile, endpoint, region, caFile);
}

/** A client with the key of a file. @throws Error when a file does not hold what it should */
export function clientOf(keyFile: string, endpoint: string, region: string | undefined, caFile = ""): Client {
  return { ...readKeyFile(keyFile), endpoint, region, trusted: readTrusted(endpoint, keyFile, caFile) };
}

/**
 * The certificates of `caFile` and no others; else what Node.js trusts and, when it lies beside the key, the one that the server made
 * for itself: whoever can write there can have the key anyway.
 */
function readTrusted(endpoint: string, keyFile: string, caFile: string): string[] | undefined {
  if (!endpoint.startsWith("https:")) return undefined;
  if (caFile !== "") return [readCertificates(caFile)];
  const ownFile = join(dirname(keyFile), "tls", "cert.pem");
  return existsSync(ownFile) ? [...getCACertificates("default"), readCertificates(ownFile)] : undefined;
}

function readCertificates(file: string): string {
  const text = readFileSync(file, "utf8");
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new Error(`${file} holds no certificate in PEM`, { cause });
  }
  return text;
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

/** Signs and sends one call. @throws Error when no API answers there, or it is not the one that is trusted */
export function call(client: Client, action: string, parameters: Readonly<Record<string, string>>): Promise<Reply> {
  return sendSigned(client, "POST", signCall(client, "POST", action, parameters));
}

/** Sends what signCall made, by the same method. @throws Error when no API answers there, or it is not the one that is trusted */
export async function sendSigned(
  client: Pick<Client, "endpoint" | "trusted">,
  method: "GET" | "POST",
  signed: URLSearchParams,
): Promise<Reply> {
  const { endpoint } = client;
  const { status, text } = await exchange(client, method, signed).catch((cause) => {
    throw new Error(explainFailure(endpoint, cause), { cause });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${endpoint} answered with HTTP status ${status} and no JSON`, { cause });
  }
}

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

/** Not fetch, which cannot be told whom to trust. */
function exchange(
  { endpoint, trusted }: Pick<Client, "endpoint" | "trusted">,
  method: "GET" | "POST",
  signed: URLSearchParams,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = new URL(path, endpoint);
    if (method === "GET") url.search = signed.toString();
    const headers = method === "POST" ? { "content-type": "application/x-www-form-urlencoded" } : {};
    const options = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
    const sent =
      url.protocol === "https:"
        ? requestSecured(url, { ...options, ...(trusted === undefined ? {} : { ca: [...trusted] }) })
        : requestPlain(url, options);
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    sent.end(method === "POST" ? signed.toString() : undefined);
  });
}

/** Codes of certificates that are not trusted, or not made out to this host. */
const distrust = /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT)/;

function explainFailure(endpoint: string, cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (!distrust.test(code)) return `no API answers at ${endpoint}`;
  return `the certificate of ${endpoint} is not trusted (${code}); give the server's cert.pem with --ca-file, and a host that it is made out to`;
}
