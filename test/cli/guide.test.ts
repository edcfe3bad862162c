// docs/guide/api.md as its reader: its programs are saved, its commands run in order in a shell, and what they print is held against what
// the guide shows. Ids, times and text behind "…" are free; fields that the guide leaves out are not looked at.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { v2Errors } from "../../src/v2/errors.ts";
import { type CommandResult, environment } from "../support/command.ts";
import { ServerProcess } from "../support/server.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";

const root = join(import.meta.dirname, "..", "..");
const guide = readFileSync(join(root, "docs", "guide", "api.md"), "utf8");

interface Block {
  readonly kind: string;
  readonly text: string;
  /** The line that it begins in. */
  readonly line: number;
}

const blocks: readonly Block[] = [...guide.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
  kind: match[1] ?? "",
  text: match[2] ?? "",
  line: guide.slice(0, match.index).split("\n").length,
}));

/** A program's first line is its name in a comment. */
const nameOf = ({ text }: Block) => /^(?:#|\/\/) ([a-z]+\.(?:sh|cjs))\n/.exec(text)?.[1];

interface Step extends Block {
  /** What is shown of its output: JSON of the last reply, or all of the text. */
  readonly shown: Block | undefined;
}

const steps: readonly Step[] = blocks.flatMap((block, index) => {
  if (block.kind !== "sh" || nameOf(block) !== undefined) return [];
  const next = blocks[index + 1];
  return [{ ...block, shown: next?.kind === "json" || next?.kind === "text" ? next : undefined }];
});

/** A directory as the reader's: the checkout with a server's data, and the guide's programs. */
class Checkout {
  readonly #directory: TempDir = makeTempDir();
  readonly #server: ServerProcess;

  constructor(server: ServerProcess) {
    this.#server = server;
    for (const name of ["bin", "node_modules"]) symlinkSync(join(root, name), join(this.#directory.path, name));
    symlinkSync(server.dataDir, join(this.#directory.path, "var"));
    for (const block of blocks) {
      const name = nameOf(block);
      if (name !== undefined) writeFileSync(join(this.#directory.path, name), this.#here(block.text));
    }
  }

  /** The guide's server is where that of the test is. The string of the signature's example stays. */
  #here(text: string): string {
    return text.replaceAll(/(?<!POST)127\.0\.0\.1:8080/g, new URL(this.#server.endpoint).host);
  }

  async run(text: string): Promise<CommandResult> {
    const child = spawn("sh", ["-euc", this.#here(text)], {
      cwd: this.#directory.path,
      env: environment({ CULVERT_ENDPOINT: this.#server.endpoint }),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 30_000,
      killSignal: "SIGKILL",
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (part: string) => {
        output[name] += part;
      });
    }
    const [code] = (await once(child, "close")) as [number | null];
    return { code, ...output };
  }

  async remove(): Promise<void> {
    this.#directory.remove();
    await this.#server.stop();
  }
}

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

const lacking = ["curl", "openssl"].filter((program) => spawnSync(program, ["--version"]).error !== undefined);
if (lacking.length > 0)
  process.stderr.write(`what the guide does by hand is skipped: there is no ${lacking.join(", no ")}\n`);
const isByHand = (text: string) => /call\.sh|openssl/.test(text);

const describeStep = ({ line, text }: Step) => `line ${line}: ${text.split("\n")[0]}`;

describe("the guide to the API", () => {
  let checkout: Checkout;
  beforeAll(async () => {
    checkout = new Checkout(await ServerProcess.start());
  });
  afterAll(() => checkout.remove());

  it("has programs, commands and replies", () => {
    expect(blocks.map(nameOf).filter((name) => name !== undefined)).toEqual(["list.cjs", "call.sh", "session.cjs"]);
    expect(steps.length).toBeGreaterThan(20);
    expect(steps.filter(({ shown }) => shown !== undefined).length).toBeGreaterThan(20);
  });

  for (const step of steps) {
    it.skipIf(isByHand(step.text) && lacking.length > 0)(describeStep(step), async () => {
      const result = await checkout.run(step.text);
      compare(step, result);
      const isRefused = step.shown?.kind === "json" && JSON.parse(step.shown.text).code !== 0;
      expect(result.code, result.stderr).toBe(isRefused ? 1 : 0);
    });
  }
});

describe.skipIf(lacking.length > 0)("the same commands with the script of the guide in place of `culvert call`", () => {
  let checkout: Checkout;
  beforeAll(async () => {
    checkout = new Checkout(await ServerProcess.start());
  });
  afterAll(() => checkout.remove());

  const section = guide.slice(0, guide.indexOf("\n### The session by the SDK"));
  const lastLine = section.split("\n").length;
  const session = steps.filter(({ line, text }) => line < lastLine && text.includes("bin/culvert call "));

  it.each(session.map((step) => [describeStep(step), step] as const))("%s", async (_, step) => {
    const result = await checkout.run(step.text.replaceAll("bin/culvert call", "sh call.sh"));
    compare(step, result);
    expect(result.code, result.stderr).toBe(0);
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
