import { describe, expect, it } from "vitest";
import type { DecodedMessage } from "../../vici/codec.ts";
import { readChildEvent, readIkeSas, readPeerNetworks } from "./sas.ts";

it("reads an IKE_SA with a child that is being rekeyed", () => {
  const messages = [
    {
      conn1: {
        uniqueid: "7",
        version: "1",
        state: "ESTABLISHED",
        "remote-id": "198.51.100.2",
        "child-sas": {
          "conn1-0-3": {
            name: "conn1-0",
            uniqueid: "3",
            state: "REKEYED",
            "spi-in": "c4eac43a",
            "install-time": "70",
            "bytes-in": "120",
            "bytes-out": "240",
          },
          "conn1-0-4": {
            name: "conn1-0",
            uniqueid: "4",
            state: "INSTALLED",
            "spi-in": "9702181d",
            "install-time": "1",
            "bytes-in": "0",
            "bytes-out": "84",
          },
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
        {
          name: "conn1-0",
          uniqueId: "3",
          state: "REKEYED",
          spi: "c4eac43a",
          ageSeconds: 70,
          bytesIn: 120,
          bytesOut: 240,
        },
        {
          name: "conn1-0",
          uniqueId: "4",
          state: "INSTALLED",
          spi: "9702181d",
          ageSeconds: 1,
          bytesIn: 0,
          bytesOut: 84,
        },
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

describe("what an event says to have ended", () => {
  const carried = { "spi-in": "09e4f111", "install-time": "5", "bytes-in": "1280", "bytes-out": "640" };
  const child = { name: "conn1-0", uniqueid: "3", ...carried };
  const ended = { name: "conn1-0", uniqueId: "3", spi: "09e4f111", ageSeconds: 5, bytesIn: 1_280, bytesOut: 640 };
  const event = (children: object) => ({ conn1: { uniqueid: "1", state: "ESTABLISHED", "child-sas": children } });

  it("is the child that went down", () => {
    const down = event({ "conn1-0-3": { ...child, state: "DELETED" } }) as DecodedMessage;
    expect(readChildEvent(down).ended).toEqual([{ ...ended, state: "DELETED" }]);
  });

  it("is the child that another one replaces, not the other one", () => {
    const pair = { old: { ...child, state: "REKEYING" }, new: { name: "conn1-0", uniqueid: "4", state: "INSTALLED" } };
    expect(readChildEvent(event({ "conn1-0": pair }) as DecodedMessage).ended).toEqual([
      { ...ended, state: "REKEYING" },
    ]);
  });

  it("is nothing when one comes up, or when an IKE_SA goes", () => {
    const up = { up: "yes", ...event({ "conn1-0-3": { ...child, state: "INSTALLED" } }) } as DecodedMessage;
    expect(readChildEvent(up).ended).toEqual([]);
    expect(readChildEvent({ conn1: { uniqueid: "1", state: "DELETING" } }).ended).toEqual([]);
  });
});

it("reads the networks behind the peers, of what is installed", () => {
  const child = (state: string, network: string) => ({ name: "c", state, "remote-ts": [network] });
  const messages = [
    { a: { "child-sas": { "c-1": child("INSTALLED", "10.1.0.0/16"), "c-2": child("REKEYED", "10.1.0.0/16") } } },
    { b: { "child-sas": { "c-3": child("INSTALLED", "10.2.0.0/16"), "c-4": child("INSTALLING", "10.3.0.0/16") } } },
    { c: { state: "CONNECTING" } },
  ];
  expect(readPeerNetworks(messages)).toEqual(new Set(["10.1.0.0/16", "10.2.0.0/16"]));
});
