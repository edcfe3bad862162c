// `bin/culvert serve` with the simulated data plane as a child process, on a free port and a data directory of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Client } from "../../src/cli/client.ts";
import { readKeyFile } from "../../src/operations/admin-key.ts";
import { culvert, environment } from "./command.ts";
import { type DatabaseView, viewDatabase } from "./database-view.ts";
import { makeTempDir, type TempDir } from "./temp-dir.ts";
import { waitFor } from "./wait-for.ts";

const startTimeoutMs = 60_000;
const stopTimeoutMs = 12_000;

/** Settings as they stand in the environment: `CULVERT_QUOTA_VPN_CONNS`. */
export type Environment = Readonly<Record<string, string>>;

/** A server as its own process; everything it prints is kept, over restarts too. */
export class ServerProcess {
  readonly #directory: TempDir;
  readonly #env: Environment;
  readonly #options: readonly string[];
  readonly #isUp: RegExp;
  #child: ChildProcess | undefined;
  #endpoint = "";
  #database: DatabaseView | undefined;
  #output = "";

  private constructor(directory: TempDir, env: Environment, options: readonly string[], isUp: RegExp) {
    this.#directory = directory;
    this.#env = env;
    this.#options = options;
    this.#isUp = isUp;
  }

  /**
   * @param options further ones of the command line
   * @param isUp what it says when it is up, with its endpoint
   */
  static async start(
    env: Environment = {},
    options: readonly string[] = [],
    isUp = /the API is at (https?:\S+)\/v2\/index\.php/,
  ): Promise<ServerProcess> {
    const server = new ServerProcess(makeTempDir(), env, options, isUp);
    try {
      await server.#launch();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get dataDir(): string {
    return this.#directory.path;
  }

  get keyFile(): string {
    return join(this.dataDir, "admin.key.json");
  }

  /** Another one after a restart. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /** The administrator's, in region gz. */
  get client(): Client {
    return this.clientOf(this.dataDir);
  }

  /** @param dataDir that the options name, where it is not the server's own */
  clientOf(dataDir: string): Client {
    return { ...readKeyFile(join(dataDir, "admin.key.json")), endpoint: this.#endpoint, region: "gz" };
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Standard output and standard error so far. */
  get output(): string {
    return this.#output;
  }

  get database(): DatabaseView {
    this.#database ??= viewDatabase(this.dataDir);
    return this.#database;
  }

  async #launch(): Promise<void> {
    const args = ["serve", "--dataplane", "simulated", "--listen", "127.0.0.1:0", "--data", this.dataDir];
    const child = spawn(culvert, [...args, ...this.#options], {
      env: environment(this.#env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const killChild = () => child.kill("SIGKILL");
    process.once("exit", killChild);
    child.once("exit", () => process.off("exit", killChild));
    const start = this.#output.length;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    this.#endpoint = await waitFor(
      () => {
        const said = this.#output.slice(start);
        if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${said}`);
        return this.#isUp.exec(said)?.[1];
      },
      { what: "the server to listen", timeoutMs: startTimeoutMs },
    );
  }

  /** Sends a signal and waits for the end. @returns the exit code; null when the signal ended it */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const exit = once(child, "close", { signal: AbortSignal.timeout(stopTimeoutMs) });
    child.kill(signal);
    try {
      const [code] = (await exit) as [number | null];
      return code;
    } catch (cause) {
      child.kill("SIGKILL");
      throw new Error(`the server did not end within ${stopTimeoutMs} ms of ${signal}`, { cause });
    }
  }

  /** A new process on the same data directory; stops the old one first if it runs. */
  async restart(): Promise<void> {
    await this.kill("SIGTERM");
    await this.#launch();
  }

  /** Ends the process, if it still runs, and removes its directory. */
  async stop(): Promise<void> {
    await this.#database?.close();
    await this.kill("SIGTERM");
    this.#directory.remove();
  }
}
