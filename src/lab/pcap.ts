// Reads a pcap stream, piece by piece, as tcpdump writes it to its standard output. Pure: bytes in, frames out.
// Format: https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/

const fileHeaderLength = 24;
const recordHeaderLength = 16;
const ethernet = 1;
/** libpcap's own limit (MAXIMUM_SNAPLEN): a longer record means that the stream is out of step. */
const longestRecord = 262_144;

/** The magic number as a little-endian reader sees it: times in micro- or nanoseconds, in either byte order. */
const byteOrders = new Map([
  [0xa1b2c3d4, true],
  [0xa1b23c4d, true],
  [0xd4c3b2a1, false],
  [0x4d3cb2a1, false],
]);

/** Takes the pieces of one stream and hands out each Ethernet frame once it is whole. */
export interface PcapReader {
  /** @throws Error when this is no pcap of Ethernet frames */
  push(piece: Uint8Array): Uint8Array[];
  /** Bytes of a record that is not whole yet: not 0 at the end of a stream that was cut off. */
  pendingBytes(): number;
}

export function makePcapReader(): PcapReader {
  let pending = Buffer.alloc(0);
  let isLittleEndian: boolean | undefined;
  const take = (length: number): Buffer => {
    const taken = pending.subarray(0, length);
    pending = pending.subarray(length);
    return taken;
  };
  return {
    push(piece) {
      pending = Buffer.concat([pending, piece]);
      if (isLittleEndian === undefined) {
        if (pending.length < fileHeaderLength) return [];
        isLittleEndian = readByteOrder(take(fileHeaderLength));
      }
      const frames: Uint8Array[] = [];
      while (pending.length >= recordHeaderLength) {
        const length = readWord(pending, 8, isLittleEndian);
        if (length > longestRecord) throw new Error(`a pcap record of ${length} bytes: the capture is out of step`);
        if (pending.length < recordHeaderLength + length) break;
        frames.push(take(recordHeaderLength + length).subarray(recordHeaderLength));
      }
      return frames;
    },
    pendingBytes: () => pending.length,
  };
}

function readByteOrder(header: Buffer): boolean {
  const isLittleEndian = byteOrders.get(header.readUInt32LE(0));
  if (isLittleEndian === undefined) throw new Error("the capture is no pcap stream");
  const linkType = readWord(header, 20, isLittleEndian) & 0xffff;
  if (linkType !== ethernet) throw new Error(`the capture is of link type ${linkType}, not of Ethernet`);
  return isLittleEndian;
}

function readWord(bytes: Buffer, offset: number, isLittleEndian: boolean): number {
  return isLittleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
}
