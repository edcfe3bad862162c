import { expect, it } from "vitest";
import { readIkeSas } from "./sas.ts";

it("reads an IKE_SA with a child that is being rekeyed", () => {
  const messages = [
    {
      conn1: {
        uniqueid: "7",
        version: "1",
        state: "ESTABLISHED",
        "remote-id": "198.51.100.2",
        "child-sas": {
          "conn1-0-3": { name: "conn1-0", uniqueid: "3", state: "REKEYED", "bytes-in": "120", "bytes-out": "240" },
          "conn1-0-4": { name: "conn1-0", uniqueid: "4", state: "INSTALLED", "bytes-in": "0", "bytes-out": "84" },
        },
      },
    },
    { conn2: { uniqueid: "8", state: "CONNECTING", "tasks-active": ["ISAKMP_VENDOR", "MAIN_MODE"] } },
  ];
  expect(readIkeSas(messages)).toEqual([
    {
      connection: "conn1",
      uniqueId: "7",
      state: "ESTABLISHED",
      children: [
        { name: "conn1-0", uniqueId: "3", state: "REKEYED", bytesIn: 120, bytesOut: 240 },
        { name: "conn1-0", uniqueId: "4", state: "INSTALLED", bytesIn: 0, bytesOut: 84 },
      ],
    },
    { connection: "conn2", uniqueId: "8", state: "CONNECTING", children: [] },
  ]);
});

it("leaves out what a peer has begun and what has no connection yet", () => {
  expect(readIkeSas([{ "(unnamed)": { uniqueid: "1", state: "CONNECTING" } }])).toEqual([]);
});

it("reads an empty answer", () => {
  expect(readIkeSas([])).toEqual([]);
});
