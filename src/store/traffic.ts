// What flowed through each channel, in slots of five minutes, and how far each CHILD_SA had counted when it was looked at last.
import type { Selectable } from "kysely";
import { type SaCounter, slotMs, type TimeSpan, type TrafficSlot } from "../vpn/traffic.ts";
import { pick, prepare } from "./prepared.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

/** Adds to a slot. */
export async function addTraffic(
  db: Db,
  connId: number,
  { startsAtMs, bytesIn, bytesOut }: TrafficSlot,
): Promise<void> {
  await upsertSlot(db, { vpn_conn_id: connId, starts_at: startsAtMs, bytes_in: bytesIn, bytes_out: bytesOut });
}

const upsertSlot = prepare((sql, row: Selectable<Schema["traffic_slots"]>) =>
  sql
    .insertInto("traffic_slots")
    .values(pick(row, ["vpn_conn_id", "starts_at", "bytes_in", "bytes_out"]))
    .onConflict((conflict) =>
      conflict.columns(["vpn_conn_id", "starts_at"]).doUpdateSet((eb) => ({
        bytes_in: eb("traffic_slots.bytes_in", "+", eb.ref("excluded.bytes_in")),
        bytes_out: eb("traffic_slots.bytes_out", "+", eb.ref("excluded.bytes_out")),
      })),
    ),
);

/** The slots of a channel that lie in a span, in part or whole, in order; without those in which nothing flowed. */
export async function listTraffic(db: Db, connId: number, { fromMs, toMs }: TimeSpan): Promise<TrafficSlot[]> {
  const rows = await selectSlots(db, { connId, afterMs: fromMs - slotMs, beforeMs: toMs });
  return rows.map((row) => ({ startsAtMs: row.starts_at, bytesIn: row.bytes_in, bytesOut: row.bytes_out }));
}

const selectSlots = prepare((sql, values: { connId: number; afterMs: number; beforeMs: number }) =>
  sql
    .selectFrom("traffic_slots")
    .select(["starts_at", "bytes_in", "bytes_out"])
    .where("vpn_conn_id", "=", values.connId)
    .where("starts_at", ">", values.afterMs)
    .where("starts_at", "<", values.beforeMs)
    .orderBy("starts_at"),
);

/** What a deletion takes at most, so that one after a long time does not hold up all writes: an hour of slots of every channel. */
const deletedAtOnceMs = 3_600_000;

/** Deletes slots that began before a moment, the oldest first: an hour of them at a time. */
export async function deleteTrafficBefore(db: Db, beforeMs: number): Promise<void> {
  const old = db.sql.selectFrom("traffic_slots").select("starts_at").where("starts_at", "<", beforeMs);
  const oldest = await old.orderBy("starts_at").limit(1).executeTakeFirst();
  if (oldest === undefined) return;
  const endMs = Math.min(beforeMs, oldest.starts_at + deletedAtOnceMs);
  await db.sql.deleteFrom("traffic_slots").where("starts_at", "<", endMs).execute();
}

/** Deletes all that is known of a channel's traffic. */
export async function deleteTrafficOf(db: Db, connId: number): Promise<void> {
  await db.sql.deleteFrom("traffic_slots").where("vpn_conn_id", "=", connId).execute();
  await db.sql.deleteFrom("sa_counters").where("vpn_conn_id", "=", connId).execute();
}

/** The counters of a gateway's channels. */
export async function listSaCounters(db: Db, vpnGwId: number): Promise<SaCounter[]> {
  const rows = await db.sql
    .selectFrom("vpn_conns")
    .innerJoin("sa_counters", "sa_counters.vpn_conn_id", "vpn_conns.id")
    .selectAll("sa_counters")
    .where("vpn_conns.vpn_gw_id", "=", vpnGwId)
    .execute();
  return rows.map(readCounter);
}

function readCounter(row: Selectable<Schema["sa_counters"]>): SaCounter {
  const { vpn_conn_id: connId, spi, bytes_in: bytesIn, bytes_out: bytesOut, seen_at: seenAtMs } = row;
  return { connId, spi, bytesIn, bytesOut, seenAtMs };
}

/** How far a CHILD_SA had counted; undefined: nothing of it has been recorded. */
export async function findSaCounter(
  db: Db,
  { connId, spi }: Pick<SaCounter, "connId" | "spi">,
): Promise<SaCounter | undefined> {
  const [row] = await selectCounter(db, { connId, spi });
  return row === undefined ? undefined : readCounter(row);
}

const selectCounter = prepare((sql, { connId, spi }: { connId: number; spi: string }) =>
  sql.selectFrom("sa_counters").selectAll().where("vpn_conn_id", "=", connId).where("spi", "=", spi),
);

export async function saveSaCounter(db: Db, { connId, spi, ...counter }: SaCounter): Promise<void> {
  const { bytesIn, bytesOut, seenAtMs } = counter;
  await upsertCounter(db, { vpn_conn_id: connId, spi, bytes_in: bytesIn, bytes_out: bytesOut, seen_at: seenAtMs });
}

const upsertCounter = prepare((sql, row: Selectable<Schema["sa_counters"]>) => {
  const counted = pick(row, ["bytes_in", "bytes_out", "seen_at"]);
  return sql
    .insertInto("sa_counters")
    .values({ ...pick(row, ["vpn_conn_id", "spi"]), ...counted })
    .onConflict((conflict) => conflict.columns(["vpn_conn_id", "spi"]).doUpdateSet(counted));
});

/** Forgets a CHILD_SA that has gone. */
export async function deleteSaCounter(db: Db, { connId, spi }: Pick<SaCounter, "connId" | "spi">): Promise<void> {
  await deleteCounter(db, { connId, spi });
}

const deleteCounter = prepare((sql, { connId, spi }: { connId: number; spi: string }) =>
  sql.deleteFrom("sa_counters").where("vpn_conn_id", "=", connId).where("spi", "=", spi),
);
