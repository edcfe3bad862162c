// A Culvert process on a machine: `culvert serve` in its namespace, with a configuration file of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { culvert, environment } from "../support/command.ts";
import { waitFor } from "../support/wait-for.ts";

const timeoutMs = 30_000;

export interface NodeOptions {
  readonly namespace: string;
  /** Of its own; made when it is not there. */
  readonly directory: string;
  /** As a configuration file has them. */
  readonly settings: object;
  readonly env?: Readonly<Record<string, string>>;
  /** What it says when it is up. */
  readonly isUpWhenSaid: string;
}

export class CulvertNode {
  readonly #options: NodeOptions;
  #process: ChildProcess | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
    mkdirSync(this.data, { recursive: true, mode: 0o700 });
  }

  get data(): string {
    return join(this.#options.directory, "data");
  }

  /** All it has written, since the machine is there. */
  get log(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  async start(): Promise<void> {
    const { namespace, directory, settings, env, isUpWhenSaid } = this.#options;
    const config = join(directory, "culvert.json");
    writeFileSync(config, JSON.stringify({ data: this.data, ...settings }), { mode: 0o600 });
    const log = openSync(this.#logFile, "a", 0o600);
    const before = this.log.length;
    const args = [`--net=/run/netns/${namespace}`, culvert, "serve", "--config", config];
    const started = spawn("nsenter", args, { stdio: ["ignore", log, log], env: environment(env) });
    this.#process = started;
    const isUp = () => {
      const said = this.log.slice(before);
      if (started.exitCode !== null) throw new Error(`it did not start: ${said}`);
      return said.includes(isUpWhenSaid);
    };
    await waitFor(isUp, { what: `${namespace}: ${isUpWhenSaid}`, timeoutMs });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Ends it, if it runs. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, "exit");
    running.kill(signal);
    await exit;
  }

  get #logFile(): string {
    return join(this.#options.directory, "serve.log");
  }
}
