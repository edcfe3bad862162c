// Every statement of the busy paths goes by an index: its cost does not grow with what others have. The statements are those that the
// operations and the loop really prepare, caught at the driver.
import BetterSqlite from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ListVpnConns, listVpnConns } from "../../src/operations/list-vpn-conns.ts";
import type { Store } from "../../src/store/store.ts";
import { makeConn, makeOperator, makePlace, type Operator } from "../support/operations.ts";
import { makeSqlite, sqliteFileOf, type TestDatabase } from "./databases.ts";
import { hotPaths, list, type World } from "./hot-paths.ts";

let database: TestDatabase;
let store: Store;
let operator: Operator;
const world = {} as World;
let beside: BetterSqlite.Database;

beforeAll(async () => {
  database = await makeSqlite();
  operator = await makeOperator(database.store);
  world.place = await makePlace(operator);
  await makeConn(operator, world.place);
  const all = { offset: 0, limit: 1, orderBy: "createdAt", direction: "asc" } as const;
  const none = { vpc: undefined, vpnGw: undefined, vpnConn: undefined, name: undefined, taskId: undefined };
  const { rows } = await listVpnConns(operator.context, operator.caller, { ...all, ...none });
  const [view] = rows;
  if (view === undefined) throw new TypeError("it was just made");
  world.conn = view.conn;
  world.taskId = 1;
  beside = new BetterSqlite(sqliteFileOf(database.dir));
});
afterAll(async () => {
  beside.close();
  await database.remove();
});

interface Planned {
  readonly sql: string;
  /** SQLite's own words, one for each step: `SEARCH tasks USING INDEX …`. */
  readonly plan: readonly string[];
}

/** The plans of all statements that `work` sends to a store that has not sent any before. */
async function planOf(work: (store: Store, operator: Operator) => Promise<unknown>): Promise<Planned[]> {
  store = await database.openAgain();
  const fresh = { ...operator, context: { ...operator.context, store } };
  const prepare = vi.spyOn(BetterSqlite.prototype, "prepare");
  let statements: string[];
  try {
    await work(store, fresh);
    statements = prepare.mock.calls
      .map(([text]) => text)
      .filter((text) => /^(with|select|insert|update|delete)\b/.test(text));
  } finally {
    prepare.mockRestore();
  }
  expect(statements.length).toBeGreaterThan(0);
  return [...new Set(statements)].map(explain);
}

function explain(text: string): Planned {
  const parameters = Array.from({ length: text.split("?").length - 1 }, () => 1);
  const rows = beside.prepare<number[], { detail: string }>(`explain query plan ${text}`).all(...parameters);
  return { sql: text, plan: rows.map((row) => row.detail) };
}

/** Steps that go through a whole table, or a whole index. */
function findScans(planned: readonly Planned[]): string[] {
  return planned.flatMap(({ sql, plan }) =>
    plan.filter((step) => /^SCAN (?!CONSTANT ROW)/.test(step)).map((step) => `${step}: ${sql}`),
  );
}

/** Steps that collect rows to sort them. */
function findSorts(planned: readonly Planned[]): string[] {
  return planned.flatMap(({ sql, plan }) =>
    plan.filter((step) => step.includes("TEMP B-TREE")).map((step) => `${step}: ${sql}`),
  );
}

it("the eyes of these tests see a scan and a sort", async () => {
  const planned = ["select * from vpn_conns where status = ?", "select * from tasks order by created_at"].map(explain);
  expect(findScans(planned)).toHaveLength(2);
  expect(findSorts(planned)).toHaveLength(1);
});

describe("no table is gone through whole", () => {
  it.each(hotPaths(world))("by %s", async (_what, work) => {
    expect(findScans(await planOf(work))).toEqual([]);
  });

  it("and the first page of channels comes sorted out of an index", async () => {
    expect(findSorts(await planOf(list({})))).toEqual([]);
  });

  it.each<[string, Partial<ListVpnConns>, string]>([
    ["gateway", { vpnGw: "vpnGw" }, "vpn_gw_id"],
    ["VPC", { vpc: "vpc" }, "vpc_id"],
  ])(
    "and the channels of one %s are found by it, not among all of the account, and sorted",
    async (_what, by, column) => {
      const filter = Object.fromEntries(Object.keys(by).map((key) => [key, world.place[key as "vpc" | "vpnGw"].uid]));
      const planned = await planOf(list(filter));
      const ofConns = planned.filter(({ sql }) => sql.includes('from "vpn_conns"'));
      expect(ofConns).toHaveLength(2);
      for (const { plan } of ofConns) expect(plan.join("; ")).toContain(`(account_id=? AND region=? AND ${column}=?)`);
      expect(findSorts(planned)).toEqual([]);
    },
  );

  it("and pairs of networks that overlap are found by gateway and peer network", async () => {
    const planned = await planOf((_, fresh) => makeConn(fresh, world.place));
    const ofPairs = planned.filter(({ sql }) => sql.startsWith("select") && sql.includes('from "spd_pairs"'));
    const steps = ofPairs.map(({ plan }) => plan.filter((step) => step.includes(" spd_pairs ")));
    const index = "SEARCH spd_pairs USING PRIMARY KEY";
    expect(steps).toContainEqual([`${index} (vpn_gw_id=?)`]);
    expect(steps).toContainEqual([
      `${index} (vpn_gw_id=? AND peer_first>? AND peer_first<?)`,
      `${index} (vpn_gw_id=? AND peer_first=? AND peer_last>?)`,
    ]);
  });
});
