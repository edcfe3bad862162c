// PostgreSQL on a machine of its own: started anew as after a crash, and paused as by a machine that stalls.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, idsOf, programs } from "../support/postgres-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const timeoutMs = 20_000;

export class PostgresMachine {
  readonly #namespace: string;
  readonly #directory: string;
  readonly #address: string;
  #server: ChildProcess | undefined;

  /** @param directory of its own, which must not be there yet */
  constructor(namespace: string, directory: string, address: string) {
    this.#namespace = namespace;
    this.#directory = directory;
    this.#address = address;
  }

  /** For the machines on the management network. */
  get url(): string {
    return `postgres://culvert@${this.#address}/postgres`;
  }

  /** For the tests themselves, which are on no machine. */
  get localUrl(): string {
    return `postgres://culvert@/postgres?host=${encodeURIComponent(this.#directory)}`;
  }

  initialise(): void {
    const ids = idsOf("postgres");
    mkdirSync(this.#directory, { mode: 0o700 });
    chownSync(this.#directory, ids.uid, ids.gid);
    const options = ["--username=culvert", "--auth=trust", "--encoding=UTF8", "--no-sync"];
    const initdb = join(programs ?? "", "initdb");
    execFileSync(initdb, ["--pgdata", this.#data, ...options], {
      ...ids,
      cwd: "/",
      stdio: ["ignore", "ignore", "pipe"],
    });
    writeFileSync(join(this.#data, "pg_hba.conf"), "local all all trust\nhost all culvert 10.200.0.0/24 trust\n");
  }

  async start(): Promise<void> {
    const { uid, gid } = idsOf("postgres");
    const asPostgres = ["setpriv", "--reuid", `${uid}`, "--regid", `${gid}`, "--clear-groups"];
    const options = ["-D", this.#data, "-k", this.#directory, "-c", `listen_addresses=${this.#address}`];
    const server = [join(programs ?? "", "postgres"), ...options, "-c", "max_connections=200"];
    this.#server = spawn("nsenter", [`--net=/run/netns/${this.#namespace}`, ...asPostgres, ...server], {
      cwd: this.#directory,
      stdio: "ignore",
    });
    await waitFor(() => this.#isReady(), { what: "PostgreSQL", timeoutMs });
  }

  /** As by a fault: what is under way is cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null) return;
    const exit = once(server, "exit");
    server.kill("SIGQUIT");
    await exit;
    this.#server = undefined;
  }

  /** Every process of it stops where it is, or goes on. */
  pause(isPaused: boolean): void {
    const postmaster = this.#server?.pid;
    if (postmaster === undefined) throw new Error("PostgreSQL does not run");
    const children = execFileSync("ps", ["-o", "pid=", "--ppid", `${postmaster}`], { encoding: "utf8" });
    const pids = [postmaster, ...children.trim().split(/\s+/).map(Number)];
    for (const pid of pids) if (pid > 0) process.kill(pid, isPaused ? "SIGSTOP" : "SIGCONT");
  }

  get #data(): string {
    return join(this.#directory, "data");
  }

  async #isReady(): Promise<boolean> {
    if (this.#server?.exitCode !== null) throw new Error("PostgreSQL ended");
    try {
      await command(this.localUrl, "select 1");
      return true;
    } catch {
      return false;
    }
  }
}
