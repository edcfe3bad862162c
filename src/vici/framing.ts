// VICI transport: packets as segments of a byte stream, each behind a 4-byte big-endian length. Looks into no packet.
// Source: README of the vici plugin, strongSwan 5.9.8, "Transport protocol".
import { ViciError } from "./errors.ts";

/** Largest packet in bytes, without its length field: VICI_MESSAGE_SIZE_MAX. charon closes the connection over it. */
export const packetLimit = 512 * 1024;

const headerLength = 4;

/** Puts the length before a packet. @throws ViciError `too-large` over 512 KiB */
export function encodeFrame(packet: Buffer): Buffer {
  checkLength(packet.length);
  const header = Buffer.allocUnsafe(headerLength);
  header.writeUInt32BE(packet.length);
  return Buffer.concat([header, packet]);
}

/** Cuts one stream into packets, however it arrives. Holds one packet at most. After a throw the stream is lost. */
export class FrameReader {
  readonly #header = Buffer.alloc(headerLength);
  /** What is being filled: the header, or a packet of the length it gave. */
  #target = this.#header;
  #filled = 0;

  /**
   * Takes the next bytes of the stream and gives the packets they complete. Each byte is copied once.
   * @throws ViciError `too-large` for a length over 512 KiB, before anything is set aside for it; `protocol` for a length of 0
   */
  *read(chunk: Buffer): Generator<Buffer, void, undefined> {
    for (let offset = 0; offset < chunk.length; ) {
      const copied = chunk.copy(this.#target, this.#filled, offset);
      offset += copied;
      this.#filled += copied;
      if (this.#filled < this.#target.length) return;
      const complete = this.#target;
      const isHeader = complete === this.#header;
      this.#target = isHeader ? Buffer.allocUnsafe(checkLength(complete.readUInt32BE())) : this.#header;
      this.#filled = 0;
      if (!isHeader) yield complete;
    }
  }
}

function checkLength(length: number): number {
  if (length > packetLimit)
    throw new ViciError("too-large", `a VICI packet of ${length} bytes, ${packetLimit} at most`);
  if (length === 0) throw new ViciError("protocol", "a VICI packet of 0 bytes");
  return length;
}
