// A client of the API on a machine of its own, with a process that calls.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Reply } from "../../src/cli/client.ts";
import { environment } from "../support/command.ts";

export interface CallAsked {
  readonly id: number;
  readonly endpoint: string;
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The API's reply, or why there was none: the connection was refused, cut, or nothing came in time. */
export type CallCame =
  | { readonly id: number; readonly reply: Reply }
  | { readonly id: number; readonly failure: string };

const program = fileURLToPath(new URL("caller-process.ts", import.meta.url));

export class Caller {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (came: CallCame) => void>();
  #lastId = 0;

  constructor(namespace: string, keyFile: string, caFile: string) {
    const args = [`--net=/run/netns/${namespace}`, process.execPath, program, keyFile, caFile];
    this.#process = spawn("nsenter", args, { stdio: ["pipe", "pipe", "inherit"], env: environment() });
    if (this.#process.stdout === null) throw new Error("no output");
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      const came = JSON.parse(line) as CallCame;
      this.#waiting.get(came.id)?.(came);
      this.#waiting.delete(came.id);
    });
  }

  ask(endpoint: string, action: string, parameters: Readonly<Record<string, string>>): Promise<CallCame> {
    this.#lastId += 1;
    const asked: CallAsked = { id: this.#lastId, endpoint, action, parameters };
    const came = new Promise<CallCame>((resolve) => this.#waiting.set(asked.id, resolve));
    this.#process.stdin?.write(`${JSON.stringify(asked)}\n`);
    return came;
  }

  async stop(): Promise<void> {
    const exit = once(this.#process, "exit");
    this.#process.stdin?.end();
    await exit;
  }
}
