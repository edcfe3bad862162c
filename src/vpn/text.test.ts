import { describe, expect, test } from "vitest";
import { isFqdn, isName, isPreSharedKey } from "./text.ts";

/** Each breaks a line, or is no character at all. */
const unprintable = ["\0", "\n", "\r", "\t", "\u001b", "\u007f", "\u0085", "\u2028", "\u2029", "\ud800", "\udc00x"];

describe("a name", () => {
  test.each([
    "a",
    "399_vpnconn",
    "alblack.bbb",
    "test-9910",
    " leading and trailing ",
    "北京到广州",
    "😀".repeat(60),
    "%_\\'\"",
    "x".repeat(60),
  ])("may be %s", (text) => {
    expect(isName(text)).toBe(true);
  });

  test("may not be empty, or longer than 60 characters, counted as code points", () => {
    for (const text of ["", "x".repeat(61), "😀".repeat(61)]) expect(isName(text)).toBe(false);
  });

  test.each(unprintable)("may not hold %j", (character) => {
    expect(isName(`a${character}b`)).toBe(false);
  });
});

describe("a pre-shared key", () => {
  // No key is in the name of a test, not even a made-up one.
  test.each<[string, string]>([
    ["letters and digits, as in the vendor's samples", "dgdgd33"],
    ["digits alone", "123456"],
    ["signs", "d!@#12d"],
    ["blanks", "correct horse battery"],
    ["what strongSwan's files would read as hex", "0x0123"],
    ["what strongSwan's files would read as base64", "0sZm9v"],
    ["quotes", "\"quoted'"],
    ["Chinese", "密码"],
    ["one character", "k"],
    ["128 characters of two code units each", "😀".repeat(128)],
  ])("may be %s", (_what, text) => {
    expect(isPreSharedKey(text)).toBe(true);
  });

  test("may not be empty, or longer than 128 characters, counted as code points", () => {
    for (const text of ["", "x".repeat(129), "😀".repeat(129)]) expect(isPreSharedKey(text)).toBe(false);
  });

  test.each(unprintable)("may not hold %j", (character) => {
    expect(isPreSharedKey(`a${character}b`)).toBe(false);
  });
});

describe("a domain name", () => {
  const label = "a".repeat(63);

  test.each([
    "vpn86",
    "remote1",
    "idc.example",
    "IDC.Example.COM",
    "_dmarc.example",
    "a-b.c_d.e",
    "192.0.2.1",
    label,
    `${label}.${label}.${label}.${"a".repeat(61)}`,
  ])("may be %s", (text) => {
    expect(isFqdn(text)).toBe(true);
  });

  test.each([
    "",
    ".",
    ".example",
    "example.",
    "a..b",
    "-a.example",
    "a-.example",
    "a b",
    "a@b.example",
    "*.example",
    "fqdn:a",
    "münchen.example",
    "a.example\n",
    "%any",
    `${label}a`,
    `${label}.${label}.${label}.${"a".repeat(62)}`,
  ])("may not be %j", (text) => {
    expect(isFqdn(text)).toBe(false);
  });

  test("is checked in no time, however long it is", () => {
    const started = performance.now();
    for (const text of ["a-".repeat(100_000), `${"a.".repeat(100_000)}-`, "a".repeat(1_000_000)]) {
      expect(isFqdn(text)).toBe(false);
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
