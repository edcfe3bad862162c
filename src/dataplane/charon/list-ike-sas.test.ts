// The commands are what counts here; that charon really drops a large message is in test/dataplane/many-children.test.ts.
import { beforeEach, expect, it } from "vitest";
import type { DecodedMessage, ViciMessage } from "../../vici/codec.ts";
import { listIkeSas } from "./list-ike-sas.ts";
import { SaTable } from "./sa-table.ts";
import { readIkeSas } from "./sas.ts";

interface Sa {
  readonly connection: string;
  readonly uniqueid: string;
  readonly children: readonly string[];
}

/** More children than this, and the message is dropped. */
const listedAtMost = 3;
let sas: Sa[];
let commands: string[];
/** Begun between the first command and the second. */
let late: Sa | undefined;

beforeEach(() => {
  sas = [];
  commands = [];
  late = undefined;
});

/** A charon that lists as the real one does. */
const session = {
  async request(command: string) {
    commands.push(command);
    if (late !== undefined) sas.push(late);
    return { ikesas: { total: String(sas.length) } } as DecodedMessage;
  },
  async stream(command: string, _event: string, message: ViciMessage = {}): Promise<DecodedMessage[]> {
    commands.push([command, ...Object.entries(message).flat()].join(" "));
    if (command === "list-conns") return [{ big: { children: { a: {}, b: {}, c: {}, d: {} } } }];
    return sas.flatMap(({ connection, uniqueid, children }) => {
      if ("ike-id" in message && message["ike-id"] !== uniqueid) return [];
      const asked = "child" in message ? children.filter((name) => name === message.child) : children;
      if (asked.length > listedAtMost) return [];
      const sections = Object.fromEntries(asked.map((name) => [name, { name, uniqueid: name, state: "INSTALLED" }]));
      return [{ [connection]: { uniqueid, state: "ESTABLISHED", "child-sas": sections } } as DecodedMessage];
    });
  },
};

const big: Sa = { connection: "big", uniqueid: "1", children: ["a", "b", "c", "d"] };
const small: Sa = { connection: "small", uniqueid: "2", children: ["e"] };

/** What is listed: `big: a b`. */
async function list(known = new SaTable(), isThorough = true): Promise<string[]> {
  const ikeSas = await listIkeSas(session, known, isThorough);
  return ikeSas.map(({ connection, children }) => `${connection}: ${children.map(({ name }) => name).join(" ")}`);
}

/** A table that knows of the large one that it has these children. */
async function knowing(...children: string[]): Promise<SaTable> {
  const table = new SaTable();
  const sections = Object.fromEntries(children.map((name) => [name, { name, uniqueid: name, state: "INSTALLED" }]));
  await table.renew(async () => readIkeSas([{ big: { uniqueid: "1", state: "ESTABLISHED", "child-sas": sections } }]));
  return table;
}

it("is two commands, however many IKE_SAs and children there are", async () => {
  sas = Array.from({ length: 1_000 }, (_, index) => ({ ...small, uniqueid: String(index) }));
  expect(await list()).toHaveLength(1_000);
  expect(commands).toEqual(["list-sas", "stats"]);
});

it("asks for the children of one that is missing by the names that are loaded", async () => {
  sas = [big, small];
  expect(await list()).toEqual(["small: e", "big: a b c d"]);
  expect(commands.filter((command) => command.startsWith("list-sas ike-id 1 child "))).toHaveLength(4);
});

it("asks by the names that were seen before, too", async () => {
  sas = [{ ...big, children: ["a", "b", "c", "old"] }];
  expect(await list(await knowing("a", "old"))).toEqual(["big: a b c old"]);
});

it("asks for no child of what is known, unless it is to be thorough", async () => {
  sas = [big];
  expect(await list(await knowing("a", "b", "c", "d"), false)).toEqual(["big: a b c d"]);
  expect(commands.some((command) => command.includes("ike-id 1 child"))).toBe(false);
});

it("takes one that was begun meanwhile as it is", async () => {
  sas = [small];
  late = { ...small, connection: "late", uniqueid: "3" };
  expect(await list()).toEqual(["small: e", "late: e"]);
  expect(commands).toEqual(["list-sas", "stats", "list-sas child -", "list-sas ike-id 3"]);
});
