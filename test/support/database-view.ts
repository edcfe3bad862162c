// A server's database seen from beside it, read-only: what is in it, and whether anything is still under way.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { waitFor } from "./wait-for.ts";

/** Rows by table. */
export type Snapshot = Readonly<Record<string, readonly unknown[]>>;

/** Tasks that run, gateways and channels that are being worked on (one that failed is tried again), tunnels on their way up. */
const underWay = `select
  (select count(*) from tasks where status = 'running') +
  (select count(*) from vpn_gws where status != 'running') +
  (select count(*) from vpn_conns where status != 'running') +
  (select count(*) from vpn_conns join user_gws on user_gws.id = user_gw_id
     where status = 'running' and user_gws.address not like '192.0.2.%'
       and not exists (select 1 from vpn_conn_observations
         where vpn_conn_id = vpn_conns.id and net_status = 'available')) as count`;

/** What peers do is written there, at their own time: no request writes to these tables. */
const ofPeers: ReadonlySet<string> = new Set(["vpn_conn_diagnoses", "unknown_peers"]);

export class DatabaseView {
  readonly #dataDir: string;
  readonly #file: BetterSqlite.Database;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#file = new BetterSqlite(join(dataDir, "culvert.db"), { readonly: true });
  }

  /** Everything in every table that requests write to. */
  takeSnapshot(): Snapshot {
    const tables = this.#file
      .prepare<[], { name: string }>("select name from sqlite_master where type = 'table'")
      .all()
      .filter(({ name }) => !ofPeers.has(name));
    const rowsOf = (name: string) => this.#file.prepare(`select * from "${name}" order by 1, 2`).all();
    return this.#file.transaction(() => Object.fromEntries(tables.map(({ name }) => [name, rowsOf(name)])))();
  }

  /** Another number after each commit of the server: https://www.sqlite.org/pragma.html#pragma_data_version */
  readVersion(): number {
    return this.#file.pragma("data_version", { simple: true }) as number;
  }

  /** How many rows each table has. */
  countRows(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.takeSnapshot()).map(([table, rows]) => [table, rows.length]));
  }

  /** Waits until the server has nothing left to write about what it was asked for. */
  async settle(): Promise<void> {
    const statement = this.#file.prepare<[], { count: number }>(underWay);
    await waitFor(() => statement.get()?.count === 0, { what: "the reconciler to settle", timeoutMs: 15_000 });
  }

  /** The bytes of the database's files, the write-ahead log among them. */
  readBytes(): Buffer {
    const names = readdirSync(this.#dataDir).filter((name) => name.startsWith("culvert.db"));
    return Buffer.concat(names.map((name) => readFileSync(join(this.#dataDir, name))));
  }

  close(): void {
    this.#file.close();
  }
}
