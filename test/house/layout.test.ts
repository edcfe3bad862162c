// How files look from outside: size, opening comment, names, and words that must not be in them (house-style.md).
import { describe, expect, test } from "vitest";
import { findWords, readTree, type SourceFile } from "./tree.ts";

const sources = readTree("src/**/*.ts");
const code = [...sources, ...readTree("{test,bench,scripts}/**/*.{ts,sh}", "bin/*", "*.ts")];
const everything = readTree("**/*", ".ci/*", ".*");

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$|^[a-z0-9]+(-[a-z0-9]+)*$/;

function pathsOf(files: readonly SourceFile[]): string[] {
  return files.map(({ path }) => path);
}

describe("every source file", () => {
  test("is short: 500 lines, a test 800", () => {
    const tooLong = code.filter(({ path, text }) => text.trimEnd().split("\n").length > (isTest(path) ? 800 : 500));
    expect(pathsOf(tooLong)).toEqual([]);
  });

  // A test beside the code is introduced by the file that it stands beside.
  test("opens with a comment", () => {
    const others = code.filter(({ path }) => !(path.startsWith("src/") && path.endsWith(".test.ts")));
    expect(pathsOf(others.filter(({ text }) => !/^(#!.*\n)?(\/\/|\/\*|#) ?\S/.test(text)))).toEqual([]);
  });

  test("is named in kebab-case", () => {
    const isNamed = (path: string) => path.split("/").every((part) => kebabCase.test(part));
    expect(pathsOf(sources).filter((path) => !isNamed(path))).toEqual([]);
  });

  test("has no default export", () => {
    expect(findWords(sources, /^export default\b|^export \{.*\bas default\b/)).toEqual([]);
  });

  test("prints nothing on standard output but for people: cli, demo, lab", () => {
    const quiet = sources.filter(({ path }) => !/^src\/(cli|demo|lab)\//.test(path));
    expect(findWords(quiet, /\bconsole\.(log|info|debug)\b/)).toEqual([]);
  });
});

describe("no file holds", () => {
  test("a to-do without an issue number", () => {
    expect(findWords(code, /(\/\/|\*|#)\s*(TODO|FIXME|XXX)\b(?! ?\(?#\d+)/)).toEqual([]);
  });

  test("a path of one developer's machine", () => {
    expect(findWords(everything, /(^|[\s"'`(=:])\/(home|Users|root|work)\/[\w.]/)).toEqual([]);
  });
});

function isTest(path: string): boolean {
  return path.startsWith("test/") || path.endsWith(".test.ts");
}
