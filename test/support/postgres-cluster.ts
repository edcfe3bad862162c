// A PostgreSQL of the tests' own: Debian's server, on a socket in a temporary directory, as a user who is not root. The first test that
// wants it has it started, and it ends with the run, however that ends.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, globSync, mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { waitFor } from "./wait-for.ts";

const directoryVariable = "POSTGRES_TEST_DIRECTORY";
/** As root, PostgreSQL refuses to run. */
const isRoot = userInfo().uid === 0;

/** Where the server's programs are; undefined, when Debian's package is not installed. */
export const programs = globSync("/usr/lib/postgresql/*/bin").toSorted().at(-1);

/** Why there is no PostgreSQL to test with; undefined, when there is. */
export const postgresReason =
  programs === undefined ? "PostgreSQL is not installed (apt-get install postgresql)" : undefined;

/** Called by vitest before the first test; what it returns is called after the last one. */
export function setup(): () => Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "culvert-postgres-"));
  process.env[directoryVariable] = directory;
  let stop = async () => {};
  const watcher = watch(directory, (_, name) => {
    if (name !== "wanted") return;
    watcher.close();
    const started = start(directory);
    stop = async () => (await started)();
    started.catch((error: unknown) => writeFileSync(join(directory, "failed"), String(error)));
  });
  return async () => {
    watcher.close();
    await stop();
    rmSync(directory, { recursive: true, force: true });
  };
}

/** @returns a function that ends it */
async function start(directory: string): Promise<() => Promise<void>> {
  const ids = isRoot ? idsOf("postgres") : undefined;
  const user = ids ?? {};
  const data = join(directory, "data");
  mkdirSync(data, { mode: 0o700 });
  if (ids !== undefined) for (const path of [directory, data]) chownSync(path, ids.uid, ids.gid);
  // Not the order of bytes, and letters beyond ASCII have two cases: what the store must not depend on.
  const locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"];
  const access = ["--username=culvert", "--auth=trust"];
  run("initdb", ["--pgdata", data, ...locale, ...access, "--no-sync"], user);
  // Whoever is not the tests' own needs a password.
  writeFileSync(join(data, "pg_hba.conf"), "local all culvert trust\nlocal all all scram-sha-256\n");
  // The server goes when this process does: then the shell's standard input ends.
  const options = ["-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "max_connections=400"];
  const command = '"$@" & read -r _; kill -INT $!; wait $!';
  const server = spawn("sh", ["-c", command, "sh", join(programs ?? "", "postgres"), ...options], {
    ...user,
    cwd: directory,
    stdio: ["pipe", "ignore", "ignore"],
  });
  await waitFor(() => existsSync(join(directory, ".s.PGSQL.5432")), { what: "PostgreSQL to start", timeoutMs: 20_000 });
  await waitFor(() => isReady(directory), { what: "PostgreSQL to take connections", timeoutMs: 20_000 });
  writeFileSync(join(directory, "ready"), "");
  return async () => {
    const exit = once(server, "exit");
    server.stdin?.end();
    await exit;
  };
}

export function idsOf(name: string): { uid: number; gid: number } {
  const read = (option: string) => Number(execFileSync("id", [option, name], { encoding: "utf8" }));
  return { uid: read("-u"), gid: read("-g") };
}

function run(program: string, args: readonly string[], user: object): void {
  execFileSync(join(programs ?? "", program), args, { ...user, cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
}

async function isReady(directory: string): Promise<boolean> {
  try {
    await command(`postgres://culvert@/postgres?host=${encodeURIComponent(directory)}`, "select 1");
    return true;
  } catch {
    return false;
  }
}

/** The server's directory; starts it, when nobody has. */
async function directoryOfServer(): Promise<string> {
  const directory = process.env[directoryVariable] ?? "";
  writeFileSync(join(directory, "wanted"), "");
  const isThere = (name: string) => existsSync(join(directory, name));
  await waitFor(() => isThere("ready") || isThere("failed"), { what: "PostgreSQL", timeoutMs: 40_000 });
  if (isThere("failed")) throw new Error("PostgreSQL could not be started");
  return directory;
}

/** A database of a test's own. */
export interface OwnDatabase {
  readonly url: string;
  remove(): Promise<void>;
}

let lastNumber = 0;
const emptied: OwnDatabase[] = [];

/** A database without rows. Making one takes the disk longer than most tests, so that it is used again when its test is over. */
export async function makeDatabase(): Promise<OwnDatabase> {
  const found = emptied.pop();
  if (found !== undefined) return found;
  const { url } = await makeBareDatabase();
  const remove = async () => {
    await command(url, emptyTables);
    emptied.push({ url, remove });
  };
  return { url, remove };
}

const emptyTables = `do $$ declare each text; begin
  set local session_replication_role = replica;
  for each in select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%' loop
    execute format('delete from %I', each);
  end loop;
  perform setval(format('%I', sequencename)::regclass, 1, false) from pg_sequences;
end $$`;

/** A database without tables. */
export async function makeBareDatabase(): Promise<OwnDatabase> {
  lastNumber += 1;
  const name = `test_${process.pid}_${lastNumber}`;
  const host = encodeURIComponent(await directoryOfServer());
  const urlOf = (database: string) => `postgres://culvert@/${database}?host=${host}`;
  await command(urlOf("postgres"), `create database ${name}`);
  return { url: urlOf(name), remove: () => command(urlOf("postgres"), `drop database ${name} with (force)`) };
}

/** Sends one statement over a connection of its own. */
export async function command(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
