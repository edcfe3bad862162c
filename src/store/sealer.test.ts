import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../../test/support/temp-dir.ts";
import { Secret } from "../vpn/secret.ts";
import { StoreError } from "./errors.ts";
import { makeSealer, readMasterKey } from "./sealer.ts";

const key = randomBytes(32);
const sealer = makeSealer(key);
const secret = new Secret("correct horse");

/** What opening is refused with; it tells nothing of what was sealed. */
function refuseToOpen(sealed: string, opener = sealer): StoreError {
  try {
    opener.open(sealed, "pre-shared-key");
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ kind: "unsealable" });
    expect(inspect(error)).not.toContain("correct horse");
    return error as StoreError;
  }
  throw new Error("it was opened");
}

describe("a sealed secret", () => {
  test("opens as what it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (value) => {
        const sealed = sealer.seal(new Secret(value), "pre-shared-key");
        // One that has not sealed it remembers nothing of it.
        const opener = makeSealer(key);
        for (let time = 0; time < 2; time += 1) expect(opener.open(sealed, "pre-shared-key").reveal()).toBe(value);
        expect(sealer.open(sealed, "pre-shared-key").reveal()).toBe(value);
      }),
    );
  });

  test("that is remembered opens for its own purpose only", () => {
    const sealed = sealer.seal(secret, "secret-key");
    expect(sealer.open(sealed, "secret-key").reveal()).toBe("correct horse");
    refuseToOpen(sealed);
  });

  test("opens after many others", () => {
    const first = sealer.seal(secret, "pre-shared-key");
    for (let count = 0; count < 5_000; count += 1) sealer.seal(new Secret(String(count)), "pre-shared-key");
    expect(sealer.open(first, "pre-shared-key").reveal()).toBe("correct horse");
  });

  test("shows nothing of it, and is never the same twice", () => {
    const sealed = Array.from({ length: 20 }, () => sealer.seal(secret, "pre-shared-key"));
    expect(new Set(sealed).size).toBe(20);
    for (const text of sealed) {
      expect(text).toMatch(/^[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
      expect(Buffer.from(text.slice(9), "base64url").toString("latin1")).not.toContain("correct");
    }
  });

  test("opens with the same key in another process, so to say", () => {
    expect(makeSealer(Buffer.from(key)).open(sealer.seal(secret, "secret-key"), "secret-key").reveal()).toBe(
      "correct horse",
    );
  });

  test("does not open with another key; both keys are named, neither is told", () => {
    const otherKey = randomBytes(32);
    const sealed = sealer.seal(secret, "pre-shared-key");
    const { message } = refuseToOpen(sealed, makeSealer(otherKey));
    expect(message).toContain(sealed.slice(0, 8));
    for (const each of [key, otherKey]) expect(message).not.toContain(each.toString("hex").slice(0, 8));
  });

  test("does not open for another purpose", () => {
    expect(refuseToOpen(sealer.seal(secret, "secret-key")).message).toBe("a sealed secret is damaged");
  });

  test("does not open when any character of it was changed, or when it was cut off anywhere", () => {
    const sealed = sealer.seal(secret, "pre-shared-key");
    for (let at = 0; at < sealed.length; at += 1) {
      // The last character holds bits that mean nothing.
      if (at < sealed.length - 1) {
        refuseToOpen(`${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`);
      }
      refuseToOpen(sealed.slice(0, at));
    }
    refuseToOpen(`${sealed}AAAA`);
  });

  test("that was never sealed is not told", () => {
    for (const text of ["correct horse", "", ".", "correct horse.battery", `${"0".repeat(8)}.correct horse`]) {
      const { message } = refuseToOpen(text);
      expect(message).not.toContain("correct");
    }
  });
});

describe("the file of the master key", () => {
  let dir: TempDir;
  let path: string;

  beforeEach(() => {
    dir = makeTempDir();
    path = join(dir.path, "master.key");
  });
  afterEach(() => dir.remove());

  test("is made when it is not there, for its owner only, and read from then on", () => {
    const made = readMasterKey(path);
    expect(made).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readMasterKey(path)).toEqual(made);
    expect(readdirSync(dir.path)).toEqual(["master.key"]);
  });

  test("is never the same twice", () => {
    expect(readMasterKey(path)).not.toEqual(readMasterKey(join(dir.path, "other.key")));
  });

  test("may come from elsewhere, with or without a line end", () => {
    for (const end of ["", "\n", "\r\n"]) {
      writeFileSync(path, `${key.toString("base64")}${end}`);
      expect(readMasterKey(path)).toEqual(key);
    }
  });

  test.each<[string, string]>([
    ["nothing", ""],
    ["too few bytes", randomBytes(31).toString("base64")],
    ["too many bytes", randomBytes(33).toString("base64")],
    ["the key in hex", key.toString("hex")],
    ["raw bytes", key.toString("latin1")],
    ["base64 with something between", key.toString("base64").replace(/^(.{10})/, "$1 - ")],
    ["two keys", `${key.toString("base64")}\n${key.toString("base64")}\n`],
    ["another alphabet", Buffer.alloc(32, 0xfb).toString("base64url")],
  ])("is refused when it holds %s, and is left as it is", (_what, text) => {
    writeFileSync(path, text);
    expect(() => readMasterKey(path)).toThrow(expect.objectContaining({ name: "StoreError", kind: "unsealable" }));
    expect(() => readMasterKey(path)).toThrow(path);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("is refused when it is a directory, or when its own is not there", () => {
    mkdirSync(path);
    const unavailable = expect.objectContaining({ name: "StoreError", kind: "unavailable" });
    expect(() => readMasterKey(path)).toThrow(unavailable);
    const nowhere = join(dir.path, "nowhere", "master.key");
    expect(() => readMasterKey(nowhere)).toThrow(unavailable);
    expect(existsSync(nowhere)).toBe(false);
  });

  test("is not held up by what a crash has left", () => {
    writeFileSync(`${path}.${process.pid}.new`, "half a k");
    expect(readMasterKey(path)).toHaveLength(32);
    expect(readdirSync(dir.path)).toEqual(["master.key"]);
  });
});
