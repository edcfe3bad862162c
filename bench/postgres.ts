// A PostgreSQL of the bench's own, with Debian's settings, in a temporary directory.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command, PostgresServer, postgresReason } from "../test/support/postgres-server.ts";
import type { Scope } from "./scope.ts";

export interface BenchPostgres {
  readonly directory: string;
  /** A new database. @returns its URL */
  create(name: string): Promise<string>;
  /** A copy of a database that nobody has open. @returns its URL */
  copy(from: string, name: string): Promise<string>;
  drop(name: string): Promise<void>;
}

/** It goes with the scope. @throws Error when PostgreSQL is not installed */
export async function startPostgres(scope: Scope): Promise<BenchPostgres> {
  if (postgresReason !== undefined) throw new Error(postgresReason);
  const directory = mkdtempSync(join(tmpdir(), "culvert-bench-"));
  const server = await PostgresServer.start(directory);
  scope.defer("PostgreSQL", () => server.remove());
  const run = (statement: string) => command(server.urlOf("postgres"), statement);
  const make = async (name: string, options = "") => {
    await run(`create database ${name} ${options}`);
    return server.urlOf(name);
  };
  return {
    directory,
    create: (name) => make(name),
    copy: (from, name) => make(name, `template ${from}`),
    drop: (name) => run(`drop database ${name}`),
  };
}
