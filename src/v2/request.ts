// From a raw request to flat parameters: the common ones among them, and the rest for an action (api-v2.md 1.1-1.4).
// Pure: no socket, no clock. What leaves here is well-formed Unicode without NUL; everything else has been refused.

import { ApiError, refuseField } from "../errors.ts";
import { readForm } from "./form.ts";
import { readMultipart } from "./multipart.ts";

/** A request as it came in, before anything is decoded: the signature is made over names and values as sent. */
export interface RawRequest {
  readonly method: string;
  /** The `Host` header. */
  readonly host: string | undefined;
  readonly path: string;
  /** Without the `?`, one character for each byte, as node:http hands out the request line. */
  readonly query: string;
  readonly contentType: string | undefined;
  readonly body: Buffer | undefined;
}

/** Names as sent (`_` untouched) to decoded values, in order of arrival; of a name sent twice only the later one is there. */
export type FlatParameters = ReadonlyMap<string, string>;

type BodyReader = (body: Buffer, contentType: string) => FlatParameters;

const formType = "application/x-www-form-urlencoded";

/** How each media type is read. PHP's `$_POST`, the original's source, filled from both (api-v2.md 1.1). */
const bodyReaders: ReadonlyMap<string, BodyReader> = new Map<string, BodyReader>([
  [formType, (body) => readForm(body.toString("latin1"))],
  ["multipart/form-data", readMultipart],
]);

/** Reads the query of a GET or the body of a POST; the two are never mixed (api-v2.md 1.1). */
export function readParameters(raw: RawRequest): FlatParameters {
  switch (raw.method) {
    case "GET":
      return readForm(raw.query);
    case "POST":
      return readBody(raw.body, raw.contentType || formType);
    default:
      throw new ApiError("parameter-invalid", "The request method must be GET or POST.");
  }
}

function readBody(body: Buffer | undefined, contentType: string): FlatParameters {
  const [mediaType = ""] = contentType.split(";", 1);
  const read = bodyReaders.get(mediaType.trim().toLowerCase());
  if (read === undefined)
    throw new ApiError("parameter-invalid", `The content type must be ${formType} or multipart/form-data.`);
  return read(body ?? Buffer.alloc(0), contentType);
}

/** The parameters every action has (api-v2.md 1.2). */
export interface Common {
  readonly action: string;
  readonly region: string | undefined;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Digits, never a number: clients draw up to 2^63 - 1. */
  readonly nonce: string;
  readonly secretId: string;
  /** As sent: any spelling of base64. */
  readonly signature: string;
  readonly signatureMethod: "sha1" | "sha256";
  readonly token: string | undefined;
}

/** Common parameters, and the marks that clients and their tools add (api-v2.md 1.2): no action sees them. */
const commonNames: ReadonlySet<string> = new Set([
  "Action",
  "Region",
  "Timestamp",
  "Nonce",
  "SecretId",
  "Signature",
  "SignatureMethod",
  "Token",
  "RequestClient",
  "RequestSource",
  "Version",
]);

/** Longer than any real id, name or signature; keeps what is looked up, counted or logged small. */
const maxCommonLength = 256;
/** Tokens of temporary keys run to several hundred characters. */
const maxTokenLength = 4_096;

/** Reads the common parameters; a missing, empty or malformed one is refused by its name (api-v2.md 1.2). */
export function readCommon(parameters: FlatParameters): Common {
  return {
    action: requireCommon(parameters, "Action"),
    timestamp: Number(requireDigits(parameters, "Timestamp", /^-?[0-9]{1,15}$/, "Unix time in whole seconds")),
    // NODE can send 0, although the documents say positive.
    nonce: requireDigits(parameters, "Nonce", /^[0-9]{1,20}$/, "a whole number, not negative, of at most 20 digits"),
    secretId: requireCommon(parameters, "SecretId"),
    signature: requireCommon(parameters, "Signature"),
    // Exactly this text selects SHA-256, anything else means SHA-1.
    signatureMethod: parameters.get("SignatureMethod") === "HmacSHA256" ? "sha256" : "sha1",
    region: findCommon(parameters, "Region", maxCommonLength),
    token: findCommon(parameters, "Token", maxTokenLength),
  };
}

function findCommon(parameters: FlatParameters, name: string, maxLength: number): string | undefined {
  const value = parameters.get(name);
  if (value === undefined || value === "") return undefined;
  if (value.length > maxLength) throw refuseField(name, `The value must have at most ${maxLength} characters.`);
  return value;
}

function requireCommon(parameters: FlatParameters, name: string): string {
  const value = findCommon(parameters, name, maxCommonLength);
  if (value === undefined) throw refuseField(name, "The common parameter is missing or empty.");
  return value;
}

function requireDigits(parameters: FlatParameters, name: string, pattern: RegExp, expected: string): string {
  const value = requireCommon(parameters, name);
  if (!pattern.test(value)) throw refuseField(name, `The value must be ${expected}.`);
  return value;
}

/** What is left for the action: `_` in a name is `.`, the last spelling wins, and an empty value is "not given" (api-v2.md 1.4). */
export function actionParameters(parameters: FlatParameters): Map<string, string> {
  const rest = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (commonNames.has(name)) continue;
    const dotted = name.replaceAll("_", ".");
    if (value === "") rest.delete(dotted);
    else rest.set(dotted, value);
  }
  return rest;
}
