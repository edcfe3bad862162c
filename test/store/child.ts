// Another process with a hand on a store: what it is to do is its first argument, the data directory the second. It says on
// standard output how far it is, one line each, and ends when its standard input does.
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import { lockDataDir } from "../../src/store/instance-lock.ts";
import { openStore } from "../../src/store/open.ts";
import type { Db } from "../../src/store/store.ts";

const [task = "", data = ""] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

let isOver = false;
process.stdin.on("end", () => {
  isOver = true;
});
process.stdin.resume();

switch (task) {
  case "lock":
    lockDataDir(data);
    say("locked");
    while (!isOver) await pause(10);
    break;
  case "open": {
    const store = await openStore({ data, database: "", masterKeyFile: "" });
    await store.transaction((db) => addAccount(db, `of process ${process.pid}`));
    await store.close();
    break;
  }
  case "write": {
    // Sixteen writers, so that commits are shared. A name is told when it has been acknowledged.
    const store = await openStore({ data, database: "", masterKeyFile: "" });
    const write = async (writer: number) => {
      for (let index = 0; !isOver; index += 1) {
        const name = `${writer}/${index}`;
        await store.transaction((db) => addAccount(db, name));
        say(name);
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
    await store.close();
    break;
  }
  case "read": {
    // Every transaction of the other process adds two rows: an odd count is one half of it.
    const store = await openStore({ data, database: "", masterKeyFile: "" });
    const seen = { reads: 0, odd: 0, counts: new Set<number>() };
    say("reading");
    while (!isOver) {
      const { rows } = await sql<{ count: number }>`select count(*) as count from accounts`.execute(store.db.sql);
      const count = rows[0]?.count ?? -1;
      seen.reads += 1;
      seen.odd += count % 2 === 0 ? 0 : 1;
      seen.counts.add(count);
      if (seen.reads % 20 === 0) await pause(0);
    }
    await store.close();
    say(JSON.stringify({ ...seen, counts: seen.counts.size }));
    break;
  }
  default:
    throw new Error(`no such task: ${task}`);
}
process.stdin.destroy();

async function addAccount(db: Db, name: string): Promise<void> {
  await db.sql.insertInto("accounts").values({ name, created_at: 0 }).execute();
}
