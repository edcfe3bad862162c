// As query-plans.test.ts, on PostgreSQL: with the plans that it keeps for prepared statements, over thousands of rows that it takes for
// a million.
import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { fill } from "../../bench/scale-fill.ts";
import { Scope } from "../../bench/scope.ts";
import { listVpnConns } from "../../src/operations/list-vpn-conns.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { makeConn, makeOperator, makePlace, type Operator } from "../support/operations.ts";
import { command, makeBareDatabase, type OwnDatabase, postgresReason } from "../support/postgres-cluster.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { hotPaths, type World } from "./hot-paths.ts";

const channels = 10_000;
/** Tables of which the planner believes that they are large. */
const large = ["vpn_conns", "vpn_conn_observations", "spd_pairs", "tasks", "user_gws", "vpn_gws"];

interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** A step of a plan: https://www.postgresql.org/docs/15/sql-explain.html, the format JSON. */
interface Step {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly Plans?: readonly Step[];
}

/** How much an index of part of a table may hold of it at most, to be one of what is out of the ordinary. */
const smallShare = 0.05;

/** Tables that are empty, or small, while nothing happens: over no rows any plan is as good as any other. */
const fillTheRest = `
  insert into vpn_conn_diagnoses
    select id, 'peer-silent', 'a', 'b', created_at, '', '', '[]' from vpn_conns;
  insert into vpn_conn_fallbacks
    select id, vpn_gw_id, pre_shared_key, ike_identity, ike, ipsec, spds, ike_generation, ipsec_generation from vpn_conns;
  insert into sa_counters select id, 'c0000000', 1, 1, 1 from vpn_conns;
  insert into traffic_slots select id, slot * 300000, 1, 1 from vpn_conns, generate_series(1, 3) slot;
  insert into unknown_peers select id, place, '192.0.2.1', '', '', '', 1, 1, 1 from vpn_gws, generate_series(0, 19) place;
  insert into request_stamps select 'digest ' || n, n from generate_series(1, 10000) n;
  insert into subnets (uid, account_id, region, name, created_at, vpc_id, cidr, zone)
    select 'subnet-' || vpcs.id || '-' || n, account_id, region, 'subnet ' || n, 1, vpcs.id, '10.0.0.0/24', '1'
    from vpcs, generate_series(1, 100) n;
  insert into accounts (name, created_at) select 'other ' || n, 1 from generate_series(1, 1000) n;
  insert into hosts (name, labels, capacity, state, is_stopping, renewals, created_at)
    select 'host ' || n, '{}', 0, 'ready', 0, 1, 1 from generate_series(1, 20) n;
  insert into gateway_leases (vpn_gw_id, host_id, fence, moving_from)
    select id, case when id % 50 <> 0 then id % 20 + 1 end, 1, case when id % 50 = 25 then 1 end from vpn_gws;
  insert into api_keys select 'AKIDother' || n, 1, '', 0, 1 from generate_series(1, 1000) n;
  ${tellDistinct("vpn_gw_id", 0.009, ["vpn_conns", "vpn_conn_fallbacks", "spd_pairs", "tasks", "unknown_peers"])}
  ${tellDistinct("vpc_id", 0.003, ["vpn_conns", "subnets"])}
  ${tellDistinct("account_id", 0.001, ["vpcs", "vpn_gws", "user_gws", "vpn_conns", "tasks"])}
  analyze;
  update pg_class set reltuples = reltuples * 100 where relkind = 'r' and relnamespace = 'public'::regnamespace`;

/** Has the planner believe that a column has so many values for each row, however many rows there are. */
function tellDistinct(column: string, share: number, tables: readonly string[]): string {
  return tables.map((table) => `alter table ${table} alter ${column} set (n_distinct = ${-share});`).join("\n");
}

const dir = makeTempDir();
const world = {} as World;
const stores: Store[] = [];
let database: OwnDatabase;
let operator: Operator;
let beside: pg.Client;
/** Indexes of what is out of the ordinary: to read one whole is to read those few. */
let small: ReadonlySet<string>;

async function open(): Promise<Store> {
  const store = await openStore({ data: dir.path, database: database.url, masterKeyFile: "", lingerMs: 0 });
  stores.push(store);
  return store;
}

const isThere = postgresReason === undefined;
beforeAll(async () => {
  if (!isThere) return;
  database = await makeBareDatabase();
  await fill(new Scope(), { data: dir.path, database: database.url }, channels);
  await command(database.url, fillTheRest);
  operator = await makeOperator(await open());
  world.place = await makePlace(operator, "203.0.113.1");
  await makeConn(operator, world.place);
  const page = { offset: 0, limit: 1, orderBy: "createdAt", direction: "asc" } as const;
  const none = { vpc: undefined, vpnGw: undefined, vpnConn: undefined, name: undefined, taskId: undefined };
  const [view] = (await listVpnConns(operator.context, operator.caller, { ...page, ...none })).rows;
  if (view === undefined) throw new TypeError("it was just made");
  world.conn = view.conn;
  world.taskId = channels + 1;
  beside = new pg.Client(database.url);
  await beside.connect();
  await beside.query("set plan_cache_mode = force_generic_plan");
  small = await findSmallIndexes();
});
afterAll(async () => {
  await beside?.end();
  for (const store of stores) await store.close();
  await database?.remove();
  dir.remove();
});

