// The v2 signature once more, written from the contract (api-v2.md 1.5) and not from src: what a client sends.
import { createHmac, randomInt } from "node:crypto";
import type { Client } from "../../src/cli/client.ts";

export type Method = "GET" | "POST";

/** What a client may do otherwise than usual. */
export interface SignOptions {
  readonly method?: Method;
  /** Host in the string to sign: the endpoint's own unless told. */
  readonly host?: string;
  readonly algorithm?: "HmacSHA1" | "HmacSHA256";
  /** Common parameters in place of the usual ones; undefined leaves one out. */
  readonly common?: Readonly<Record<string, string | undefined>>;
  /** What happens to the pairs after they are signed. */
  readonly tamper?: (pairs: [string, string][]) => [string, string][];
}

/** Parameters by name, or as pairs when their order or a double matters. */
export type Parameters = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** Everything that goes over the wire, the signature among it. */
export function signPairs(
  { endpoint, secretId, secretKey, region }: Client,
  action: string,
  parameters: Parameters,
  options: SignOptions = {},
): [string, string][] {
  const { method = "POST", host = new URL(endpoint).host, algorithm } = options;
  const common: Record<string, string | undefined> = {
    Action: action,
    Region: region,
    SecretId: secretId,
    Timestamp: String(Math.floor(Date.now() / 1_000)),
    Nonce: String(randomInt(1, 2 ** 47)),
    SignatureMethod: algorithm,
    ...options.common,
  };
  const own = Array.isArray(parameters) ? parameters : Object.entries(parameters);
  const pairs = [...own, ...Object.entries(common)].flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  const signature = signText(stringToSign(method, host, pairs), secretKey.reveal(), algorithm);
  return (options.tamper ?? ((same) => same))([...pairs, ["Signature", signature]]);
}

export function stringToSign(method: Method, host: string, pairs: readonly [string, string][]): string {
  const sorted = [...pairs].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const text = sorted.map(([name, value]) => `${name.replaceAll("_", ".")}=${value}`).join("&");
  return `${method}${host}/v2/index.php?${text}`;
}

export function signText(text: string, secretKey: string, algorithm: SignOptions["algorithm"]): string {
  const hash = algorithm === "HmacSHA256" ? "sha256" : "sha1";
  return createHmac(hash, secretKey).update(text, "utf8").digest("base64");
}

/** `a=1&b=2` with everything escaped but letters, digits and -_.~ */
export function encodePairs(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
}
