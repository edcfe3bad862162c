// VICI packets: a type, for some types a name, for some a message. Knows nothing of sockets or of who may send what.
// Source: README of the vici plugin, strongSwan 5.9.8, "Packet layer".
import { encodeMessage, measureName, type ViciMessage } from "./codec.ts";
import { ViciError } from "./errors.ts";

/** The packet types; the place in the list is the number on the wire. */
const packetTypes = [
  "cmd-request",
  "cmd-response",
  "cmd-unknown",
  "event-register",
  "event-unregister",
  "event-confirm",
  "event-unknown",
  "event",
] as const;

export type PacketType = (typeof packetTypes)[number];

/** A received packet. `name` is empty for types that have none; `message` is not decoded yet, since nobody may want it. */
export interface Packet {
  readonly type: PacketType;
  readonly name: string;
  readonly message: Buffer;
}

function hasName(type: PacketType): boolean {
  return type === "cmd-request" || type === "event-register" || type === "event-unregister" || type === "event";
}

/**
 * Encodes a packet. `name` is not sent for types that have none.
 * @throws ViciError as encodeMessage does
 */
export function encodePacket(type: PacketType, name: string, message: ViciMessage = {}): Buffer {
  const number = packetTypes.indexOf(type);
  if (!hasName(type)) return Buffer.concat([Buffer.of(number), encodeMessage(message)]);
  return Buffer.concat([Buffer.of(number, measureName(name)), Buffer.from(name, "latin1"), encodeMessage(message)]);
}

/** @throws ViciError `protocol` for an unknown type, or a name that is cut off */
export function decodePacket(bytes: Buffer): Packet {
  const type = packetTypes[bytes[0] ?? packetTypes.length];
  if (type === undefined) throw new ViciError("protocol", `unknown VICI packet type ${bytes[0] ?? "(none)"}`);
  if (!hasName(type)) return { type, name: "", message: bytes.subarray(1) };
  const messageStart = 2 + (bytes[1] ?? bytes.length);
  if (messageStart > bytes.length) throw new ViciError("protocol", `a VICI ${type} packet ends inside its name`);
  return { type, name: bytes.toString("utf8", 2, messageStart), message: bytes.subarray(messageStart) };
}
