// Copies all that one database holds into another one, of either kind, and compares both row by row. What is there already is kept, if it
// is the same: so a copy that was cut off goes on.
import { type RawBuilder, sql } from "kysely";
import { markCopy, unmarkCopy } from "./copy-mark.ts";
import type { Database, Hand, NumberedTable } from "./database.ts";
import { StoreError } from "./errors.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import type { Schema } from "./schema.ts";

type Table = keyof Schema;
type Row = Readonly<Record<string, string | number | null>>;

/** Every table with its primary key; those that others refer to come first. */
export const keys: Readonly<Record<Table, readonly string[]>> = {
  accounts: ["id"],
  api_keys: ["secret_id"],
  hosts: ["id"],
  vpcs: ["id"],
  subnets: ["id"],
  vpn_gws: ["id"],
  gateway_leases: ["vpn_gw_id"],
  user_gws: ["id"],
  vpn_conns: ["id"],
  vpn_conn_fallbacks: ["vpn_conn_id"],
  vpn_conn_observations: ["vpn_conn_id"],
  vpn_conn_diagnoses: ["vpn_conn_id"],
  unknown_peers: ["vpn_gw_id", "place"],
  spd_pairs: ["vpn_gw_id", "peer_first", "peer_last", "local_first", "local_last", "vpn_conn_id"],
  tasks: ["id"],
  request_stamps: ["digest"],
  traffic_slots: ["vpn_conn_id", "starts_at"],
  sa_counters: ["vpn_conn_id", "spi"],
};
const numbered: readonly NumberedTable[] = [
  "accounts",
  "hosts",
  "vpcs",
  "subnets",
  "vpn_gws",
  "user_gws",
  "vpn_conns",
  "tasks",
];

/** Rows that share a commit: few enough for the parameters that a statement may have. */
const batchRows = 500;

export interface CopiedTable {
  readonly table: string;
  readonly rows: number;
  /** Those that were not in the target before. */
  readonly copied: number;
}

/**
 * Copies the state that the source has at one moment, and reads it back.
 * @param tell is told of each table that is done
 * @throws StoreError unavailable when the source is not of this version, or the target holds something else
 */
export async function copyState(source: Database, target: Database, tell: (done: CopiedTable) => void): Promise<void> {
  await refuseOtherVersion(source);
  await migrate(target);
  await markCopy(target);
  const snapshot = source.hand.sql.transaction().setIsolationLevel("repeatable read");
  await snapshot.execute(async (transaction) => {
    const from: Hand = { ...source.hand, sql: transaction };
    for (const [table, key] of Object.entries(keys)) tell(await copyTable(from, target, table, key));
    for (const table of numbered) {
      const last = await source.readLastNumber(from, table);
      if (last === 0) continue;
      await target.transact({ durability: "at-once", account: 0 }, (to) => target.writeLastNumber(to, table, last));
    }
    for (const [table, key] of Object.entries(keys)) await compareTable(from, target, table, key);
  });
  await unmarkCopy(target);
}

async function refuseOtherVersion({ name, hand }: Database): Promise<void> {
  const tables = await hand.sql.introspection.getTables({ withInternalKyselyTables: true });
  const isOurs = tables.some((table) => table.name === "kysely_migration");
  const query = sql<{ name: string }>`select name from kysely_migration`;
  const done = isOurs ? (await query.execute(hand.sql)).rows.map((row) => row.name) : [];
  const wanted = Object.keys(migrations);
  if (done.length === wanted.length && wanted.every((each) => done.includes(each))) return;
  throw new StoreError(
    "unavailable",
    `the database ${name} is not of this version; culvert migrate brings it up to date`,
  );
}

async function copyTable(from: Hand, target: Database, table: string, key: readonly string[]): Promise<CopiedTable> {
  let [rows, copied] = [0, 0];
  for await (const batch of readBatches(from, table, key)) {
    const present = await readRange(target, table, key, batch);
    const missing = batch.filter((row) => !present.has(keyOf(row, key)));
    refuseDifference(target, table, key, { expected: batch, found: present });
    if (missing.length > 0) {
      await target.transact({ durability: "at-once", account: 0 }, async (to) => {
        await to.sql
          .insertInto(table as Table)
          .values(missing as never)
          .execute();
      });
    }
    rows += batch.length;
    copied += missing.length;
  }
  return { table, rows, copied };
}

async function compareTable(from: Hand, target: Database, table: string, key: readonly string[]): Promise<void> {
  let rows = 0;
  for await (const batch of readBatches(from, table, key)) {
    const found = await readRange(target, table, key, batch);
    const lost = batch.find((row) => !found.has(keyOf(row, key)));
    if (lost !== undefined) throw new StoreError("unavailable", `row ${keyOf(lost, key)} of ${table} has not arrived`);
    refuseDifference(target, table, key, { expected: batch, found });
    rows += batch.length;
  }
  const total = await sql<{ total: number }>`select count(*) as total from ${sql.table(table)}`.execute(
    target.hand.sql,
  );
  if (total.rows[0]?.total !== rows) throw holdsMore(target, table);
}

/** Values are not told: some are sealed, all are somebody's. */
function refuseDifference(
  { name }: Database,
  table: string,
  key: readonly string[],
  { expected, found }: { expected: readonly Row[]; found: ReadonlyMap<string, Row> },
): void {
  const known = new Map(expected.map((row) => [keyOf(row, key), row]));
  for (const [id, row] of found) {
    const twin = known.get(id);
    const isSame = twin !== undefined && Object.entries(twin).every(([column, value]) => row[column] === value);
    if (!isSame) throw new StoreError("unavailable", `${name} holds another row ${id} of ${table}: it is no copy`);
  }
}

function holdsMore({ name }: Database, table: string): StoreError {
  return new StoreError("unavailable", `${name} holds rows of ${table} that the source does not have: it is no copy`);
}

function keyOf(row: Row, key: readonly string[]): string {
  return JSON.stringify(key.map((column) => row[column]));
}

/** Goes through a table by its key. */
async function* readBatches(hand: Hand, table: string, key: readonly string[]): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined;
  for (;;) {
    const after = last === undefined ? sql`` : sql`where ${tuple(key)} > ${valuesOf(last, key)}`;
    const { rows }: { rows: readonly Row[] } = await sql<Row>`
      select * from ${sql.table(table)} ${after} order by ${columnsOf(key)} limit ${batchRows}`.execute(hand.sql);
    if (rows.length > 0) yield rows;
    if (rows.length < batchRows) return;
    last = rows.at(-1);
  }
}

/** What the target has from the first to the last key of a batch, by key. */
async function readRange(
  { hand }: Database,
  table: string,
  key: readonly string[],
  batch: readonly Row[],
): Promise<Map<string, Row>> {
  const [first, last] = [batch[0] ?? {}, batch.at(-1) ?? {}];
  const { rows } = await sql<Row>`select * from ${sql.table(table)}
    where ${tuple(key)} >= ${valuesOf(first, key)} and ${tuple(key)} <= ${valuesOf(last, key)}`.execute(hand.sql);
  return new Map(rows.map((row) => [keyOf(row, key), row]));
}

function columnsOf(key: readonly string[]): RawBuilder<unknown> {
  return sql.join(key.map((column) => sql.ref(column)));
}

function tuple(key: readonly string[]): RawBuilder<unknown> {
  return sql`(${columnsOf(key)})`;
}

function valuesOf(row: Row, key: readonly string[]): RawBuilder<unknown> {
  return sql`(${sql.join(key.map((column) => row[column]))})`;
}
