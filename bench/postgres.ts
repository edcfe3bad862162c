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
}

/** It goes with the scope. @throws Error when PostgreSQL is not installed */
export async function startPostgres(scope: Scope): Promise<BenchPostgres> {
  if (postgresReason !== undefined) throw new Error(postgresReason);
  const directory = mkdtempSync(join(tmpdir(), "culvert-bench-"));
  const server = await PostgresServer.start(directory);
  scope.defer("PostgreSQL", () => server.remove());
  return {
    directory,
    create: async (name) => {
      await command(server.urlOf("postgres"), `create database ${name}`);
      return server.urlOf(name);
    },
  };
}
