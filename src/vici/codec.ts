// VICI messages to bytes and back: a tree of sections, key/values and lists. Knows nothing of packets or sockets.
// Source: README of the vici plugin, strongSwan 5.9.8, "Message format".
import { isAscii } from "node:buffer";
import { ViciError } from "./errors.ts";

/** A value to send. VICI knows bytes only, so numbers and booleans are written out by the caller (`"60"`, `"yes"`). */
export type ViciValue = string | Buffer | readonly (string | Buffer)[] | ViciMessage;

/** A message to send: the root section. Entries that are `undefined` are left out. */
export interface ViciMessage {
  readonly [key: string]: ViciValue | undefined;
}

/** A received value: text, a list of texts, or a section. */
export type DecodedValue = string | string[] | DecodedMessage;

/** A received message or section. It has no prototype, so that no key (`__proto__`, `toString`) means anything. */
export interface DecodedMessage {
  readonly [key: string]: DecodedValue | undefined;
}

interface Section {
  [key: string]: DecodedValue;
}

const sectionStart = 1;
const sectionEnd = 2;
const keyValue = 3;
const listStart = 4;
const listItem = 5;
const listEnd = 6;

/** Largest name in bytes: its length is one byte. */
export const nameLimit = 255;
/** Largest value in bytes: its length is two bytes. */
export const valueLimit = 65_535;

/**
 * The length of a name in bytes.
 * @throws ViciError `too-large` over 255 bytes; `protocol` if not printable ASCII: charon drops a packet with such a name
 *   without an answer (vici_stringify in vici_message.c)
 */
export function measureName(name: string): number {
  if (!/^[\x20-\x7e]*$/.test(name)) throw new ViciError("protocol", "a name is not printable ASCII");
  if (name.length > nameLimit) throw new ViciError("too-large", `a name of ${name.length} bytes, ${nameLimit} at most`);
  return name.length;
}

/**
 * Encodes a message. Keys keep the order of the object, which for keys that are whole numbers is not the order of writing.
 * @throws ViciError `too-large` for a name over 255 or a value over 65535 bytes; `protocol` for a name that is not printable ASCII
 */
export function encodeMessage(message: ViciMessage): Buffer {
  const bytes = Buffer.allocUnsafe(measureSection(message));
  writeSection(bytes, 0, message);
  return bytes;
}

/** Every check is made here, so that writing cannot fail half-way. */
function measureSection(section: ViciMessage): number {
  let length = 0;
  for (const key of Object.keys(section)) {
    const value = section[key];
    if (value === undefined) continue;
    length += 2 + measureName(key);
    if (isScalar(value)) length += measureValue(key, value);
    else if (!isList(value)) length += measureSection(value) + 1;
    else length += value.reduce((sum, item) => sum + 1 + measureValue(key, item), 1);
  }
  return length;
}

function measureValue(key: string, value: string | Buffer): number {
  const length = Buffer.byteLength(value);
  if (length > valueLimit) {
    throw new ViciError("too-large", `the value of ${key} has ${length} bytes, ${valueLimit} at most`);
  }
  return 2 + length;
}

// The writers write at an offset and give the offset after what they wrote.

function writeSection(bytes: Buffer, start: number, section: ViciMessage): number {
  let offset = start;
  for (const key of Object.keys(section)) {
    const value = section[key];
    if (value === undefined) continue;
    if (isScalar(value)) {
      offset = writeValue(bytes, writeName(bytes, offset, keyValue, key), value);
    } else if (isList(value)) {
      offset = writeName(bytes, offset, listStart, key);
      for (const item of value) offset = writeValue(bytes, bytes.writeUInt8(listItem, offset), item);
      offset = bytes.writeUInt8(listEnd, offset);
    } else {
      offset = writeSection(bytes, writeName(bytes, offset, sectionStart, key), value);
      offset = bytes.writeUInt8(sectionEnd, offset);
    }
  }
  return offset;
}

function writeName(bytes: Buffer, offset: number, type: number, name: string): number {
  bytes[offset] = type;
  bytes[offset + 1] = name.length;
  return offset + 2 + bytes.write(name, offset + 2, "latin1");
}

function writeValue(bytes: Buffer, offset: number, value: string | Buffer): number {
  const start = offset + 2;
  const length = typeof value === "string" ? bytes.write(value, start) : value.copy(bytes, start);
  bytes.writeUInt16BE(length, offset);
  return start + length;
}

function isScalar(value: ViciValue): value is string | Buffer {
  return typeof value === "string" || Buffer.isBuffer(value);
}

function isList(value: ViciValue): value is readonly (string | Buffer)[] {
  return Array.isArray(value);
}

/**
 * Decodes a message. Values are read as UTF-8: one that is not (a certificate in DER) comes out with U+FFFD in it.
 * Keys keep their order, except that JavaScript puts keys that are whole numbers first. A key that comes twice in a section,
 * which the protocol forbids, keeps its last value. Linear in the length, at any depth of nesting.
 * @throws ViciError `protocol` if the bytes are no message
 */
export function decodeMessage(bytes: Buffer): DecodedMessage {
  // Slices of one string are made twice as fast as strings out of a buffer; only where all is ASCII do the offsets agree.
  const text = isAscii(bytes) ? bytes.toString("latin1") : undefined;
  const root: Section = Object.create(null);
  const parents: Section[] = [];
  let section = root;
  let list: string[] | undefined;
  let offset = 0;

  function readByte(): number {
    const byte = bytes[offset++];
    if (byte === undefined) throw malformed("it ends inside an element");
    return byte;
  }
  function readText(length: number): string {
    const start = offset;
    offset += length;
    if (offset > bytes.length) throw malformed("it ends inside an element");
    return text?.slice(start, offset) ?? bytes.toString("utf8", start, offset);
  }
  const readName = () => readText(readByte());
  const readValue = () => readText(readByte() * 256 + readByte());

  while (offset < bytes.length) {
    const type = readByte();
    if ((type === listItem || type === listEnd) !== (list !== undefined)) {
      throw malformed(list ? `element ${type} inside a list` : `element ${type} outside a list`);
    }
    switch (type) {
      case sectionStart: {
        parents.push(section);
        const child: Section = Object.create(null);
        section[readName()] = child;
        section = child;
        break;
      }
      case sectionEnd: {
        const parent = parents.pop();
        if (parent === undefined) throw malformed("a section ends that did not begin");
        section = parent;
        break;
      }
      case keyValue: {
        const key = readName();
        section[key] = readValue();
        break;
      }
      case listStart:
        list = [];
        section[readName()] = list;
        break;
      case listItem:
        list?.push(readValue());
        break;
      case listEnd:
        list = undefined;
        break;
      default:
        throw malformed(`unknown element ${type}`);
    }
  }
  if (list !== undefined || parents.length > 0) throw malformed("it ends inside a list or section");
  return root;
}

function malformed(reason: string): ViciError {
  return new ViciError("protocol", `malformed VICI message: ${reason}`);
}
