// A PostgreSQL that the tests of a run share. The first one that wants it has it started, and it ends with the run, however that ends.
import { existsSync, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command, PostgresServer, postgresReason, programs } from "./postgres-server.ts";
import { waitFor } from "./wait-for.ts";

export { command, postgresReason, programs };

const directoryVariable = "POSTGRES_TEST_DIRECTORY";

/** Called by vitest before the first test; what it returns is called after the last one. */
export function setup(): () => Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "culvert-postgres-"));
  process.env[directoryVariable] = directory;
  let stop = async () => {};
  const watcher = watch(directory, (_, name) => {
    if (name !== "wanted") return;
    watcher.close();
    const started = PostgresServer.start(directory);
    stop = async () => (await started).stop();
    started.then(
      () => writeFileSync(join(directory, "ready"), ""),
      (error: unknown) => writeFileSync(join(directory, "failed"), String(error)),
    );
  });
  return async () => {
    watcher.close();
    await stop();
    rmSync(directory, { recursive: true, force: true });
  };
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
