// Fills a database: made and migrated as the server does it, keys sealed by its own sealer, rows in bulk.
import { ensureAccount, insertApiKey } from "../src/store/accounts.ts";
import type { NumberedTable } from "../src/store/database.ts";
import { openStore, sqlitePath } from "../src/store/open.ts";
import { openDatabase } from "../src/store/store.ts";
import { Secret } from "../src/vpn/secret.ts";
import { command } from "../test/support/postgres-server.ts";
import {
  accountOfBlock,
  channelsPerBlock,
  countAccounts,
  gatewaysOfBlock,
  gatewaysPerBlock,
  peersPerBlock,
  vpcsPerBlock,
} from "./scale-layout.ts";
import { addGateway } from "./scale-rows.ts";
import { type BulkSink, PostgresSink, SqliteSink } from "./scale-sinks.ts";
import type { Scope } from "./scope.ts";

export interface ScaleDatabase {
  /** Data directory, with the master key. */
  readonly data: string;
  /** As the setting `database` has it. */
  readonly database: string;
}

/** A key of one of the accounts that call. */
export interface ScaleKey {
  readonly secretId: string;
  readonly secretKey: Secret;
  /** The account's blocks, from 0. */
  readonly blocks: readonly number[];
}

export interface Filled {
  readonly channels: number;
  readonly keys: readonly ScaleKey[];
  readonly seconds: number;
}

export const preSharedKey = "bench-bench-bench";
/** The largest account, and others between the first and the last. */
const mostKeys = 10;

/** @param channels a multiple of channelsPerBlock */
export async function fill(scope: Scope, place: ScaleDatabase, channels: number): Promise<Filled> {
  const startedMs = performance.now();
  const blocks = channels / channelsPerBlock;
  const store = await openStore({ ...place, masterKeyFile: "" });
  const nowMs = Date.now();
  const { accountIds, keys } = await store.transaction(async (db) => {
    const ids: number[] = [];
    for (let account = 0; account < countAccounts(blocks); account += 1) {
      ids.push(await ensureAccount(db, `account ${account}`, nowMs));
    }
    const made = makeKeys(blocks, ids.length);
    for (const { account, ...key } of made) {
      await insertApiKey(db, { ...key, accountId: ids[account] ?? 0, isReadOnly: false }, nowMs);
    }
    return { accountIds: ids, keys: made };
  });
  const { db } = store;
  await store.close();
  const path = sqlitePath(place);
  const sink: BulkSink = path === undefined ? new PostgresSink(place.database) : new SqliteSink(path);
  const context = { db, accountIds, preSharedKey: new Secret(preSharedKey), nowMs };
  for (let block = 0; block < blocks; block += 1) {
    scope.check();
    for (const gateway of gatewaysOfBlock(block)) addGateway(sink, context, gateway);
    await sink.drain();
  }
  await sink.finish();
  await setNumbers(place, {
    vpcs: blocks * vpcsPerBlock,
    vpn_gws: blocks * gatewaysPerBlock,
    user_gws: blocks * peersPerBlock,
    vpn_conns: channels,
    tasks: channels,
  });
  // As autovacuum has done some minutes after rows came in such numbers.
  if (path === undefined) await command(place.database, "vacuum analyze");
  return { channels, keys, seconds: (performance.now() - startedMs) / 1_000 };
}

function makeKeys(blocks: number, accounts: number) {
  const count = Math.min(mostKeys, accounts);
  return Array.from({ length: count }, (_, index) => {
    const account = Math.floor((index * accounts) / count);
    const own = Array.from({ length: blocks }, (__, block) => block).filter(
      (block) => accountOfBlock(block) === account,
    );
    const secretId = `AKID${String(index).padStart(32, "0")}`;
    return { secretId, secretKey: new Secret(`${index}`.padStart(32, "k")), account, blocks: own };
  });
}

async function setNumbers(
  { database, data }: ScaleDatabase,
  last: Partial<Record<NumberedTable, number>>,
): Promise<void> {
  const path = sqlitePath({ database, data });
  const opened = await openDatabase(path === undefined ? database : `sqlite:${path}`, {});
  for (const [table, number] of Object.entries(last)) {
    await opened.transact({ durability: "at-once", account: 0 }, (hand) =>
      opened.writeLastNumber(hand, table as NumberedTable, number),
    );
  }
  await opened.close();
}
