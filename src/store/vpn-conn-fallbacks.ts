// What channels that are being modified go back to if charon refuses the change: a row from the request to the answer.
import type { Selectable } from "kysely";
import { storedPairs } from "../vpn/spd.ts";
import { prepare } from "./prepared.ts";
import type { SettingsColumns } from "./schema.ts";
import { deleteSpdPairs, insertSpdPairs } from "./spd-pairs.ts";
import type { Db } from "./store.ts";
import { pickSettings } from "./vpn-conn-settings.ts";

type SettingsRow = Selectable<SettingsColumns>;

/** Keeps a channel's settings as they are in its row now. */
export async function insertFallback(db: Db, vpnConnId: number): Promise<void> {
  const [row] = await selectConn(db, { vpnConnId });
  if (row === undefined) return;
  const kept = { vpn_conn_id: row.id, vpn_gw_id: row.vpn_gw_id, ...pickSettings(row) };
  await db.sql.insertInto("vpn_conn_fallbacks").values(kept).execute();
}

const selectConn = prepare((sql, { vpnConnId }: { vpnConnId: number }) =>
  sql.selectFrom("vpn_conns").selectAll().where("id", "=", vpnConnId),
);

/** The fallbacks of a gateway's channels, by channel. */
export async function listFallbacks(db: Db, vpnGwId: number): Promise<Map<number, SettingsRow>> {
  const rows = await db.sql.selectFrom("vpn_conn_fallbacks").selectAll().where("vpn_gw_id", "=", vpnGwId).execute();
  return new Map(rows.map((row) => [row.vpn_conn_id, pickSettings(row)]));
}

/** The modification has been accepted: its settings are the channel's, and the pairs of the old ones are free. */
export async function dropFallback(db: Db, vpnConnId: number): Promise<void> {
  const fallback = await takeFallback(db, vpnConnId);
  const [row] = fallback === undefined ? [] : await selectConn(db, { vpnConnId });
  if (fallback === undefined || row === undefined) return;
  if (row.spds !== fallback.spds) await replacePairs(db, row.id, row.vpn_gw_id, row.spds);
}

/** The modification has failed: the channel has its old settings and pairs again. */
export async function restoreFallback(db: Db, vpnConnId: number): Promise<void> {
  const fallback = await takeFallback(db, vpnConnId);
  if (fallback === undefined) return;
  await db.sql.updateTable("vpn_conns").set(pickSettings(fallback)).where("id", "=", vpnConnId).execute();
  await replacePairs(db, vpnConnId, fallback.vpn_gw_id, fallback.spds);
}

async function takeFallback(db: Db, vpnConnId: number) {
  const query = db.sql.deleteFrom("vpn_conn_fallbacks").where("vpn_conn_id", "=", vpnConnId).returningAll();
  return query.executeTakeFirst();
}

async function replacePairs(db: Db, vpnConnId: number, vpnGwId: number, spds: string): Promise<void> {
  await deleteSpdPairs(db, vpnConnId);
  await insertSpdPairs(db, vpnConnId, vpnGwId, storedPairs(JSON.parse(spds)));
}
