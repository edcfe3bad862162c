// docs/guide/api.md as its reader: its programs are saved, its commands run in order in a shell, and what they print is held against what
// the guide shows. Ids, times and text behind "…" are free; fields that the guide leaves out are not looked at.
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { v2Errors } from "../../src/v2/errors.ts";
import { type Block, Checkout, nameOf, readBlocks, readDocument } from "../support/checkout.ts";
import type { CommandResult } from "../support/command.ts";
import { ServerProcess } from "../support/server.ts";

const guide = readDocument("docs/guide/api.md");

const blocks = readBlocks("docs/guide/api.md");

interface Step extends Block {
  /** What is shown of its output: JSON of the last reply, or all of the text. */
  readonly shown: Block | undefined;
}

const steps: readonly Step[] = blocks.flatMap((block, index) => {
  if (block.kind !== "sh" || nameOf(block) !== undefined) return [];
  const next = blocks[index + 1];
  return [{ ...block, shown: next?.kind === "json" || next?.kind === "text" ? next : undefined }];
});

/** Ids and times are others each time. */
const freeText = (text: string) =>
  text
    .replace(/\b(vpc|subnet|vpngw|cgw|vpnx)-[a-z0-9]{8}\b/g, "$1-…")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "TIME");

/** A text that the guide cuts has only to begin so. */
function cutText(_: string, value: unknown): unknown {
  if (typeof value !== "string" || !value.endsWith("…") || isId(value)) return value;
  const start = value.slice(0, -1).replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return expect.stringMatching(new RegExp(`^${start}`));
}

const isId = (text: string) => /^[a-z]+-…$/.test(text);

/** The last of the replies that were printed, one after another. */
function lastReply(stdout: string): string {
  return stdout.slice(stdout.lastIndexOf("\n{") + 1);
}

function compare({ shown }: Step, { stdout, stderr }: CommandResult): void {
  if (shown?.kind === "text") expect(freeText(stdout), stderr).toBe(freeText(shown.text));
  if (shown?.kind !== "json") return;
  const expected: object = JSON.parse(freeText(shown.text), cutText);
  expect(JSON.parse(freeText(lastReply(stdout))), stderr).toMatchObject(expected);
}

/** Runs a step. What only reads may be a moment early, and is run again. */
async function check(checkout: Checkout, step: Step, commands: string, code: number): Promise<void> {
  const attempt = async () => {
    const result = await checkout.run(commands);
    compare(step, result);
    expect(result.code, result.stderr).toBe(code);
  };
  const isRead = step.text.startsWith("bin/culvert call Describe");
  await (isRead ? vi.waitFor(attempt, { timeout: 5_000, interval: 200 }) : attempt());
}

const lacking = ["curl", "openssl"].filter((program) => spawnSync(program, ["--version"]).error !== undefined);
if (lacking.length > 0)
  process.stderr.write(`what the guide does by hand is skipped: there is no ${lacking.join(", no ")}\n`);
const isByHand = (text: string) => /call\.sh|openssl/.test(text);

const describeStep = ({ line, text }: Step) => `line ${line}: ${text.split("\n")[0]}`;

describe("the guide to the API", () => {
  let checkout: Checkout;
  beforeAll(async () => {
    checkout = new Checkout(await ServerProcess.start(), blocks);
  });
  afterAll(() => checkout.remove());

  it("has programs, commands and replies", () => {
    expect(blocks.map(nameOf).filter((name) => name !== undefined)).toEqual(["list.cjs", "call.sh", "session.cjs"]);
    expect(steps.length).toBeGreaterThan(20);
    expect(steps.filter(({ shown }) => shown !== undefined).length).toBeGreaterThan(20);
  });

  for (const step of steps) {
    it.skipIf(isByHand(step.text) && lacking.length > 0)(describeStep(step), async () => {
      const isRefused = step.shown?.kind === "json" && JSON.parse(step.shown.text).code !== 0;
      await check(checkout, step, step.text, isRefused ? 1 : 0);
    });
  }
});

describe.skipIf(lacking.length > 0)("the same commands with the script of the guide in place of `culvert call`", () => {
  let checkout: Checkout;
  beforeAll(async () => {
    checkout = new Checkout(await ServerProcess.start(), blocks);
  });
  afterAll(() => checkout.remove());

  const lastLine = guide.slice(0, guide.indexOf("\n### The session by the SDK")).split("\n").length;
  const session = steps.filter(({ line, text }) => line < lastLine && text.includes("bin/culvert call "));

  it.each(session.map((step) => [describeStep(step), step] as const))("%s", async (_, step) => {
    await check(checkout, step, step.text.replaceAll("bin/culvert call", "sh call.sh"), 0);
  });
});

describe("its table of errors", () => {
  it("has every code with its names, and no other", () => {
    const rows = [...guide.matchAll(/^\| (-?\d+) \| (`.*?`) \|/gm)];
    const shown = rows.flatMap(([, code, names = ""]) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => `${code} ${name}`),
    );
    const known = new Set(Object.values(v2Errors).map(({ code, codeDesc }) => `${code} ${codeDesc}`));
    expect(shown.toSorted()).toEqual([...known].toSorted());
  });
});
