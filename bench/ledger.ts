// What the server has written down: looks into its database to see that every task that was acknowledged has ended.
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import BetterSqlite from "better-sqlite3";
import pg from "pg";
import type { Scope } from "./scope.ts";

const settleBoundMs = 120_000;
const pollMs = 20;

type Row = Readonly<Record<string, unknown>>;

export class Ledger {
  readonly #query: (sql: string) => Promise<readonly Row[]>;
  readonly close: () => Promise<void>;

  private constructor(query: (sql: string) => Promise<readonly Row[]>, close: () => Promise<void>) {
    this.#query = query;
    this.close = close;
  }

  /** @param url of a database of PostgreSQL; undefined: the file in the data directory */
  static async open(dataDir: string, url: string | undefined): Promise<Ledger> {
    if (url !== undefined) {
      const client = new pg.Client(url);
      await client.connect();
      const query = async (sql: string) => (await client.query<Row>(sql)).rows;
      return new Ledger(query, () => client.end());
    }
    const file = new BetterSqlite(join(dataDir, "culvert.db"), { readonly: true });
    const query = async (sql: string) => file.prepare<[], Row>(sql).all();
    return new Ledger(query, async () => void file.close());
  }

  /** Waits until no task runs. @throws Error when the time is up */
  async settle(scope: Scope): Promise<void> {
    const deadlineMs = performance.now() + settleBoundMs;
    for (;;) {
      scope.check();
      const [row] = await this.#query("select count(*) as count from tasks where finished_at is null");
      const running = Number(row?.count);
      if (running === 0) return;
      if (performance.now() > deadlineMs) throw new Error(`${running} tasks still run after ${settleBoundMs} ms`);
      await pause(pollMs);
    }
  }

  /** Tasks that made a channel, by how they ended. */
  async countCreations(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#query(
      "select status, count(*) as count from tasks where action = 'create-vpn-conn' group by status",
    );
    return Object.fromEntries(rows.map(({ status, count }) => [String(status), Number(count)]));
  }
}
