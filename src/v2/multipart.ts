// Reads multipart/form-data (RFC 7578, framed as in RFC 2046 5.1) out of a body that is in memory: text parts only, and strictly, since
// every value is signed. Linear in the body: each search goes on where the last one ended. How long the body may be is the server's business.

import { isUtf8 } from "node:buffer";
import { ApiError, refuseField } from "../errors.ts";
import { ParameterCollector } from "./collector.ts";

/** RFC 2046 5.1.1: up to 70 characters, the last one no blank. */
const boundaryPattern = /^[ -~]{0,69}[!-~]$/;
const boundaryParameter = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^;\s"]+))/i;
/** A part's headers hold a name and perhaps a type. */
const maxHeaderBytes = 8_192;
/** One parameter of a header: `; name="a"`, with `\"` and `\\` inside the quotes, or `; name=a`. */
const headerParameter = /;[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))[ \t]*/y;

/** @throws ApiError parameter-invalid for a body that is cut off or malformed, a file, too many parts, and text that is no UTF-8 */
export function readMultipart(body: Buffer, contentType: string): Map<string, string> {
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`, "latin1");
  const collector = new ParameterCollector();
  let mark = firstMark(body, delimiter);
  while (!mark.isLast) {
    // The line break that ends one delimiter may begin the next one.
    const next = nextMark(body, delimiter, mark.end - 2);
    collector.count();
    readPart(body.subarray(mark.end, Math.max(mark.end, next.start)), collector);
    mark = next;
  }
  return collector.parameters;
}

function boundaryOf(contentType: string): string {
  const [, quoted, bare] = boundaryParameter.exec(contentType) ?? [];
  const boundary = quoted ?? bare ?? "";
  if (boundaryPattern.test(boundary)) return boundary;
  throw new ApiError(
    "parameter-invalid",
    "The content type multipart/form-data must name a boundary of 1 to 70 characters.",
  );
}

/** A delimiter with its line: where it starts, and where what follows it starts. */
interface Mark {
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

/** The first delimiter needs no line break before it; JAVA and NETSDK send one, an empty first line (api-v2.md 1.1). */
function firstMark(body: Buffer, delimiter: Buffer): Mark {
  const bare = delimiter.subarray(2);
  const isFirst = body.subarray(0, bare.length).equals(bare);
  return (isFirst ? markAt(body, 0, bare.length) : undefined) ?? nextMark(body, delimiter, 0);
}

function nextMark(body: Buffer, delimiter: Buffer, from: number): Mark {
  let start = body.indexOf(delimiter, from);
  while (start !== -1) {
    const mark = markAt(body, start, start + delimiter.length);
    if (mark !== undefined) return mark;
    start = body.indexOf(delimiter, start + delimiter.length);
  }
  throw new ApiError("parameter-invalid", "The multipart body is cut off: its last boundary is missing.");
}

/** undefined: the line goes on, so it is text that happens to begin like a delimiter. */
function markAt(body: Buffer, start: number, afterDelimiter: number): Mark | undefined {
  const isLast = body.toString("latin1", afterDelimiter, afterDelimiter + 2) === "--";
  let end = afterDelimiter + (isLast ? 2 : 0);
  while (body[end] === 0x20 || body[end] === 0x09) end += 1;
  if (body[end] === 0x0d && body[end + 1] === 0x0a) return { start, end: end + 2, isLast };
  return isLast && end === body.length ? { start, end, isLast } : undefined;
}

function readPart(part: Buffer, collector: ParameterCollector): void {
  const headerEnd = part.subarray(0, maxHeaderBytes).indexOf("\r\n\r\n");
  if (headerEnd === -1) throw malformedPart();
  const { name, isFile } = readDisposition(part.toString("latin1", 0, headerEnd));
  if (isFile) throw refuseField(name, "The parameter must be text, not a file.");
  const value = decode(part.subarray(headerEnd + 4));
  if (value === undefined) throw refuseField(name, "The value must be UTF-8 without NUL.");
  // Without a name it is ignored, as in a form.
  if (name !== "") collector.put(name, value);
}

/** A type, a charset or an encoding of a part means nothing, as it meant nothing to PHP. */
function readDisposition(headers: string): { name: string; isFile: boolean } {
  const lines = headers.replaceAll(/\r\n[ \t]+/g, " ").split("\r\n");
  const [line, ...others] = lines.filter((each) => /^content-disposition[ \t]*:/i.test(each));
  const [head] = /^[^:]*:[ \t]*form-data[ \t]*/i.exec(line ?? "") ?? [];
  if (line === undefined || head === undefined || others.length > 0) throw malformedPart();
  const found = new Map<string, string>();
  headerParameter.lastIndex = head.length;
  let read = head.length;
  while (read < line.length) {
    const match = headerParameter.exec(line);
    if (match === null) throw malformedPart();
    const [text, key = "", quoted, bare = ""] = match;
    read += text.length;
    // Said twice, one of them would be lost.
    if (found.has(key.toLowerCase())) throw malformedPart();
    found.set(key.toLowerCase(), quoted === undefined ? bare : quoted.replaceAll(/\\(["\\])/g, "$1"));
  }
  const rawName = found.get("name");
  if (rawName === undefined) throw malformedPart();
  const name = decode(Buffer.from(rawName, "latin1"));
  if (name === undefined) throw new ApiError("parameter-invalid", "A parameter's name must be UTF-8 without NUL.");
  return { name, isFile: found.has("filename") || found.has("filename*") };
}

function malformedPart(): ApiError {
  const expected = 'Content-Disposition: form-data; name="..."';
  return new ApiError("parameter-invalid", `Each part of a multipart body must begin with a header ${expected}.`);
}

/** undefined: bytes that are not UTF-8, or a NUL. */
function decode(bytes: Buffer): string | undefined {
  return isUtf8(bytes) && !bytes.includes(0) ? bytes.toString("utf8") : undefined;
}
