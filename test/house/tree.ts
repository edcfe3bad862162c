// The files of the repository as the house tests see them: paths from the root, and text. What is built or installed is left out.
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const notOurs = new Set(["node_modules", ".git", "var", "coverage", "dist"]);

export interface SourceFile {
  /** From the root: `src/vpn/network.ts`. */
  readonly path: string;
  readonly text: string;
}

/** Every text file under the given patterns, sorted by path. */
export function readTree(...patterns: readonly string[]): SourceFile[] {
  const exclude = (path: string) => path.split("/").some((part) => notOurs.has(part));
  return globSync(patterns, { cwd: root, exclude })
    .filter((path) => statSync(join(root, path)).isFile())
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
    .filter(({ text }) => !text.includes("\0"));
}

/** `path:line` of each match in the files. */
export function findWords(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
}
