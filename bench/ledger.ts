// What the server has written down: looks into its database, read-only, to see that every task that was acknowledged has ended.
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import BetterSqlite from "better-sqlite3";
import type { Scope } from "./scope.ts";

const settleBoundMs = 120_000;
const pollMs = 20;

export class Ledger {
  readonly #file: BetterSqlite.Database;
  readonly #countRunning: BetterSqlite.Statement<[], { count: number }>;

  constructor(dataDir: string) {
    this.#file = new BetterSqlite(join(dataDir, "culvert.db"), { readonly: true });
    this.#countRunning = this.#file.prepare("select count(*) as count from tasks where status = 'running'");
  }

  /** Waits until no task runs. @throws Error when the time is up */
  async settle(scope: Scope): Promise<void> {
    const deadlineMs = performance.now() + settleBoundMs;
    for (;;) {
      scope.check();
      const running = this.#countRunning.get()?.count ?? 0;
      if (running === 0) return;
      if (performance.now() > deadlineMs) throw new Error(`${running} tasks still run after ${settleBoundMs} ms`);
      await pause(pollMs);
    }
  }

  /** Tasks that made a channel, by how they ended. */
  countCreations(): Readonly<Record<string, number>> {
    const query = "select status, count(*) as count from tasks where action = 'create-vpn-conn' group by status";
    const rows = this.#file.prepare<[], { status: string; count: number }>(query).all();
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  close(): void {
    this.#file.close();
  }
}
