import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitFor } from "../../../test/support/wait-for.ts";
import { LogTail } from "./log-tail.ts";

let dir: string;
let path: string;
let lines: string[];
let failures: unknown[];
let tail: LogTail | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "log-tail-"));
  path = join(dir, "charon.log");
  lines = [];
  failures = [];
});
afterEach(() => {
  tail?.close();
  rmSync(dir, { recursive: true });
});

function follow(): void {
  tail = new LogTail(
    path,
    (more) => lines.push(...more),
    (error) => failures.push(error),
  );
}

async function heard(...expected: string[]): Promise<void> {
  await waitFor(() => lines.length >= expected.length, { what: expected.join() });
  expect(lines.splice(0)).toEqual(expected);
  expect(failures).toEqual([]);
}

it("hears what is written from now on, whole lines only", async () => {
  writeFileSync(path, "before\n");
  follow();
  appendFileSync(path, "a\nb\nhal");
  await heard("a", "b");
  appendFileSync(path, "f\n");
  await heard("half");
});

it("hears the first lines of a log that was not there, and the last of one that is renamed", async () => {
  follow();
  writeFileSync(path, "first\n");
  await heard("first");
  appendFileSync(path, "last\n");
  renameSync(path, `${path}.1`);
  writeFileSync(path, "new\n");
  await heard("last", "new");
});

it("reads the newest of too much", async () => {
  follow();
  writeFileSync(path, `${"x".repeat(2_000_000)}\nnewest\n`);
  await waitFor(() => lines.includes("newest"), { what: "the newest line" });
  expect(lines.join().length).toBeLessThanOrEqual(1024 * 1024);
});
