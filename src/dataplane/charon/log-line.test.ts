import { expect, it } from "vitest";
import { readLogLine } from "./log-line.ts";

const atMs = new Date(2026, 10, 22, 10, 20, 30, 123).getTime();

it("reads a message about an IKE_SA", () => {
  const text = "giving up after 5 retransmits";
  const line = `2026-11-22T10:20:30.123 05[IKE] <ike-198.51.100.2-1f2e3d4c5b6a|7> ${text}`;
  expect(readLogLine(line)).toEqual({ connection: "ike-198.51.100.2-1f2e3d4c5b6a", uniqueId: "7", text, atMs });
});

it("reads one about an IKE_SA that has no name yet, and times without milliseconds", () => {
  const text = "198.51.100.2 is initiating a Main Mode IKE_SA <x|2> y";
  const line = { connection: undefined, uniqueId: "12", text, atMs };
  expect(readLogLine(`2026-11-22T10:20:30.123 15[IKE] <12> ${text}`)).toEqual(line);
  expect(readLogLine(`2026-11-22T10:20:30 15[IKE] <12> ${text}`)).toEqual({ ...line, atMs: atMs - 123 });
});

it("leaves out packets, what is about no IKE_SA, and half a line", () => {
  expect(readLogLine("2026-11-22T10:20:30.123 05[NET] <a|7> received packet: from 1.2.3.4[500]")).toBeUndefined();
  expect(readLogLine("2026-11-22T10:20:30.123 05[CFG] vici initiate CHILD_SA 'a'")).toBeUndefined();
  expect(readLogLine("[IKE] <a|7> giving up")).toBeUndefined();
});

it("reads what is sent, and that it cannot be", () => {
  const sent = { connection: "a", uniqueId: "7", text: "sending packet: from 1.2.3.4[500]", atMs };
  expect(readLogLine("2026-11-22T10:20:30.123 05[NET] <a|7> sending packet: from 1.2.3.4[500]")).toEqual(sent);
  const text = "error writing to socket: Operation not permitted";
  const failed = { connection: undefined, uniqueId: undefined, text, atMs };
  expect(readLogLine(`2026-11-22T10:20:30.123 04[NET] ${text}`)).toEqual(failed);
});
