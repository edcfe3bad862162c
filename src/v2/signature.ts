// The v2 signature, both ways: HMAC over method, host, path and the raw parameters (api-v2.md 1.5).
// Clients disagree on the order of names, on `@` values and on the host, so the server tries a bounded number of readings.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "../vpn/secret.ts";
import type { Common, FlatParameters } from "./request.ts";

/** The module's own name: the CLI signs it whatever host it speaks to (api-v2.md 1.5). */
const vendorHost = "vpc.api.qcloud.com";

/** Eight hosts with all four readings. */
const maxCandidates = 32;
/** Characters put through the HMAC for one request: whoever knows a SecretId can send 1 MiB that fits nothing. */
const maxSignedLength = 8 * 1024 * 1024;

/** The host names of the setting: separated by commas, each perhaps with a port. */
export function listHosts(setting: string): string[] {
  return setting.split(",").flatMap((host) => host.trim() || []);
}

/** The hosts a client may have signed, most likely first: the header, the same without port, the vendor's, the operator's. */
export function candidateHosts(host: string | undefined, configured: readonly string[]): string[] {
  const own = host === undefined || host === "" ? [] : [host, host.replace(/:[0-9]{1,5}$/, "")];
  return [...new Set([...own, vendorHost, ...configured])];
}

/**
 * The strings a client may have signed, lazily and most likely first (api-v2.md 1.5, "Differences between clients"): for
 * each host, names sorted as sent and then with `_` made `.`, or (PY) the other way round; on POST without values that
 * begin with `@`, which most clients take for file uploads, or (NETSDK) with them.
 */
export function* stringsToSign(
  request: { readonly method: string; readonly path: string },
  parameters: FlatParameters,
  hosts: readonly string[],
): Generator<string, void, undefined> {
  const known: string[] = [];
  for (const [index, host] of hosts.entries()) {
    const head = `${request.method}${host}${request.path}?`;
    // The parameters read the same under every host: made for the first, remembered for the others.
    for (const text of index === 0 ? parameterTexts(request.method, parameters) : known) {
      if (index === 0) known.push(text);
      yield head + text;
    }
  }
}

function* parameterTexts(method: string, parameters: FlatParameters): Generator<string, void, undefined> {
  const hasUploads = method === "POST" && [...parameters.values()].some(isUpload);
  for (const names of nameOrders(parameters)) {
    if (hasUploads) yield joinParameters(names, parameters, isUpload);
    yield joinParameters(names, parameters, () => false);
  }
}

function isUpload(value: string): boolean {
  return value.startsWith("@");
}

function* nameOrders(parameters: FlatParameters): Generator<string[], void, undefined> {
  // The default order compares code units: ASCII order for the names of this API, capitals first, no locale.
  const names = [...parameters.keys()].filter((name) => name !== "Signature").sort();
  yield names;
  if (!names.some((name) => name.includes("_"))) return;
  const dotted = new Map(names.map((name) => [name, dotName(name)]));
  const byDotted = names.toSorted((a, b) => compareText(dotted.get(a) ?? a, dotted.get(b) ?? b));
  if (byDotted.some((name, index) => name !== names[index])) yield byDotted;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** `_` and `.` are one in a name: the original read PHP's `$_POST`, where `.` had become `_` (api-v2.md 1.5). */
function dotName(name: string): string {
  return name.includes("_") ? name.replaceAll("_", ".") : name;
}

function joinParameters(
  names: readonly string[],
  parameters: FlatParameters,
  isLeftOut: (value: string) => boolean,
): string {
  let text = "";
  for (const name of names) {
    const value = parameters.get(name) ?? "";
    // An empty value is signed as `name=` (NODE).
    if (!isLeftOut(value)) text += `${text === "" ? "" : "&"}${dotName(name)}=${value}`;
  }
  return text;
}

/** The HMAC of a string to sign. Latin-1 is for verifying the CLI only; a client signs UTF-8. */
export function sign(
  method: "sha1" | "sha256",
  secretKey: Secret,
  text: string,
  encoding: "utf8" | "latin1" = "utf8",
): Buffer {
  return createHmac(method, secretKey.reveal()).update(text, encoding).digest();
}

/** What a signature is checked against: the request as sent and the key of its SecretId. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  /** From candidateHosts. */
  readonly hosts: readonly string[];
  readonly parameters: FlatParameters;
  readonly common: Pick<Common, "signature" | "signatureMethod">;
  readonly secretKey: Secret;
}

const macLengths = { sha1: 20, sha256: 32 } as const;

/**
 * The HMAC that matched, or undefined. Bytes are compared in constant time; that a comparison took place, and at which
 * reading, is no secret. The answer is the computed HMAC, never the text sent: base64 has several spellings of one value,
 * and the replay memory must see one.
 */
export function verifySignature(request: SignedRequest): Buffer | undefined {
  const { signature, signatureMethod } = request.common;
  const sent = Buffer.from(signature, "base64");
  if (sent.length !== macLengths[signatureMethod]) return undefined;
  // The CLI signs é as Latin-1 and sends it as UTF-8 (api-v2.md 1.5).
  return matchSignature(request, sent, "utf8") ?? matchSignature(request, sent, "latin1");
}

function matchSignature(request: SignedRequest, sent: Buffer, encoding: "utf8" | "latin1"): Buffer | undefined {
  let tried = 0;
  let signedLength = 0;
  for (const text of stringsToSign(request, request.parameters, request.hosts)) {
    tried += 1;
    signedLength += text.length;
    if (tried > maxCandidates || signedLength > maxSignedLength) return undefined;
    if (encoding === "latin1" && !differsInLatin1(text)) continue;
    const mac = sign(request.common.signatureMethod, request.secretKey, text, encoding);
    if (timingSafeEqual(mac, sent)) return mac;
  }
  return undefined;
}

function differsInLatin1(text: string): boolean {
  return /[\u0080-\u00ff]/.test(text) && !/[\u0100-\uffff]/.test(text);
}

/** The client's side: the Signature for parameters that already hold Action, Timestamp, Nonce, SecretId and so on. */
export function signRequest(request: {
  readonly method: "GET" | "POST";
  /** As the client will name it, with its port. */
  readonly host: string;
  readonly path: string;
  readonly parameters: FlatParameters;
  readonly secretKey: Secret;
}): string {
  const method = request.parameters.get("SignatureMethod") === "HmacSHA256" ? "sha256" : "sha1";
  const [text = ""] = stringsToSign(request, request.parameters, [request.host]);
  return sign(method, request.secretKey, text).toString("base64");
}
