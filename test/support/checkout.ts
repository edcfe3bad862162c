// A document as its reader: its blocks of commands, programs and replies, and a directory to run them in, beside a server of the test's.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, environment } from "./command.ts";
import type { ServerProcess } from "./server.ts";
import { makeTempDir, type TempDir } from "./temp-dir.ts";

const root = join(import.meta.dirname, "..", "..");

/** A fenced block. */
export interface Block {
  /** What stands behind the fence: `sh`, `json`. */
  readonly kind: string;
  readonly text: string;
  /** The line that it begins in. */
  readonly line: number;
}

/** @param path inside the checkout */
export function readDocument(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Blocks that say what they are, in order. */
export function readBlocks(path: string): Block[] {
  const document = readDocument(path);
  return [...document.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    kind: match[1] ?? "",
    text: match[2] ?? "",
    line: document.slice(0, match.index).split("\n").length,
  }));
}

/** The name of a program's file, which is its first line, in a comment. */
export function nameOf({ text }: Block): string | undefined {
  return /^(?:#|\/\/) ([a-z]+\.(?:sh|cjs))\n/.exec(text)?.[1];
}

/** A directory as the reader's: the checkout with a server's data, and programs of a document. */
export class Checkout {
  readonly #directory: TempDir = makeTempDir();
  readonly #server: ServerProcess;

  /** @param blocks among them the programs that the reader has saved */
  constructor(server: ServerProcess, blocks: readonly Block[] = []) {
    this.#server = server;
    for (const name of ["bin", "node_modules"]) symlinkSync(join(root, name), join(this.#directory.path, name));
    symlinkSync(server.dataDir, join(this.#directory.path, "var"));
    for (const block of blocks) {
      const name = nameOf(block);
      if (name !== undefined) writeFileSync(join(this.#directory.path, name), this.#here(block.text));
    }
  }

  /** The document's server is where that of the test is; only the example of a string to sign stays as it is. */
  #here(text: string): string {
    return text.replaceAll(/(?<!POST)127\.0\.0\.1:8080/g, new URL(this.#server.endpoint).host);
  }

  /** Runs commands in a shell that stops at the first which fails. */
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

  /** The server goes too. */
  async remove(): Promise<void> {
    this.#directory.remove();
    await this.#server.stop();
  }
}
