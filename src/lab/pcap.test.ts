// pcap streams made by hand, in both byte orders and cut anywhere.
import { describe, expect, it } from "vitest";
import { makePcapReader } from "./pcap.ts";

const frames = [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(300).fill(7)];

function makeStream(isLittleEndian: boolean, magic = 0xa1b2c3d4, linkType = 1): Buffer {
  const word = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (isLittleEndian) bytes.writeUInt32LE(value);
    else bytes.writeUInt32BE(value);
    return bytes;
  };
  const version = isLittleEndian ? Buffer.of(2, 0, 4, 0) : Buffer.of(0, 2, 0, 4);
  const header = [word(magic), version, word(0), word(0), word(262_144), word(linkType)];
  // The frame's length on the wire, the last word, is longer than what was caught of it.
  const records = frames.map((frame) => [word(1), word(2), word(frame.length), word(frame.length + 9), frame]);
  return Buffer.concat([...header, ...records.flat()]);
}

const asArrays = (found: Uint8Array[]) => found.map((frame) => [...frame]);

describe("makePcapReader", () => {
  for (const isLittleEndian of [true, false]) {
    for (const magic of [0xa1b2c3d4, 0xa1b23c4d]) {
      it(`reads ${isLittleEndian ? "little" : "big"}-endian streams with magic ${magic.toString(16)}`, () => {
        const reader = makePcapReader();
        expect(asArrays(reader.push(makeStream(isLittleEndian, magic)))).toEqual(asArrays(frames));
        expect(reader.pendingBytes()).toBe(0);
      });
    }
  }

  it("finds the same frames wherever the stream is cut", () => {
    const stream = makeStream(true);
    for (let size = 1; size < stream.length; size += 1) {
      const reader = makePcapReader();
      const found: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) found.push(...reader.push(stream.subarray(at, at + size)));
      expect(asArrays(found)).toEqual(asArrays(frames));
    }
  });

  it("tells of a stream that ends in the middle of a frame", () => {
    const reader = makePcapReader();
    expect(reader.push(makeStream(true).subarray(0, -1))).toHaveLength(2);
    expect(reader.pendingBytes()).toBe(16 + 299);
  });

  it("refuses what is no capture of Ethernet frames", () => {
    expect(() => makePcapReader().push(Buffer.alloc(24))).toThrow("no pcap");
    expect(() => makePcapReader().push(makeStream(true, 0xa1b2c3d4, 113))).toThrow("link type 113");
  });

  it("refuses a record longer than any frame", () => {
    const stream = makeStream(true);
    stream.writeUInt32LE(262_145, 24 + 8);
    expect(() => makePcapReader().push(stream)).toThrow("out of step");
  });
});
