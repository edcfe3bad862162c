// Decodes application/x-www-form-urlencoded text, the same in a query and in a body (api-v2.md 1.1).
// Linear in the text, whatever the text: how long it may be is the business of whoever read it.

import { isUtf8 } from "node:buffer";
import { ApiError, refuseField } from "../errors.ts";
import { ParameterCollector } from "./collector.ts";

const beyondBytes = /[\u0100-\uffff]/;
const beyondAscii = /[\u0080-\uffff]/;

/** Reads `name=value&...`, one character for each byte. Parameters without a name are ignored, as PHP does. */
export function readForm(text: string): Map<string, string> {
  if (beyondBytes.test(text)) {
    throw new ApiError("parameter-invalid", "Text outside ASCII must be sent as percent-encoded UTF-8.");
  }
  const collector = new ParameterCollector();
  let start = 0;
  while (start < text.length) {
    const next = text.indexOf("&", start);
    const end = next === -1 ? text.length : next;
    // Cut first, look for `=` in the piece: a search in the whole text would be quadratic for text without any.
    const piece = text.slice(start, end);
    start = end + 1;
    const equals = piece.indexOf("=");
    const rawName = equals === -1 ? piece : piece.slice(0, equals);
    if (rawName === "") continue;
    collector.count();
    const name = decodeName(rawName);
    collector.put(name, equals === -1 ? "" : decodeValue(piece.slice(equals + 1), name));
  }
  return collector.parameters;
}

function decodeName(raw: string): string {
  const name = decode(raw);
  if (name === undefined) {
    throw new ApiError("parameter-invalid", "A parameter's name must be percent-encoded UTF-8 without NUL.");
  }
  return name;
}

function decodeValue(raw: string, name: string): string {
  const value = decode(raw);
  if (value === undefined) throw refuseField(name, "The value must be percent-encoded UTF-8 without NUL.");
  return value;
}

/** undefined: a malformed escape, bytes that are not UTF-8, or a NUL. */
function decode(raw: string): string | undefined {
  let text = raw;
  if (beyondAscii.test(text)) {
    // Bytes sent without escapes. UTF-8 passes, as it did in the original.
    const bytes = Buffer.from(text, "latin1");
    if (!isUtf8(bytes)) return undefined;
    text = bytes.toString("utf8");
  }
  if (text.includes("+")) text = text.replaceAll("+", " ");
  if (text.includes("%")) {
    try {
      text = decodeURIComponent(text);
    } catch {
      return undefined;
    }
  }
  return text.includes("\0") ? undefined : text;
}
