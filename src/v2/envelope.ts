// The envelope of every v2 reply: code, message, codeDesc and the payload (api-v2.md 2.1).
// The HTTP status beside it is always 200; that is the server's business.

import type { ApiError } from "../errors.ts";
import { v2Errors } from "./errors.ts";

/** A reply, ready for JSON. Where the payload stands, at top level or in `data`, is each action's choice. */
export interface V2Reply {
  readonly code: number;
  readonly message: string;
  readonly codeDesc: string;
  readonly [key: string]: unknown;
}

/** A success (api-v2.md 2.1: message is empty, codeDesc always there). */
export function succeed(payload: Record<string, unknown> = {}): V2Reply {
  return { code: 0, message: "", codeDesc: "Success", ...payload };
}

/** A parameter's name comes from the caller: long enough for any real one, short enough to echo. */
const maxNameLength = 100;

/** A refusal (api-v2.md 2.3, 2.4). `parameterOf` gives the wire name of a field that an operation named in its own words. */
export function refuse(error: ApiError, parameterOf: (field: string) => string = (field) => field): V2Reply {
  const { code, codeDesc } = v2Errors[error.kind];
  let message = toSentence(error.message);
  if (error.kind === "parameter-invalid" && error.field !== undefined) {
    message = nameParameter(message, parameterOf(error.field));
  }
  // A negative number belongs to the module and is repeated in the message.
  if (code < 0) message = `(${code})${message}`;
  return { code, message, codeDesc };
}

/** "Expected a number." of `limit` becomes "Expected a number [limit]." */
function nameParameter(message: string, name: string): string {
  const bracket = `[${name.slice(0, maxNameLength).toWellFormed()}]`;
  if (message.includes(bracket)) return message;
  return message.endsWith(".") ? `${message.slice(0, -1)} ${bracket}.` : `${message} ${bracket}`;
}

/** Every message is one sentence; where it was written is not to be seen. Ids and networks keep their small letters. */
function toSentence(message: string): string {
  const isWord = /^[a-z]+[ ,]/.test(message);
  const text = isWord ? message.charAt(0).toUpperCase() + message.slice(1) : message;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
