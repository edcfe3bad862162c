// Nudges between API nodes on one PostgreSQL, and on SQLite, where there is nobody to tell.
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Nudge, NudgeBoard } from "../../src/control/nudge-board.ts";
import { NudgeLine } from "../../src/control/nudge-line.ts";
import type { PollAnswer } from "../../src/control/wire.ts";
import type { Store } from "../../src/store/store.ts";
import { makePostgres, makeSqlite, type TestDatabase } from "../store/databases.ts";
import { postgresReason } from "../support/postgres-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const host = 7;

/** An API node, and a host that polls it. */
class Node {
  readonly #board = new NudgeBoard();
  readonly line: NudgeLine;
  #cursor: string | undefined;

  constructor(store: Store) {
    this.line = new NudgeLine({ board: this.#board, open: (listener) => store.openLine(listener) });
  }

  async poll(timeoutMs = 5_000): Promise<Omit<PollAnswer, "cursor">> {
    const signal = AbortSignal.timeout(10_000);
    const { cursor, ...said } = await this.#board.poll(host, this.#cursor, { timeoutMs, signal });
    this.#cursor = cursor;
    return said;
  }

  /** Until nothing more comes. */
  async drain(): Promise<void> {
    await waitFor(async () => (await this.poll(200)).nudged.length === 0, { what: "silence" });
  }

  /** Waits for a word that says that some may have been missed. */
  async hearAll(): Promise<void> {
    await waitFor(async () => (await this.poll()).nudged === "all", { what: "all", timeoutMs: 15_000 });
  }
}

/** Waits until one hears what the other says. */
async function hears(listener: Node, speaker: Node): Promise<void> {
  await waitFor(
    async () => {
      speaker.line.say(gateways(2));
      const { nudged } = await listener.poll(100);
      return nudged !== "all" && nudged.includes(2);
    },
    { what: "a word of the other node" },
  );
}

const gateways = (...ids: number[]): Nudge => ({ kind: "gateways", ids });

let database: TestDatabase;
let nodes: Node[];
afterEach(async () => {
  for (const { line } of nodes) await line.close();
  await database.remove();
});

describe("on SQLite", () => {
  beforeEach(async () => {
    database = await makeSqlite();
    nodes = [new Node(database.store)];
  });

  it("hosts of the node are told", async () => {
    const [node] = nodes as [Node];
    await node.hearAll();
    node.line.say(gateways(1));
    expect(await node.poll()).toEqual({ nudged: [1], hasNewLeases: false });
  });
});

describe.skipIf(postgresReason !== undefined)("on PostgreSQL", () => {
  let one: Node;
  let other: Node;

  beforeEach(async () => {
    database = await makePostgres();
    one = new Node(database.store);
    other = new Node(await database.openAgain());
    nodes = [one, other];
    await hears(one, other);
    await hears(other, one);
    for (const node of nodes) await node.drain();
  });

  it("hosts of every node are told, once", async () => {
    one.line.say(gateways(1, 2 ** 40));
    one.line.say({ kind: "leases", hostIds: [host] });
    const expected = { nudged: [1, 2 ** 40], hasNewLeases: true };
    expect(await one.poll()).toEqual(expected);
    expect(await other.poll()).toEqual(expected);
    expect(await one.poll(200)).toEqual({ nudged: [], hasNewLeases: false });
    one.line.say({ kind: "all" });
    await other.hearAll();
  });

  it("more at once than a word holds are all told", async () => {
    const ids = Array.from({ length: 3_000 }, (_, index) => Number.MAX_SAFE_INTEGER - index);
    one.line.say(gateways(...ids));
    const heard = new Set<number>();
    await waitFor(
      async () => {
        const { nudged } = await other.poll();
        if (nudged !== "all") for (const id of nudged) heard.add(id);
        return heard.size === ids.length;
      },
      { what: "all of them" },
    );
    expect(heard).toEqual(new Set(ids));
  });

  it("a word that is not understood, as of a later release, has them look at everything", async () => {
    await sql`select pg_notify('culvert', '{"kind":"something new"}')`.execute(database.store.db.sql);
    await Promise.all([one.hearAll(), other.hearAll()]);
  });

  it("after a break everybody looks at everything, and hears again", async () => {
    const cut = sql<{ cut: boolean }>`select pg_terminate_backend(pid) as cut from pg_stat_activity
      where application_name = 'culvert, nudges' and datname = current_database()`;
    expect((await cut.execute(database.store.db.sql)).rows).toEqual([{ cut: true }, { cut: true }]);
    one.line.say(gateways(1));
    await Promise.all([one.hearAll(), other.hearAll()]);
    await hears(one, other);
  });

  it("no transaction is open while a node listens", async () => {
    one.line.say(gateways(1));
    await other.poll();
    const { rows } = await sql<{ state: string }>`select state from pg_stat_activity
      where application_name = 'culvert, nudges' and datname = current_database()`.execute(database.store.db.sql);
    expect(rows).toEqual([{ state: "idle" }, { state: "idle" }]);
  });
});
