// The limit below every AddVpnConnEx: the database doing the same statements, prepared, one transaction for each call, with nothing
// around them.
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import pg from "pg";
import type { BenchPostgres } from "./postgres.ts";
import { type Recording, record, type Sent } from "./recording.ts";

/** So many calls are recorded; when they have all been made, they are made anew on the database as it was before them. */
const recordedCalls = 3_000;
/** The event loop gets its turn after so many calls: a Ctrl-C must be heard. */
const callsPerTurn = 20;

export interface SameStatements {
  /** How many are sent for one call. */
  readonly statements: number;
  /** Calls per second, over so long or a little longer. */
  perSecond(seconds: number): Promise<number>;
  close(): Promise<void>;
}

/** One call after the other, as SQLite has one writer. @param dir an empty directory on the same disk */
export async function sameOnSqlite(dir: string): Promise<SameStatements> {
  const [path, before, replayed] = ["culvert.db", "before.db", "replayed.db"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const recording = await record({ data: dir, database: "" }, recordedCalls, async () => copyFileSync(path, before));
  const restore = () => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${replayed}${suffix}`, { force: true });
    copyFileSync(before, replayed);
    return new SqliteReplay(replayed, recording);
  };
  let replay = restore();
  return {
    statements: recording.calls[0]?.length ?? 0,
    async perSecond(seconds) {
      let [count, elapsedMs] = [0, 0];
      while (elapsedMs < seconds * 1_000) {
        if (replay.isOver) {
          replay.close();
          replay = restore();
        }
        const startedMs = performance.now();
        count += replay.next(callsPerTurn);
        elapsedMs += performance.now() - startedMs;
        await new Promise(setImmediate);
      }
      return (count * 1_000) / elapsedMs;
    },
    close: async () => replay.close(),
  };
}

class SqliteReplay {
  readonly #file: BetterSqlite.Database;
  readonly #statements = new Map<string, BetterSqlite.Statement<unknown[]>>();
  readonly #calls: Recording["calls"];
  #at = 0;

  constructor(path: string, { pragmas, calls }: Recording) {
    this.#file = new BetterSqlite(path);
    for (const pragma of pragmas) this.#file.pragma(pragma);
    this.#calls = calls;
  }

  get isOver(): boolean {
    return this.#at >= this.#calls.length;
  }

  /** @returns how many were left to do, up to `count` */
  next(count: number): number {
    const calls = this.#calls.slice(this.#at, this.#at + count);
    for (const call of calls) for (const sent of call) this.#run(sent);
    this.#at += calls.length;
    return calls.length;
  }

  #run({ sql, parameters }: Sent): void {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#file.prepare<unknown[]>(sql);
      this.#statements.set(sql, statement);
    }
    if (statement.reader) statement.all(...parameters);
    else statement.run(...parameters);
  }

  close(): void {
    this.#file.close();
  }
}

const connectionCounts = [1, 2, 4, 8] as const;
const trialSeconds = 0.5;
const [source, copied] = ["recorded", "replayed"] as const;

/**
 * Over as many connections as are quickest, each sending all statements of a call at once. The lock of the account, which is ours and not
 * the work's, is left out. @param dir an empty directory
 */
export async function sameOnPostgres(dir: string, postgres: BenchPostgres): Promise<SameStatements> {
  const place = { data: dir, database: await postgres.create(source) };
  const recording = await record(place, recordedCalls, () => postgres.copy(source, "before"));
  const calls = recording.calls.map((call) => call.map(withoutLock));
  const restore = async (connections: number) =>
    new PostgresReplay(await postgres.copy("before", copied), calls, connections);
  const measure = async (connections: number, seconds: number) => {
    let [count, elapsedMs] = [0, 0];
    while (elapsedMs < seconds * 1_000) {
      const replay = await restore(connections);
      await replay.open();
      const done = await replay.run(seconds * 1_000 - elapsedMs);
      await replay.close();
      await postgres.drop(copied);
      count += done.count;
      elapsedMs += done.elapsedMs;
    }
    return (count * 1_000) / elapsedMs;
  };
  let quickest = { connections: 1, perSecond: 0 };
  for (const connections of connectionCounts) {
    const perSecond = await measure(connections, trialSeconds);
    if (perSecond > quickest.perSecond) quickest = { connections, perSecond };
  }
  return {
    statements: calls[0]?.length ?? 0,
    perSecond: (seconds) => measure(quickest.connections, seconds),
    close: async () => {},
  };
}

function withoutLock(sent: Sent): Sent {
  return sent.sql.startsWith("begin") ? { ...sent, sql: "begin" } : sent;
}

class PostgresReplay {
  readonly #clients: readonly pg.Client[];
  readonly #calls: readonly (readonly Sent[])[];
  #at = 0;

  constructor(url: string, calls: readonly (readonly Sent[])[], connections: number) {
    this.#clients = Array.from({ length: connections }, () => {
      return new pg.Client({ connectionString: url, pipeline: true } as pg.ClientConfig);
    });
    this.#calls = calls;
  }

  async open(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.connect()));
  }

  /** Until the time is up, or all calls have been made. */
  async run(boundMs: number): Promise<{ count: number; elapsedMs: number }> {
    const startedMs = performance.now();
    const work = async (client: pg.Client) => {
      while (performance.now() - startedMs < boundMs) {
        const call = this.#calls[this.#at];
        if (call === undefined) return;
        this.#at += 1;
        await Promise.all(call.map((sent) => client.query(prepared(sent))));
      }
    };
    await Promise.all(this.#clients.map(work));
    return { count: this.#at, elapsedMs: performance.now() - startedMs };
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end()));
  }
}

const names = new Map<string, string>();

function prepared({ sql, parameters }: Sent) {
  if (parameters.length === 0) return { text: sql };
  const name = names.get(sql) ?? `s${names.size}`;
  names.set(sql, name);
  return { name, text: sql, values: [...parameters] };
}
