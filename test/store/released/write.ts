// Writes dumps of a database as a release has it, one for each kind, to be kept beside this file and never changed: node
// test/store/released/write.ts MIGRATION, with the last migration of the release. The rows are these tests' own, in the words of the
// tables of the first release: a later one adds what it has in addition.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { sql } from "kysely";
import { Migrator } from "kysely/migration";
import type { Database } from "../../../src/store/database.ts";
import { migrations } from "../../../src/store/migrations/index.ts";
import { makeSealer } from "../../../src/store/sealer.ts";
import { openDatabase } from "../../../src/store/store.ts";
import { Secret } from "../../../src/vpn/secret.ts";
import { makeBareDatabase, programs, setup } from "../../support/postgres-cluster.ts";
import { makeTempDir } from "../../support/temp-dir.ts";
import { masterKey, secrets } from "./state.ts";

const sealer = makeSealer(masterKey);
const secretKey = sealer.seal(new Secret(secrets.secretKey), "secret-key");
const preSharedKey = sealer.seal(new Secret(secrets.preSharedKey), "pre-shared-key");
const ike = JSON.stringify({
  version: "ikev1",
  exchangeMode: "main",
  encryption: "aes-cbc-256",
  integrity: "sha",
  dhGroup: "group14",
  lifetimeSeconds: 86_400,
  localIdentity: { type: "address", value: "198.51.100.10" },
  remoteIdentity: { type: "address", value: "203.0.113.7" },
});
const ipsec = JSON.stringify({
  protocol: "esp",
  encapsulation: "tunnel",
  encryption: "aes-cbc-256",
  integrity: "sha1",
  lifetimeSeconds: 3_600,
  lifetimeKilobytes: 1_843_200,
});
const spds = JSON.stringify([{ local: "10.0.0.0/24", peers: ["192.168.0.0/24"] }]);
const conn = `1, 'gz', '北京', 1700000000000, '北京', 7, 5, 3, '${preSharedKey}', '203.0.113.7|a', '${ike}', '${ipsec}', '${spds}'`;

const rows = [
  "insert into accounts (id, name, created_at) values (1, 'default', 1700000000000)",
  `insert into api_keys values ('AKIDreleased', 1, '${secretKey}', 0, 1700000000000, null)`,
  "insert into vpcs values (7, 'vpc-released', 1, 'gz', 'office', 1700000000000, 'office', '10.0.0.0/16')",
  "insert into subnets values (2, 'subnet-released', 1, 'gz', 'one', 1700000000000, 7, '10.0.1.0/24', '100001')",
  `insert into vpn_gws values (5, 'vpngw-released', 1, 'gz', 'gateway', 1700000000000, 7, 0, 3325256714, 5, 'postpaid', 0,
    'running', 4, 4, null, null)`,
  "insert into user_gws values (3, 'cgw-released', 1, 'gz', 'peer', 1700000000000, '203.0.113.7', '203.0.113.7')",
  `insert into vpn_conns values (9, 'vpnx-released', ${conn}, 'running', 4, 4, null, 4, 4)`,
  "insert into vpn_conn_observations values (9, 'available', 1700000000000)",
  `insert into spd_pairs (vpn_conn_id, vpn_gw_id, local_first, local_last, peer_first, peer_last)
    values (9, 5, 167772160, 167772415, 3232235520, 3232235775)`,
  `insert into tasks values (41, 1, 5, 9, 'create-vpn-conn', 4, 'succeeded', null, 1700000000000, 1700000001000),
    (42, 1, 5, 9, 'modify-vpn-conn', 5, 'running', null, 1700000002000, null)`,
  "insert into request_stamps values ('AKIDreleased', 'bWFj', 4000000000)",
  "insert into traffic_slots values (9, 1700000100000, 9007199254740000, 5)",
  "insert into sa_counters values (9, 'c0ffee', 1, 2, 1700000000000)",
];
const lastNumbers = { accounts: 1, vpcs: 8, subnets: 2, vpn_gws: 5, user_gws: 3, vpn_conns: 12, tasks: 42 } as const;

async function fill(database: Database, last: string): Promise<void> {
  const provider = { getMigrations: async () => ({ ...migrations }) };
  const { error } = await new Migrator({ db: database.hand.sql, provider }).migrateTo(last);
  if (error !== undefined) throw error;
  for (const row of rows) await sql.raw(row).execute(database.hand.sql);
  for (const [table, number] of Object.entries(lastNumbers)) {
    await database.writeLastNumber(database.hand, table as keyof typeof lastNumbers, number);
  }
  await database.close();
}

/** As SQLite's own shell does it. */
function dumpSqlite(path: string): string {
  const file = new BetterSqlite(path);
  const quote = (value: unknown) =>
    value === null ? "null" : typeof value === "string" ? `'${value}'` : String(value);
  const objects = file
    .prepare<[], { type: string; name: string; sql: string }>(
      "select type, name, sql from sqlite_master where sql is not null and name not like 'sqlite\\_%' escape '\\' order by type desc, rowid",
    )
    .all();
  const tables = objects.filter(({ type }) => type === "table").map(({ name }) => name);
  const insertsOf = (name: string) =>
    file
      .prepare<[], Record<string, unknown>>(`select * from "${name}"`)
      .all()
      .map((row) => `insert into "${name}" values (${Object.values(row).map(quote).join(", ")});`);
  const inserts = tables.flatMap(insertsOf);
  // What the inserts have counted is not what the tables had.
  const numbers = ["delete from sqlite_sequence;", ...insertsOf("sqlite_sequence")];
  file.close();
  const head = ["pragma foreign_keys = off;", ...objects.map((each) => `${each.sql};`)];
  return `${[...head, ...inserts, ...numbers].join("\n")}\n`;
}

const [last = ""] = process.argv.slice(2);
const write = (kind: string, text: string) => writeFileSync(join(import.meta.dirname, `${last}.${kind}.sql`), text);
const dir = makeTempDir();
const path = join(dir.path, "released.db");
await fill(await openDatabase(`sqlite:${path}`, {}), last);
write("sqlite", dumpSqlite(path));
dir.remove();

const stop = setup();
const { url } = await makeBareDatabase();
await fill(await openDatabase(url, {}), last);
const options = ["--inserts", "--no-owner", "--no-privileges", "--dbname", url];
const dump = execFileSync(join(programs ?? "", "pg_dump"), options, { encoding: "utf8" });
// Without the commands to psql, and what is only said.
write("postgresql", dump.replace(/^(\\|--).*\n/gm, "").replace(/\n{2,}/g, "\n"));
await stop();