/** The statements that `work` sends to a store that has not sent any before, each once. */
async function catchStatements(work: (store: Store, operator: Operator) => Promise<unknown>): Promise<Sent[]> {
  const store = await open();
  const query = vi.spyOn(pg.Client.prototype, "query");
  try {
    await work(store, { ...operator, context: { ...operator.context, store } });
    const sent = query.mock.calls.map(([statement]) => statement as string | Sent);
    const wanted = sent.filter((each): each is Sent => typeof each === "object" && isOfTables.test(each.text));
    return [...new Map(wanted.map((each) => [each.text, each])).values()];
  } finally {
    query.mockRestore();
  }
}

const isOfTables = /^(with|select|insert|update|delete)\b/;

/** Indexes of part of a table that hold few of its rows, by what was counted: the tables are said to be a hundred times as large. */
async function findSmallIndexes(): Promise<Set<string>> {
  const { rows } = await beside.query(
    `select part.relname from pg_index
       join pg_class part on part.oid = indexrelid
       join pg_class whole on whole.oid = indrelid
     where indpred is not null and part.reltuples between 1 and whole.reltuples / 100 * $1`,
    [smallShare],
  );
  return new Set(rows.map(({ relname }) => relname));
}

/** All steps of a statement's plan. */
async function explain({ text, values }: Sent): Promise<Step[]> {
  const given = values.map((value) => (value === null ? "null" : beside.escapeLiteral(String(value))));
  await beside.query(`prepare it as ${text}`);
  try {
    const execute = given.length === 0 ? "execute it" : `execute it(${given})`;
    const { rows } = await beside.query(`explain (format json) ${execute}`);
    return stepsOf(rows[0]["QUERY PLAN"][0].Plan);
  } finally {
    await beside.query("deallocate it");
  }
}

function stepsOf(step: Step): Step[] {
  return [step, ...(step.Plans ?? []).flatMap(stepsOf)];
}

/** Steps that go through a whole table, or a whole index: those that the planner chooses, and those that it cannot do without. */
async function findScans(sent: readonly Sent[]): Promise<string[]> {
  const found: string[] = [];
  for (const statement of sent) {
    const say = (step: Step) =>
      `${step["Node Type"]} ${[step["Relation Name"], step["Index Name"]].filter(Boolean).join(" by ")}: ${statement.text}`;
    const chosen = (await explain(statement)).filter((step) => isWhole(step) && large.includes(tableOf(step)));
    await beside.query("set enable_seqscan = off");
    const needed = (await explain(statement)).filter(isWhole);
    await beside.query("set enable_seqscan = on");
    found.push(...[...chosen, ...needed].map(say));
  }
  return found;
}

function isWhole(step: Step): boolean {
  const kind = step["Node Type"];
  if (kind === "Seq Scan") return true;
  return /Index.* Scan$/.test(kind) && step["Index Cond"] === undefined && !small.has(step["Index Name"] ?? "");
}

function tableOf(step: Step): string {
  return step["Relation Name"] ?? "";
}

it.skipIf(!isThere)("the eyes of these tests see tables and indexes that are gone through whole", async () => {
  const scans = await findScans([
    { text: "select * from vpn_conns where status = $1", values: ["running"] },
    { text: "select * from tasks order by id limit 10", values: [] },
    { text: "select * from vpn_conns where uid = $1", values: ["vpnx-00000000"] },
    // Two indexes of part of a table: one holds all of it, for all tasks have ended, the other one a few gateways.
    { text: "select id from tasks where finished_at is not null order by finished_at limit 10", values: [] },
    { text: "select vpn_gw_id from gateway_leases where moving_from is not null limit 1", values: [] },
  ]);
  expect(scans.filter((scan) => scan.startsWith("Seq Scan vpn_conns"))).toHaveLength(2);
  expect(scans.filter((scan) => scan.startsWith("Index Scan tasks by tasks_pkey:"))).toHaveLength(2);
  expect(scans.filter((scan) => scan.startsWith("Index Scan tasks by tasks_by_finished_at:"))).toHaveLength(2);
  expect(scans).toHaveLength(6);
});

it.skipIf(!isThere).each(hotPaths(world))("no table is gone through whole by %s", async (_what, work) => {
  const sent = await catchStatements(work);
  expect(sent).not.toEqual([]);
  expect(await findScans(sent)).toEqual([]);
});
