// The documentation keeps up with the code: every command, setting and action stands in the README, and every link leads somewhere.
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { buildCommandLine } from "../../src/cli/command-line.ts";
import { settings } from "../../src/config.ts";
import { actions, aliases, notOffered } from "../../src/v2/actions/index.ts";
import { formatAddress } from "../../src/vpn/network.ts";
import { readTree } from "./tree.ts";

const documents = readTree("*.md", "docs/**/*.md");
const readme = documents.find(({ path }) => path === "README.md")?.text ?? "";

/** The rows of the table whose header begins with these cells. */
function rowsOf(...header: readonly string[]): string[] {
  const lines = readme.split("\n");
  const start = lines.indexOf(`| ${header.join(" | ")} |`);
  const table = lines.slice(start + 2);
  return start === -1
    ? []
    : table.slice(
        0,
        table.findIndex((line) => !line.startsWith("|")),
      );
}

const toRow = (...cells: readonly string[]) => `| ${cells.join(" | ")} |`.replace(/\| {2}\|/g, "| |");

/** Commands that do something, by all their words. */
function leavesOf(command: Command, words: readonly string[] = []): { words: string; description: string }[] {
  const own = [...words, command.name()];
  if (command.commands.length === 0) return [{ words: own.join(" "), description: command.description() }];
  return command.commands.flatMap((each) => leavesOf(each, own));
}

const commands = leavesOf(buildCommandLine(() => Promise.reject(new TypeError("nothing is started here"))));

function showDefault(fallback: unknown): string {
  if (fallback === "") return "";
  if (typeof fallback === "object" && fallback !== null && "first" in fallback && "last" in fallback) {
    return `\`${formatAddress(Number(fallback.first))}-${formatAddress(Number(fallback.last))}\``;
  }
  return `\`${fallback}\``;
}

describe("the README", () => {
  test("has every command, as its help describes it", () => {
    const wanted = commands.map(({ words, description }) => toRow(`\`${words}\``, description));
    expect(rowsOf("Command", "What it does")).toEqual(wanted);
  });

  test("has every setting with its default", () => {
    const escapeCell = (text: string) => text.replace(/[|<>]/g, (sign) => `\\${sign}`);
    const wanted = Object.entries(settings).map(([name, { fallback, about }]) =>
      toRow(`\`${name}\``, showDefault(fallback), escapeCell(about)),
    );
    expect(rowsOf("Setting", "Default", "Meaning")).toEqual(wanted);
  });

  test("has every action, those that are carried out in their table and the others beneath it", () => {
    const offered = rowsOf("Action", "What it does").flatMap((row) => namesIn(row.split("|")[1] ?? ""));
    expect(offered.toSorted()).toEqual([...actions.keys()].toSorted());
    const [, others = ""] = /^- Other actions of the module answer code 6100: (.*?)\n-/ms.exec(readme) ?? [];
    expect(namesIn(others).toSorted()).toEqual([...notOffered].toSorted());
    const count = actions.size - Object.keys(aliases).length;
    for (const { path, text } of documents.filter((each) => /^(?:README|CHANGELOG)\.md$/.test(each.path))) {
      expect(text.match(/\b(\d+) actions\b/)?.[1], path).toBe(String(count));
    }
  });
});

/** What stands in backticks and looks like an action. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, name = ""]) => name);
}

describe("every document", () => {
  test("names commands that there are", () => {
    const known = commands.map(({ words }) => `${words} `);
    // In running text the product has a capital; in small letters it is the program.
    const named = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/(?<![\w/.-])(?:bin\/)?(culvert(?: [a-z]+)+)/g)].map(([, words = ""]) => ({ path, words })),
    );
    const isKnown = (words: string) =>
      known.some((each) => each.startsWith(`${words} `) || `${words} `.startsWith(each));
    expect(named.filter(({ words }) => !isKnown(words))).toEqual([]);
  });

  test("links to what is there, headings included", () => {
    const links = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, target = "", anchor]) => ({
        path,
        target,
        anchor,
      })),
    );
    const broken = links.filter(({ path, target, anchor }) => {
      if (/^[a-z]+:/.test(target)) return false;
      const file = target === "" ? path : posix.join(posix.dirname(path), target);
      if (!existsSync(join(import.meta.dirname, "../..", file))) return true;
      return (
        anchor !== undefined && !anchorsOf(documents.find((each) => each.path === file)?.text ?? "").includes(anchor)
      );
    });
    expect(broken).toEqual([]);
  });
});

/** Headings as they are linked to. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-"),
  );
}
