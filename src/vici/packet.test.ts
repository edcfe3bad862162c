import { expect, test } from "vitest";
import { decodeMessage } from "./codec.ts";
import { decodePacket, encodePacket, type PacketType } from "./packet.ts";

test.each<[PacketType, string]>([
  ["cmd-request", "00" + "0161" + "0301620000"],
  ["cmd-response", "01" + "0301620000"],
  ["cmd-unknown", "02" + "0301620000"],
  ["event-register", "03" + "0161" + "0301620000"],
  ["event-unregister", "04" + "0161" + "0301620000"],
  ["event-confirm", "05" + "0301620000"],
  ["event-unknown", "06" + "0301620000"],
  ["event", "07" + "0161" + "0301620000"],
])("%s has its number, and a name only if the protocol gives it one", (type, hex) => {
  const bytes = encodePacket(type, "a", { b: "" });
  expect(bytes.toString("hex")).toBe(hex);
  const packet = decodePacket(bytes);
  expect(packet).toMatchObject({ type, name: hex.startsWith("0161", 2) ? "a" : "" });
  expect(decodeMessage(packet.message)).toEqual({ b: "" });
});

test.each([
  ["nothing", ""],
  ["an unknown type", "08"],
  ["a type that has a name, without one", "07"],
  ["a name that is cut off", "070361"],
])("refuses %s", (_, hex) => {
  expect(() => decodePacket(Buffer.from(hex, "hex"))).toThrow(expect.objectContaining({ kind: "protocol" }));
});

test("refuses a command name over 255 bytes", () => {
  expect(() => encodePacket("cmd-request", "c".repeat(256))).toThrow(expect.objectContaining({ kind: "too-large" }));
});
