// A request byte for byte, and its answer with all that surrounds the JSON.
import { request as requestPlain } from "node:http";
import { request as requestSecured } from "node:https";
import type { Client, Reply } from "../../src/cli/client.ts";
import { encodePairs, type Parameters, type SignOptions, signPairs } from "./sign.ts";

export interface RawCall {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Certificate that is trusted, where the endpoint is https. */
  readonly ca?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly text: string;
  readonly reply: Reply;
}

const timeoutMs = 15_000;
export const v2Path = "/v2/index.php";
export const formType = "application/x-www-form-urlencoded";

/** Sends it on a connection of its own. @throws Error when there is no answer, or it is not JSON */
export function sendRaw(endpoint: string, { method, path, headers = {}, body, ca }: RawCall): Promise<RawAnswer> {
  const { hostname, port, protocol } = new URL(endpoint);
  const request = protocol === "https:" ? requestSecured : requestPlain;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    // Without a length Node sends the body of a GET bare, and the server takes it for the next request.
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const options = { hostname, port, method, path, headers: { ...length, ...headers }, agent: false, signal, ca };
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        try {
          const { statusCode = 0, headers: given } = response;
          resolve({ status: statusCode, contentType: given["content-type"], text, reply: JSON.parse(text) });
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** A signed call as text, ready for a query or a body. */
export function signedText(client: Client, action: string, parameters: Parameters, options: SignOptions = {}): string {
  return encodePairs(signPairs(client, action, parameters, options));
}

/** Signs a call and sends it: GET with a query, or POST with a form. SHA-1 unless told. */
export function sendCall(
  client: Client,
  action: string,
  parameters: Parameters = {},
  options: SignOptions = {},
): Promise<RawAnswer> {
  return sendText(client.endpoint, options.method ?? "POST", signedText(client, action, parameters, options));
}

/** Sends text that is encoded already. */
export function sendText(endpoint: string, method: "GET" | "POST", text: string): Promise<RawAnswer> {
  return method === "GET"
    ? sendRaw(endpoint, { method, path: `${v2Path}?${text}` })
    : sendRaw(endpoint, { method, path: v2Path, headers: { "content-type": formType }, body: text });
}
