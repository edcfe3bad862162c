// The vendor's own Node.js client, npm qcloudapi-sdk, pointed at a server of ours.
import { createRequire } from "node:module";
import type { Client, Reply } from "../../src/cli/client.ts";

/** What of the package is used here; it has no types of its own. */
interface QcloudApi {
  request(
    parameters: Record<string, unknown>,
    options: Record<string, unknown>,
    callback: (error: Error | null, reply: Reply) => void,
    extra: Record<string, unknown>,
  ): void;
}

const require = createRequire(import.meta.url);
const QcloudApi: new (options: Record<string, unknown>) => QcloudApi = require("qcloudapi-sdk");

export interface VendorOptions {
  readonly method: "GET" | "POST";
  readonly signatureMethod: "sha1" | "sha256";
}

/** Every way in which it can be told to sign and send. */
export const vendorVariants: readonly VendorOptions[] = (["GET", "POST"] as const).flatMap((method) =>
  (["sha1", "sha256"] as const).map((signatureMethod) => ({ method, signatureMethod })),
);

export type VendorCall = (action: string, parameters?: Record<string, unknown>) => Promise<Reply>;

/** Calls by the vendor's client: it signs, flattens and sends by itself. */
export function makeVendorCall({ endpoint, secretId, secretKey, region }: Client, options: VendorOptions): VendorCall {
  const settings = {
    serviceType: "vpc",
    protocol: new URL(endpoint).protocol.slice(0, -1),
    host: new URL(endpoint).host,
    SecretId: secretId,
    SecretKey: secretKey.reveal(),
    Region: region,
    ...options,
  };
  const api = new QcloudApi(settings);
  return (action, parameters = {}) =>
    new Promise((resolve, reject) => {
      const callback = (error: Error | null, reply: Reply) => (error === null ? resolve(reply) : reject(error));
      // No proxy of the environment: the server is on this machine.
      api.request({ Action: action, ...parameters }, settings, callback, { proxy: null, timeout: 15_000 });
    });
}
