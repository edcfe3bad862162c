// A PostgreSQL server in a directory of its own, on a socket in it, as a user who is not root: started, killed, paused and started again.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { waitFor } from "./wait-for.ts";

/** As root, PostgreSQL refuses to run. */
const isRoot = userInfo().uid === 0;
/** After a kill its processes have to notice, and what was not in the tables is read from its log. */
const startTimeoutMs = 30_000;

/** Where the server's programs are; undefined, when Debian's package is not installed. */
export const programs = globSync("/usr/lib/postgresql/*/bin").toSorted().at(-1);

/** Why there is no PostgreSQL to test with; undefined, when there is. */
export const postgresReason =
  programs === undefined ? "PostgreSQL is not installed (apt-get install postgresql)" : undefined;

/** A machine of its own, with an address that others reach it by. */
export interface PostgresPlace {
  /** Of the network. */
  readonly namespace: string;
  readonly address: string;
  /** Who may come in without a password: an address and length. */
  readonly network: string;
}

export class PostgresServer {
  readonly #directory: string;
  readonly #place: PostgresPlace | undefined;
  readonly #user: { uid: number; gid: number } | undefined;
  #keeper: ReturnType<typeof spawn> | undefined;

  private constructor(directory: string, place: PostgresPlace | undefined) {
    this.#directory = directory;
    this.#place = place;
    this.#user = isRoot ? idsOf("postgres") : undefined;
  }

  /**
   * @param directory that is there, and goes with whoever made it; one of its own unless told
   * @param place where it is reached over a network too; needs root
   */
  static async start(
    directory = mkdtempSync(join(tmpdir(), "culvert-postgres-")),
    place?: PostgresPlace,
  ): Promise<PostgresServer> {
    const server = new PostgresServer(directory, place);
    server.#initialise();
    await server.restart();
    return server;
  }

  #initialise(): void {
    const data = this.#data;
    mkdirSync(data, { mode: 0o700 });
    if (this.#user !== undefined) {
      for (const path of [this.#directory, data]) chownSync(path, this.#user.uid, this.#user.gid);
    }
    // Not the order of bytes, and letters beyond ASCII have two cases: what the store must not depend on.
    const locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"];
    const access = ["--username=culvert", "--auth=trust"];
    const options = { ...this.#user, cwd: "/", stdio: ["ignore", "ignore", "pipe"] as ["ignore", "ignore", "pipe"] };
    execFileSync(join(programs ?? "", "initdb"), ["--pgdata", data, ...locale, ...access, "--no-sync"], options);
    // Whoever is not the tests' own needs a password.
    const others = this.#place === undefined ? "" : `host all culvert ${this.#place.network} trust\n`;
    writeFileSync(join(data, "pg_hba.conf"), `local all culvert trust\nlocal all all scram-sha-256\n${others}`);
  }

  get #data(): string {
    return join(this.#directory, "data");
  }

  get socket(): string {
    return join(this.#directory, ".s.PGSQL.5432");
  }

  urlOf(database: string): string {
    return `postgres://culvert@/${database}?host=${encodeURIComponent(this.#directory)}`;
  }

  /** Starts it, and waits until it takes connections; after `kill` too. */
  async restart(): Promise<void> {
    this.#spawn();
    const isUp = () => isReady(this.urlOf("postgres"));
    await waitFor(isUp, { what: "PostgreSQL to take connections", timeoutMs: startTimeoutMs });
  }

  /** The server goes when this process does: then the shell's standard input ends. */
  #spawn(): void {
    const listen = `listen_addresses=${this.#place?.address ?? ""}`;
    const options = ["-D", this.#data, "-k", this.#directory, "-c", listen, "-c", "max_connections=400"];
    const command = '"$@" & read -r _; kill -INT $!; wait $!';
    const [program = "", ...args] = [...this.#entry(), "sh", "-c", command, "sh", join(programs ?? "", "postgres")];
    this.#keeper = spawn(program, [...args, ...options], {
      ...(this.#place === undefined ? this.#user : {}),
      cwd: this.#directory,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#keeper.stdin?.on("error", () => {});
  }

  /** Into its network, which only root may enter, and then as another user. */
  #entry(): string[] {
    if (this.#place === undefined || this.#user === undefined) return [];
    const { uid, gid } = this.#user;
    const asUser = ["setpriv", "--reuid", `${uid}`, "--regid", `${gid}`, "--clear-groups"];
    return ["nsenter", `--net=/run/netns/${this.#place.namespace}`, ...asUser];
  }

  /** As a machine that loses its power, but for what the system has in memory. The processes behind it notice, and end. */
  async kill(): Promise<void> {
    const pid = this.#pid();
    const children = childrenOf(pid);
    process.kill(pid, "SIGKILL");
    await this.#end();
    // Until the last of them has gone no other server may have the tables.
    const areGone = () => !children.some((child) => existsSync(`/proc/${child}`));
    await waitFor(areGone, { what: "PostgreSQL's processes to end", timeoutMs: startTimeoutMs });
  }

  /** Ends what is under way, and the server. */
  async stop(): Promise<void> {
    await this.#end();
  }

  /** Of the shell, which ends the server if it is still there. */
  async #end(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined || keeper.exitCode !== null) return;
    const exit = once(keeper, "exit");
    keeper.stdin?.end();
    await exit;
  }

  /** It and all its processes stand still, with their connections open. @returns a function that lets them go on */
  pause(): () => void {
    const pids = [this.#pid(), ...childrenOf(this.#pid())];
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    return () => {
      for (const pid of pids) process.kill(pid, "SIGCONT");
    };
  }

  #pid(): number {
    return Number(readFileSync(join(this.#data, "postmaster.pid"), "utf8").split("\n")[0]);
  }

  /** Ends it, and removes every trace. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function childrenOf(pid: number): number[] {
  const threads = globSync(`/proc/${pid}/task/*/children`).map((file) => readFileSync(file, "utf8"));
  return threads.join(" ").split(" ").filter(Boolean).map(Number);
}

function idsOf(name: string): { uid: number; gid: number } {
  const read = (option: string) => Number(execFileSync("id", [option, name], { encoding: "utf8" }));
  return { uid: read("-u"), gid: read("-g") };
}

async function isReady(url: string): Promise<boolean> {
  try {
    await command(url, "select 1");
    return true;
  } catch {
    return false;
  }
}

/** Sends one statement over a connection of its own. */
export async function command(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
