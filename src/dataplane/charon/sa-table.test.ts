import { describe, expect, it } from "vitest";
import type { DecodedMessage } from "../../vici/codec.ts";
import type { IkeSa } from "../dataplane.ts";
import { type ChangeEvent, SaTable } from "./sa-table.ts";
import { readIkeSas } from "./sas.ts";

const child = (uniqueid: string, state = "INSTALLED") => ({ name: `a-${uniqueid}`, uniqueid, state });

/** An IKE_SA as charon tells of it, with so many children. */
function told(uniqueid: string, children: readonly object[] = [], more: object = {}): DecodedMessage {
  const sections = Object.fromEntries(children.map((section, index) => [`child-${index}`, section]));
  return { ...more, conn: { uniqueid, state: "ESTABLISHED", "child-sas": sections } } as DecodedMessage;
}

const up = { up: "yes" };

/** `1: 4 INSTALLED`: the IKE_SA, its child, the state. */
function textOf(ikeSas: readonly IkeSa[]): string[] {
  return ikeSas.flatMap(({ uniqueId, children }) => [
    `${uniqueId}:`,
    ...children.map((sa) => `${sa.uniqueId} ${sa.state}`),
  ]);
}

/** A table that has listed these, and has heard these events since. */
async function tableOf(listed: readonly DecodedMessage[], ...events: (readonly [ChangeEvent, DecodedMessage])[]) {
  const table = new SaTable();
  await table.renew(async () => readIkeSas(listed));
  for (const [event, message] of events) table.hear(event, message);
  return table;
}

describe("between two listings the table", () => {
  it("is not sure before the first", () => {
    expect(new SaTable().isSure).toBe(false);
  });

  it("takes a CHILD_SA that comes up", async () => {
    const table = await tableOf([told("1", [child("3")])], ["child-updown", told("1", [child("4")], up)]);
    expect(textOf(table.all())).toEqual(["1:", "3 INSTALLED", "4 INSTALLED"]);
    expect(table.isSure).toBe(true);
  });

  it("takes it once, however often it is told of", async () => {
    const event = ["child-updown", told("1", [child("3")], up)] as const;
    expect(textOf((await tableOf([told("1", [child("3")])], event, event)).all())).toEqual(["1:", "3 INSTALLED"]);
  });

  it("takes out one that goes down", async () => {
    const table = await tableOf(
      [told("1", [child("3"), child("4")])],
      ["child-updown", told("1", [child("3", "DELETED")])],
    );
    expect(textOf(table.all())).toEqual(["1:", "4 INSTALLED"]);
    expect(table.isSure).toBe(true);
  });

  it("keeps one that was replaced beside its successor", async () => {
    const pair = { old: child("3", "REKEYED"), new: child("4") };
    const table = await tableOf([told("1", [child("3")])], ["child-rekey", told("1", [pair])]);
    expect(textOf(table.all())).toEqual(["1:", "3 REKEYED", "4 INSTALLED"]);
    expect(table.isSure).toBe(true);
  });

  it("takes an IKE_SA that comes up, and drops one that never had a child", async () => {
    const table = await tableOf([], ["ike-updown", told("1", [], up)], ["child-updown", told("1", [child("3")], up)]);
    expect(textOf(table.all())).toEqual(["1:", "3 INSTALLED"]);
    const failed = await tableOf([told("1")], ["ike-updown", told("1")]);
    expect({ all: failed.all(), isSure: failed.isSure }).toEqual({ all: [], isSure: true });
  });

  it("knows an IKE_SA that was connecting to be established", async () => {
    const connecting = { conn: { uniqueid: "1", state: "CONNECTING" } };
    const table = await tableOf([connecting], ["ike-updown", told("1", [], up)]);
    expect(table.find("1")?.state).toBe("ESTABLISHED");
  });

  it("is not sure where children are when their IKE_SA is renewed or goes", async () => {
    const renewed = await tableOf([told("1", [child("3")])], ["ike-updown", told("2", [], up)]);
    expect(renewed.isSure).toBe(false);
    const gone = await tableOf([told("1", [child("3")])], ["ike-updown", told("1")]);
    expect(gone.isSure).toBe(false);
    expect(textOf(gone.all())).toEqual(["1:", "3 INSTALLED"]);
  });

  it("is not sure after a child of an IKE_SA that it has never seen, nor after it was made to doubt", async () => {
    expect((await tableOf([], ["child-updown", told("9", [child("3")], up)])).isSure).toBe(false);
    const table = await tableOf([]);
    table.doubt();
    expect(table.isSure).toBe(false);
  });

  it("leaves out what has no name yet", async () => {
    const unnamed = { "(unnamed)": { uniqueid: "1", state: "CONNECTING" } };
    expect((await tableOf([], ["ike-updown", unnamed])).all()).toEqual([]);
  });
});

it("applies what it hears while a listing is made to that listing", async () => {
  const table = await tableOf([]);
  const stale = readIkeSas([told("1", [child("3")])]);
  await table.renew(async () => {
    table.hear("child-updown", told("1", [child("4")], up));
    table.hear("child-updown", told("1", [child("3", "DELETED")]));
    return stale;
  });
  expect(textOf(table.all())).toEqual(["1:", "4 INSTALLED"]);
});

it("forgets at a listing what it has heard before", async () => {
  const table = await tableOf([told("1")], ["child-updown", told("1", [child("4")], up)]);
  await table.renew(async () => readIkeSas([told("1")]));
  expect(textOf(table.all())).toEqual(["1:"]);
});

it("stays as unsure as it was when a listing fails", async () => {
  const table = new SaTable();
  const failing = table.renew(async () => {
    throw new Error("charon has gone");
  });
  await expect(failing).rejects.toThrow("charon has gone");
  expect(table.isSure).toBe(false);
});
