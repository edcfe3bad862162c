// A server's database seen from beside it, read-only: what is in it, and whether anything is still under way.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import pg from "pg";
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

export interface DatabaseView {
  /** Everything in every table that requests write to. */
  takeSnapshot(): Promise<Snapshot>;
  /** Another number after each commit of the server. */
  readVersion(): Promise<number>;
  /** How many rows each table has. */
  countRows(): Promise<Record<string, number>>;
  /** Waits until the server has nothing left to write about what it was asked for. */
  settle(): Promise<void>;
  /** All that is kept, as it is kept. */
  readBytes(): Promise<Buffer>;
  close(): Promise<void>;
}

/** @param url as the setting `database` has it; empty: a file @param path of the file; the data directory's own unless told */
export function viewDatabase(dataDir: string, url = "", path = join(dataDir, "culvert.db")): DatabaseView {
  const source = url === "" ? new SqliteSource(dataDir, path) : new PostgresSource(url);
  const takeSnapshot = () => source.takeSnapshot();
  return {
    takeSnapshot,
    readVersion: () => source.readVersion(),
    countRows: async () => {
      const tables = Object.entries(await takeSnapshot());
      return Object.fromEntries(tables.map(([table, rows]) => [table, rows.length]));
    },
    settle: async () => {
      const isQuiet = async () => (await source.countUnderWay()) === 0;
      await waitFor(isQuiet, { what: "the reconciler to settle", timeoutMs: 15_000 });
    },
    readBytes: () => source.readBytes(),
    close: () => source.close(),
  };
}

class SqliteSource {
  readonly #dataDir: string;
  readonly #file: BetterSqlite.Database;

  constructor(dataDir: string, path: string) {
    this.#dataDir = dataDir;
    this.#file = new BetterSqlite(path, { readonly: true });
  }

  async takeSnapshot(): Promise<Snapshot> {
    const tables = this.#file
      .prepare<[], { name: string }>("select name from sqlite_master where type = 'table'")
      .all()
      .filter(({ name }) => !ofPeers.has(name));
    const rowsOf = (name: string) => this.#file.prepare(`select * from "${name}" order by 1, 2`).all();
    return this.#file.transaction(() => Object.fromEntries(tables.map(({ name }) => [name, rowsOf(name)])))();
  }

  /** https://www.sqlite.org/pragma.html#pragma_data_version */
  async readVersion(): Promise<number> {
    return this.#file.pragma("data_version", { simple: true }) as number;
  }

  async countUnderWay(): Promise<number | undefined> {
    return this.#file.prepare<[], { count: number }>(underWay).get()?.count;
  }

  /** The bytes of the database's files, the write-ahead log among them. */
  async readBytes(): Promise<Buffer> {
    const names = readdirSync(this.#dataDir).filter((name) => name.startsWith("culvert.db"));
    return Buffer.concat(names.map((name) => readFileSync(join(this.#dataDir, name))));
  }

  async close(): Promise<void> {
    this.#file.close();
  }
}

class PostgresSource {
  readonly #client: pg.Client;
  readonly #connected: Promise<unknown>;

  constructor(url: string) {
    this.#client = new pg.Client(url);
    this.#connected = this.#client.connect();
  }

  async #query<Row>(text: string): Promise<Row[]> {
    await this.#connected;
    return (await this.#client.query(text)).rows;
  }

  /** One statement, so that all of it is of one moment. */
  async takeSnapshot(): Promise<Snapshot> {
    const tables = await this.#query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by 1",
    );
    const shown = tables.filter(({ name }) => !ofPeers.has(name));
    const parts = shown.map(({ name }) => `'${name}', (select json_agg(t order by t::text) from "${name}" t)`);
    const [row] = await this.#query<{ all: Record<string, unknown[] | null> }>(
      `select json_build_object(${parts.join(", ")}) as all`,
    );
    return Object.fromEntries(Object.entries(row?.all ?? {}).map(([name, rows]) => [name, rows ?? []]));
  }

  /** The number of the next transaction that writes. */
  async readVersion(): Promise<number> {
    const [row] = await this.#query<{ next: string }>("select pg_snapshot_xmax(pg_current_snapshot()) as next");
    return Number(row?.next);
  }

  async countUnderWay(): Promise<number | undefined> {
    const [row] = await this.#query<{ count: string }>(underWay);
    return Number(row?.count);
  }

  /** The rows: the server's files are its own. */
  async readBytes(): Promise<Buffer> {
    return Buffer.from(JSON.stringify(await this.takeSnapshot()));
  }

  async close(): Promise<void> {
    await this.#connected;
    await this.#client.end();
  }
}
