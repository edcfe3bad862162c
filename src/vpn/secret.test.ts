import { format, inspect } from "node:util";
import { serialize } from "node:v8";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { Secret } from "./secret.ts";

const value = "correct horse";
const secret = new Secret(value);

function logLine(work: (log: pino.Logger) => void): string {
  let line = "";
  work(pino({ base: null }, { write: (text) => (line += text) }));
  return line;
}

describe("a secret", () => {
  test("is given out by reveal() only, and compares by what it holds", () => {
    expect(secret.reveal()).toBe(value);
    expect(secret.equals(new Secret(value))).toBe(true);
    expect(secret.equals(new Secret("correct horse "))).toBe(false);
  });

  test.each<[string, () => string]>([
    ["String()", () => String(secret)],
    ["a template", () => `${secret}`],
    ["a sum", () => `key ${[secret]}`.concat(" and ", String(secret))],
    ["join()", () => [secret, secret].join()],
    ["JSON", () => JSON.stringify({ key: secret, nested: [secret] })],
    ["inspect", () => inspect(secret)],
    ["inspect, nested and thorough", () => inspect({ a: { b: [secret] } }, { depth: 9, showHidden: true })],
    ["format %s", () => format("%s", secret)],
    ["format %o", () => format("%o", secret)],
    ["format %O", () => format("%O", secret)],
    ["format %j", () => format("%j", secret)],
    ["an error's message", () => new Error(`key ${secret}`).message],
    ["an error with a cause, inspected", () => inspect(new Error("no", { cause: { key: secret } }))],
    ["a log field", () => logLine((log) => log.info({ key: secret, at: { depth: secret } }, "line"))],
    ["a log message", () => logLine((log) => log.info("key %s %o %j", secret, secret, secret))],
    ["a logged error", () => logLine((log) => log.error({ err: Object.assign(new Error("no"), { secret }) }, "line"))],
  ])("prints as *** by %s", (_how, print) => {
    const printed = print();
    expect(printed).not.toContain(value);
    expect(printed).toContain("***");
  });

  test.each<[string, () => string]>([
    ["inspect without customs", () => inspect(secret, { customInspect: false, showHidden: true })],
    ["its own keys", () => Reflect.ownKeys(secret).join()],
    ["a spread", () => inspect({ ...secret })],
    ["a structured clone", () => inspect(structuredClone(secret))],
    ["serialisation", () => serialize(secret).toString("latin1")],
    ["its entries", () => JSON.stringify(Object.entries(secret))],
  ])("is not to be seen by %s", (_how, look) => {
    expect(look()).not.toContain(value);
  });
});
