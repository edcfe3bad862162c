// Why channels are not up, a row only for those that have a reason; and the peers that knock at a gateway and fit none of its channels.
import type { Selectable } from "kysely";
import type { Cause, Diagnosis, DiagnosisSummary, UnknownPeer } from "../vpn/diagnosis.ts";
import { pick, prepare } from "./prepared.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

type DiagnosisRow = Selectable<Schema["vpn_conn_diagnoses"]>;

/**
 * Writes down what changed, by channel; undefined takes a channel's diagnosis away.
 * @param trx a transaction in which these channels are there: only deleteVpnConn takes their rows away
 */
export async function recordDiagnoses(trx: Db, changes: ReadonlyMap<number, Diagnosis | undefined>): Promise<void> {
  for (const [connId, diagnosis] of changes) {
    if (diagnosis === undefined) await deleteDiagnosis(trx, connId);
    else await upsertDiagnosis(trx, rowOf(connId, diagnosis));
  }
}

function rowOf(connId: number, { sinceMs, events, ...texts }: Diagnosis): DiagnosisRow {
  return { vpn_conn_id: connId, ...texts, since_at: sinceMs, events: JSON.stringify(events) };
}

const upsertDiagnosis = prepare((sql, row: DiagnosisRow) => {
  const said = pick(row, ["cause", "sentence", "fix", "since_at", "offered", "said", "events"]);
  return sql
    .insertInto("vpn_conn_diagnoses")
    .values({ vpn_conn_id: row.vpn_conn_id, ...said })
    .onConflict((conflict) => conflict.column("vpn_conn_id").doUpdateSet(said));
});

export async function deleteDiagnosis(db: Db, connId: number): Promise<void> {
  await removeDiagnosis(db, { connId });
}

const removeDiagnosis = prepare((sql, { connId }: { connId: number }) =>
  sql.deleteFrom("vpn_conn_diagnoses").where("vpn_conn_id", "=", connId),
);

/** The diagnoses of channels, by channel, without those that have none. */
export async function findDiagnoses(db: Db, connIds: readonly number[]): Promise<ReadonlyMap<number, Diagnosis>> {
  if (connIds.length === 0) return new Map();
  const rows = await db.sql.selectFrom("vpn_conn_diagnoses").selectAll().where("vpn_conn_id", "in", connIds).execute();
  return new Map(rows.map((row) => [row.vpn_conn_id, readDiagnosis(row)]));
}

/** The diagnoses of a gateway's channels, by channel, without those that have none. */
export async function listDiagnoses(db: Db, vpnGwId: number): Promise<ReadonlyMap<number, Diagnosis>> {
  const rows = await selectOfGw(db, { vpnGwId });
  return new Map(rows.map((row) => [row.vpn_conn_id, readDiagnosis(row)]));
}

const selectOfGw = prepare((sql, { vpnGwId }: { vpnGwId: number }) =>
  sql
    .selectFrom("vpn_conns")
    .innerJoin("vpn_conn_diagnoses", "vpn_conn_diagnoses.vpn_conn_id", "vpn_conns.id")
    .selectAll("vpn_conn_diagnoses")
    .where("vpn_gw_id", "=", vpnGwId),
);

function readDiagnosis({ events, ...row }: DiagnosisRow): Diagnosis {
  return { ...readSummary(row), events: JSON.parse(events) };
}

/** What lists read of a diagnosis: not the events, which are long. */
export const summaryColumns = ["cause", "sentence", "fix", "since_at", "offered", "said"] as const;

type SummaryRow = Pick<DiagnosisRow, (typeof summaryColumns)[number]>;

function readSummary({ cause, sentence, fix, since_at, offered, said }: SummaryRow): DiagnosisSummary {
  return { cause: cause as Cause, sentence, fix, sinceMs: since_at, offered, said };
}

type JoinedRow = { readonly [Name in keyof SummaryRow]: SummaryRow[Name] | null };

/** The summary in a row of a list that this table was joined to: of its columns all are null, or none. */
export function findSummary(row: JoinedRow): DiagnosisSummary | undefined {
  return row.cause === null ? undefined : readSummary(row as SummaryRow);
}

/** Puts these peers in the place of all that were known of a gateway. */
export async function recordUnknownPeers(trx: Db, vpnGwId: number, peers: readonly UnknownPeer[]): Promise<void> {
  await removePeers(trx, { vpnGwId });
  for (const [place, { firstMs, lastMs, ...peer }] of peers.entries()) {
    await insertPeer(trx, { vpn_gw_id: vpnGwId, place, ...peer, first_at: firstMs, last_at: lastMs });
  }
}

const removePeers = prepare((sql, { vpnGwId }: { vpnGwId: number }) =>
  sql.deleteFrom("unknown_peers").where("vpn_gw_id", "=", vpnGwId),
);

const peerColumns = [
  "vpn_gw_id",
  "place",
  "address",
  "identity",
  "offered",
  "said",
  "first_at",
  "last_at",
  "count",
] as const;

const insertPeer = prepare((sql, row: Selectable<Schema["unknown_peers"]>) =>
  sql.insertInto("unknown_peers").values(pick(row, peerColumns)),
);

/** The peers that knocked at a gateway, in the order in which they were recorded. */
export async function listUnknownPeers(db: Db, vpnGwId: number): Promise<UnknownPeer[]> {
  const rows = await selectPeers(db, { vpnGwId });
  return rows.map(({ first_at, last_at, ...row }) => ({
    ...pick(row, ["address", "identity", "offered", "said", "count"]),
    firstMs: first_at,
    lastMs: last_at,
  }));
}

const selectPeers = prepare((sql, { vpnGwId }: { vpnGwId: number }) =>
  sql.selectFrom("unknown_peers").selectAll().where("vpn_gw_id", "=", vpnGwId).orderBy("place"),
);
