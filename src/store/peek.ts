// A look at a database from outside, for a doctor: it makes, migrates and unseals nothing, and works beside a running server.
import BetterSqlite from "better-sqlite3";
import type { VpnGwStatus } from "../vpn/status.ts";
import { StoreError } from "./errors.ts";

/** What can be told of a gateway without the master key. */
export interface PeekedVpnGw {
  readonly id: number;
  readonly uid: string;
  readonly vpcId: number;
  readonly status: VpnGwStatus;
  readonly failure: string | undefined;
}

const busyTimeoutMs = 2_000;

/** @throws StoreError unavailable when there is no database of ours that can be read */
export function peekVpnGws(path: string): PeekedVpnGw[] {
  const query = "select id, uid, vpc_id, status, failure from vpn_gws order by id";
  const rows = peek(path, (file) => file.prepare<[], Row>(query).all());
  return rows.map(({ vpc_id: vpcId, failure, ...row }) => ({ ...row, vpcId, failure: failure ?? undefined }));
}

/** A channel whose volume lifetime is small for how fast its gateway is. */
export interface PeekedVolume {
  readonly uid: string;
  readonly lifetimeKilobytes: number;
  readonly bandwidthMbps: number;
}

/**
 * @param kilobytesPerMbps less than so much of each Mbit/s of the gateway is small
 * @throws StoreError unavailable, as peekVpnGws does
 */
export function peekSmallVolumes(path: string, kilobytesPerMbps: number): PeekedVolume[] {
  const query = `select c.uid, c.ipsec ->> '$.lifetimeKilobytes' as lifetimeKilobytes, g.bandwidth_mbps as bandwidthMbps
    from vpn_conns as c join vpn_gws as g on g.id = c.vpn_gw_id
    where lifetimeKilobytes < bandwidthMbps * ? order by c.id`;
  return peek(path, (file) => file.prepare<[number], PeekedVolume>(query).all(kilobytesPerMbps));
}

function peek<T>(path: string, read: (file: BetterSqlite.Database) => T): T {
  let file: BetterSqlite.Database | undefined;
  try {
    // Not `readonly`: such a connection leaves its -wal and -shm files behind (https://www.sqlite.org/wal.html#read_only_databases).
    file = new BetterSqlite(path, { fileMustExist: true, timeout: busyTimeoutMs });
    file.pragma("query_only = ON");
    return read(file);
  } catch (cause) {
    throw new StoreError("unavailable", `${path} cannot be read`, { cause });
  } finally {
    file?.close();
  }
}

interface Row {
  readonly id: number;
  readonly uid: string;
  readonly vpc_id: number;
  readonly status: VpnGwStatus;
  readonly failure: string | null;
}
