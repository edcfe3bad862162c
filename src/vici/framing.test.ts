import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame, FrameReader } from "./framing.ts";

const limit = 524_288;

test("puts a big-endian length of four bytes before a packet", () => {
  expect(encodeFrame(Buffer.from("0207", "hex")).toString("hex")).toBe("000000020207");
  expect(encodeFrame(Buffer.alloc(0x102)).subarray(0, 4).toString("hex")).toBe("00000102");
});

test("refuses a packet over the limit", () => {
  expect(encodeFrame(Buffer.alloc(limit))).toHaveLength(4 + limit);
  expect(() => encodeFrame(Buffer.alloc(limit + 1))).toThrow(expect.objectContaining({ kind: "too-large" }));
});

test("gives the same packets however the stream is split", () => {
  const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 12 });
  fc.assert(
    fc.property(packets, fc.array(fc.nat()), (bodies, cuts) => {
      const stream = Buffer.concat(bodies.map((body) => encodeFrame(Buffer.from(body))));
      const reader = new FrameReader();
      const got = split(stream, cuts).flatMap((chunk) => [...reader.read(chunk)]);
      expect(got.map((packet) => packet.toString("hex"))).toEqual(
        bodies.map((body) => Buffer.from(body).toString("hex")),
      );
    }),
    { numRuns: 500 },
  );
});

test("gives a packet of the largest length that comes byte by byte", () => {
  const packet = Buffer.alloc(limit, "x");
  const reader = new FrameReader();
  const got: Buffer[] = [];
  for (const byte of encodeFrame(packet)) got.push(...reader.read(Buffer.of(byte)));
  expect(got).toHaveLength(1);
  expect(got[0]?.equals(packet)).toBe(true);
});

test("a packet does not change when the chunk it came in is written over", () => {
  const chunk = encodeFrame(Buffer.from("abc"));
  const got = [...new FrameReader().read(chunk)];
  chunk.fill(0);
  expect(got[0]?.toString()).toBe("abc");
});

test.each([limit + 1, 0xffff_ffff])("refuses a length of %i as soon as it is read", (length) => {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(length);
  expect(() => [...new FrameReader().read(header)]).toThrow(expect.objectContaining({ kind: "too-large" }));
});

test("refuses a length of 0", () => {
  expect(() => [...new FrameReader().read(Buffer.alloc(4))]).toThrow(expect.objectContaining({ kind: "protocol" }));
});

function split(stream: Buffer, cuts: number[]): Buffer[] {
  const offsets = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return offsets.slice(1).map((end, index) => stream.subarray(offsets[index], end));
}
