// Around the contract tests: gathers their notes, and fails a run in which a reply differs from the contract, or a run of all of them
// that leaves a part of the contract untested.
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { directoryVariable, type Note } from "./notes.ts";
import { report } from "./report.ts";

const root = join(import.meta.dirname, "..", "..");
const page = join(root, "docs/api-coverage.md");
/** Set by `npm run write-api-coverage`: the page is written, not compared. */
const writeVariable = "API_COVERAGE_WRITE";

/** Called by vitest before the first test; what it returns is called after the last one. */
export function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), "culvert-coverage-"));
  process.env[directoryVariable] = directory;
  return () => {
    const notes = readNotes(directory);
    rmSync(directory, { recursive: true, force: true });
    const { text, faults, uncovered } = report(notes);
    // Over PostgreSQL some tests have nothing to test.
    const isWhole = isWholeRun(notes) && process.env.TEST_DATABASE === undefined;
    const said = isWhole ? [...faults, ...uncovered, ...comparePage(text)] : faults;
    if (said.length === 0) return;
    process.exitCode = 1;
    process.stderr.write(`\nFAILED: the API and its contract\n${said.map((each) => `  ${each}\n`).join("")}`);
  };
}

function comparePage(text: string): string[] {
  if (process.env[writeVariable] !== undefined) writeFileSync(page, text);
  if (readFileSync(page, "utf8") === text) return [];
  return ["docs/api-coverage.md is not up to date: npm run write-api-coverage"];
}

function readNotes(directory: string): Note[] {
  const files = globSync("*.jsonl", { cwd: directory });
  const lines = files.flatMap((file) => readFileSync(join(directory, file), "utf8").split("\n"));
  return lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Note]));
}

/** Whether all contract tests ran that answer through the recorder. */
function isWholeRun(notes: readonly Note[]): boolean {
  const ran = new Set(notes.map(({ file }) => file));
  const paths = globSync("test/contract/*.test.ts", { cwd: root });
  const recorded = paths.filter((path) => /\bstartLocalServer\(/.test(readFileSync(join(root, path), "utf8")));
  return recorded.every((path) => ran.has(basename(path)));
}
