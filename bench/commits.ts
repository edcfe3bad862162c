// The limit below every acknowledged write: two rows in one commit, on disk, by better-sqlite3 alone.
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";

/** About what a channel's row and its task's row hold. */
const channelRow = "c".repeat(900);
const taskRow = "t".repeat(100);
/** The event loop gets its turn after so many commits: a Ctrl-C must be heard. */
const commitsPerTurn = 20;

export class RawCommits {
  readonly #file: BetterSqlite.Database;
  readonly #statements: readonly [begin: Statement, channel: Statement, task: Statement, commit: Statement];

  /** As src/store/sqlite.ts opens its file: write-ahead log, every commit on disk. */
  constructor(dir: string) {
    const file = new BetterSqlite(join(dir, "raw.db"));
    file.pragma("journal_mode = WAL");
    file.pragma("synchronous = FULL");
    file.exec("create table channels (id integer primary key autoincrement, body text not null)");
    file.exec("create table tasks (id integer primary key autoincrement, body text not null)");
    this.#file = file;
    this.#statements = [
      file.prepare("begin immediate"),
      file.prepare("insert into channels (body) values (?)"),
      file.prepare("insert into tasks (body) values (?)"),
      file.prepare("commit"),
    ];
  }

  /** One commit of two rows. @returns how long it took */
  commitMs(): number {
    const [begin, channel, task, commit] = this.#statements;
    const startedMs = performance.now();
    begin.run();
    channel.run(channelRow);
    task.run(taskRow);
    commit.run();
    return performance.now() - startedMs;
  }

  /** Commits one pair after the other for so long. */
  async perSecond(seconds: number): Promise<number> {
    const startedMs = performance.now();
    let count = 0;
    while (performance.now() - startedMs < seconds * 1_000) {
      for (let turn = 0; turn < commitsPerTurn; turn += 1) this.commitMs();
      count += commitsPerTurn;
      await new Promise(setImmediate);
    }
    return (count * 1_000) / (performance.now() - startedMs);
  }

  close(): void {
    this.#file.close();
  }
}

type Statement = BetterSqlite.Statement<string[]>;
