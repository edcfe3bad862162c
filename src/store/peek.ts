// A look at a database from outside, for a doctor: it makes, migrates and unseals nothing, and works beside a running server.
import { existsSync } from "node:fs";
import BetterSqlite from "better-sqlite3";
import { Kysely, SqliteDialect, sql } from "kysely";
import type { VpnGwStatus } from "../vpn/status.ts";
import { StoreError } from "./errors.ts";
import { type DatabasePlace, sqlitePath } from "./open.ts";
import { openPostgres } from "./postgres.ts";
import type { Schema } from "./schema.ts";

/** What can be told of a gateway without the master key. */
export interface PeekedVpnGw {
  readonly id: number;
  readonly uid: string;
  readonly vpcId: number;
  readonly status: VpnGwStatus;
  readonly failure: string | undefined;
}

const busyTimeoutMs = 2_000;

/**
 * @returns none, where there is no database yet
 * @throws StoreError unavailable when it is none of ours, or cannot be read
 */
export async function peekVpnGws(place: DatabasePlace): Promise<PeekedVpnGw[]> {
  const rows = await peek(place, (db) =>
    db.selectFrom("vpn_gws").select(["id", "uid", "vpc_id", "status", "failure"]).orderBy("id").execute(),
  );
  return rows.map(({ vpc_id: vpcId, status, failure, ...row }) => ({
    ...row,
    vpcId,
    status: status as VpnGwStatus,
    failure: failure ?? undefined,
  }));
}

/** A channel whose volume lifetime is small for how fast its gateway is. */
export interface PeekedVolume {
  readonly uid: string;
  readonly lifetimeKilobytes: number;
  readonly bandwidthMbps: number;
}

/**
 * @param kilobytesPerMbps less than so much of each Mbit/s of the gateway is small
 * @returns none, where there is no database yet
 * @throws StoreError unavailable, as peekVpnGws does
 */
export function peekSmallVolumes(place: DatabasePlace, kilobytesPerMbps: number): Promise<PeekedVolume[]> {
  // SQLite reads JSON from a text, PostgreSQL from a json alone, and gives it as a text.
  const volume =
    sqlitePath(place) === undefined
      ? sql<number>`cast(cast(ipsec as json) ->> 'lifetimeKilobytes' as bigint)`
      : sql<number>`ipsec ->> 'lifetimeKilobytes'`;
  return peek(place, (db) =>
    db
      .selectFrom("vpn_conns")
      .innerJoin("vpn_gws", "vpn_gws.id", "vpn_conns.vpn_gw_id")
      .select(["vpn_conns.uid", volume.as("lifetimeKilobytes"), "vpn_gws.bandwidth_mbps as bandwidthMbps"])
      .where(volume, "<", (eb) => eb("vpn_gws.bandwidth_mbps", "*", kilobytesPerMbps))
      .orderBy("vpn_conns.id")
      .execute(),
  );
}

function peek<T>(place: DatabasePlace, read: (db: Kysely<Schema>) => Promise<T[]>): Promise<T[]> {
  const path = sqlitePath(place);
  if (path === undefined) return peekPostgres(place, read);
  return existsSync(path) ? peekSqlite(path, read) : Promise.resolve([]);
}

async function peekPostgres<T>(
  { database, databasePasswordFile }: DatabasePlace,
  read: (db: Kysely<Schema>) => Promise<T[]>,
): Promise<T[]> {
  const { name, hand, close } = await openPostgres(database, { databasePasswordFile });
  try {
    const tables = await hand.sql.introspection.getTables();
    return tables.some((table) => table.name === "vpn_gws") ? await read(hand.sql) : [];
  } catch (cause) {
    throw new StoreError("unavailable", `${name} cannot be read`, { cause });
  } finally {
    await close();
  }
}

async function peekSqlite<T>(path: string, read: (db: Kysely<Schema>) => Promise<T[]>): Promise<T[]> {
  let file: BetterSqlite.Database | undefined;
  try {
    // Not `readonly`: such a connection leaves its -wal and -shm files behind (https://www.sqlite.org/wal.html#read_only_databases).
    file = new BetterSqlite(path, { fileMustExist: true, timeout: busyTimeoutMs });
    file.pragma("query_only = ON");
    return await read(new Kysely<Schema>({ dialect: new SqliteDialect({ database: file }) }));
  } catch (cause) {
    throw new StoreError("unavailable", `${path} cannot be read`, { cause });
  } finally {
    file?.close();
  }
}
