import { expect, it } from "vitest";
import { readLogLine } from "./log-line.ts";

const event = {
  group: "IKE",
  level: "1",
  "ikesa-name": "vpnx-a",
  "ikesa-uniqueid": "7",
  msg: "giving up after 5 retransmits",
};

it("reads a message about an IKE_SA", () => {
  const line = { connection: "vpnx-a", uniqueId: "7", text: "giving up after 5 retransmits", atMs: 5 };
  expect(readLogLine(event, 5)).toEqual(line);
});

it("leaves out packets, and what is about no IKE_SA", () => {
  expect(readLogLine({ ...event, group: "NET" }, 5)).toBeUndefined();
  expect(readLogLine({ group: "CFG", level: "1", msg: "vici initiate CHILD_SA 'a'" }, 5)).toBeUndefined();
});
