// Where rows go by the hundred thousand: past the server and its promises, into a database that nobody else has open.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { programs } from "../test/support/postgres-server.ts";
import type { Sink } from "./scale-rows.ts";

type Value = string | number | null;
type Row = Readonly<Record<string, Value>>;

export interface BulkSink extends Sink {
  /** Waits until what was added has gone so far that more may come. */
  drain(): Promise<void>;
  /** Waits until all is there. Nothing may be added any more. @throws Error when something was refused */
  finish(): Promise<void>;
}

const cacheKiB = 1 << 20;

/** Into a database file. */
export class SqliteSink implements BulkSink {
  readonly #file: BetterSqlite.Database;
  readonly #inserts = new Map<string, BetterSqlite.Statement<Value[]>>();

  constructor(path: string) {
    this.#file = new BetterSqlite(path);
    // One transaction without a journal: a file that is half filled is thrown away.
    for (const pragma of ["journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", `cache_size = -${cacheKiB}`])
      this.#file.pragma(pragma);
    this.#file.exec("begin");
  }

  add(table: string, row: Row): void {
    const names = Object.keys(row);
    const key = `${table} ${names}`;
    const insert = this.#inserts.get(key) ?? this.#file.prepare(insertOf(table, names));
    this.#inserts.set(key, insert);
    insert.run(...Object.values(row));
  }

  async drain(): Promise<void> {
    await new Promise(setImmediate);
  }

  async finish(): Promise<void> {
    this.#file.exec("commit");
    this.#file.pragma("journal_mode = WAL");
    this.#file.close();
  }
}

function insertOf(table: string, names: readonly string[]): string {
  const columns = names.map((name) => `"${name}"`);
  return `insert into "${table}" (${columns}) values (${names.map(() => "?")})`;
}

const chunkLength = 1 << 18;
/** Foreign keys are right by construction; what is lost by a crash is made anew. */
const settings = "-c session_replication_role=replica -c synchronous_commit=off";

/** Into a database of PostgreSQL, by COPY: a psql for each table. */
export class PostgresSink implements BulkSink {
  readonly #url: string;
  readonly #copies = new Map<string, Copy>();

  constructor(url: string) {
    this.#url = url;
  }

  add(table: string, row: Row): void {
    const found = this.#copies.get(table) ?? new Copy(this.#url, table, Object.keys(row));
    this.#copies.set(table, found);
    found.add(Object.values(row));
  }

  async drain(): Promise<void> {
    for (const copy of this.#copies.values()) await copy.drain();
  }

  async finish(): Promise<void> {
    await Promise.all([...this.#copies.values()].map((copy) => copy.finish()));
  }
}

class Copy {
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  #errors = "";
  #text = "";
  #isFull = false;

  constructor(url: string, table: string, names: readonly string[]) {
    const command = `copy ${table} (${names}) from stdin`;
    this.#process = spawn(join(programs ?? "", "psql"), ["--no-psqlrc", "--quiet", "--command", command, url], {
      env: { ...process.env, PGOPTIONS: settings },
      stdio: ["pipe", "ignore", "pipe"],
    });
    this.#exit = once(this.#process, "exit");
    this.#process.stderr?.on("data", (text) => {
      this.#errors += text;
    });
    // Its exit code says so, too.
    this.#process.stdin?.on("error", () => {});
  }

  add(values: readonly Value[]): void {
    this.#text += `${values.map(formatValue).join("\t")}\n`;
    if (this.#text.length > chunkLength) this.#send();
  }

  #send(): void {
    this.#isFull = this.#process.stdin?.write(this.#text) === false;
    this.#text = "";
  }

  async drain(): Promise<void> {
    if (!this.#isFull) return;
    this.#isFull = false;
    const { stdin } = this.#process;
    if (stdin?.writableNeedDrain) await Promise.race([once(stdin, "drain"), this.#exit]);
  }

  async finish(): Promise<void> {
    this.#send();
    this.#process.stdin?.end();
    const [code] = await this.#exit;
    if (code !== 0) throw new Error(`COPY failed: ${this.#errors}`);
  }
}

/** https://www.postgresql.org/docs/current/sql-copy.html, the text format. */
function formatValue(value: Value): string {
  if (value === null) return "\\N";
  return typeof value === "number" ? String(value) : value.replace(/[\\\t\n\r]/g, (each) => `\\${escapes[each]}`);
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\", "\t": "t", "\n": "n", "\r": "r" };
