// Gateway hosts.
import type { Selectable } from "kysely";
import type { GatewayHost, HostLabels, HostState } from "../vpn/gateway-host.ts";
import { prepare } from "./prepared.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

/** What a transaction decides over, for Store.transaction, where it is no account: numbers that no account has. */
export const placementTurn = -1;

/** A renewal waits for nobody but other renewals of the same host. */
export function hostTurn(hostId: number): number {
  return placementTurn - hostId;
}

export interface NewHost {
  readonly name: string;
  /** undefined: a host within a server, which comes without a token. */
  readonly tokenDigest: string | undefined;
  readonly labels: HostLabels;
  readonly capacity: number;
  readonly createdAtMs: number;
}

/** @returns its number */
export async function insertHost(db: Db, host: NewHost): Promise<number> {
  const row = {
    name: host.name,
    token_digest: host.tokenDigest ?? null,
    labels: JSON.stringify(host.labels),
    capacity: host.capacity,
    state: "ready" satisfies HostState,
    session: null,
    is_stopping: 0,
    renewals: 0,
    created_at: host.createdAtMs,
  };
  return (await db.sql.insertInto("hosts").values(row).returning("id").executeTakeFirstOrThrow()).id;
}

const selectAll = prepare((sql, _: Record<never, never>) => sql.selectFrom("hosts").selectAll().orderBy("id"));
const selectByName = prepare((sql, { name }: { name: string }) =>
  sql.selectFrom("hosts").selectAll().where("name", "=", name),
);
const selectByToken = prepare((sql, { digest }: { digest: string }) =>
  sql.selectFrom("hosts").selectAll().where("token_digest", "=", digest),
);

function readHost(row: Selectable<Schema["hosts"]>): GatewayHost {
  return {
    id: row.id,
    name: row.name,
    labels: JSON.parse(row.labels),
    capacity: row.capacity,
    state: row.state as HostState,
    session: row.session ?? undefined,
    isStopping: row.is_stopping === 1,
    renewals: row.renewals,
    createdAtMs: row.created_at,
  };
}

/** All of them, by number: they are few. */
export async function listHosts(db: Db): Promise<GatewayHost[]> {
  return (await selectAll(db, {})).map(readHost);
}

export async function findHost(db: Db, name: string): Promise<(GatewayHost & { hasToken: boolean }) | undefined> {
  const [row] = await selectByName(db, { name });
  return row === undefined ? undefined : { ...readHost(row), hasToken: row.token_digest !== null };
}

/** @param digest of the token: it is looked up and not compared, so that the time it takes tells nothing of other tokens */
export async function findHostByDigest(db: Db, digest: string): Promise<GatewayHost | undefined> {
  const [row] = await selectByToken(db, { digest });
  return row === undefined ? undefined : readHost(row);
}

interface Renewal {
  readonly id: number;
  readonly session: string;
  readonly is_stopping: number;
}

const updateRenewals = prepare((sql, { id, session, is_stopping }: Renewal) =>
  sql
    .updateTable("hosts")
    .set((eb) => ({ renewals: eb("renewals", "+", 1), session, is_stopping }))
    .where("id", "=", id)
    .where((eb) => eb.or([eb("session", "is", null), eb("session", "=", session)]))
    .returning("id"),
);

/**
 * Raises a host's counter. To be read after it, in the same transaction: what it holds.
 * @param isStopping it is about to stop
 * @returns whether it was done: there is such a host, and no other session than this
 */
export async function renewHost(db: Db, id: number, session: string, isStopping = false): Promise<boolean> {
  return (await updateRenewals(db, { id, session, is_stopping: isStopping ? 1 : 0 })).length > 0;
}

const selectOtherTaker = prepare((sql, { id, state }: { id: number; state: HostState }) =>
  sql
    .selectFrom("hosts")
    .select("id")
    .where("id", "<>", id)
    .where("state", "=", state)
    .where("session", "is not", null)
    .where("is_stopping", "=", 0)
    .limit(1),
);

/** Whether another host is there that takes gateways, be it full. */
export async function hasOtherTaker(db: Db, id: number): Promise<boolean> {
  return (await selectOtherTaker(db, { id, state: "ready" })).length > 0;
}

const endUnrenewed = prepare((sql, { id, renewals }: { id: number; renewals: number }) =>
  sql.updateTable("hosts").set({ session: null }).where("id", "=", id).where("renewals", "=", renewals).returning("id"),
);

/** Ends a host's session, with which all that it holds has to go, if its counter is still at `renewals`. @returns whether it was */
export async function endSession(db: Db, id: number, renewals: number): Promise<boolean> {
  return (await endUnrenewed(db, { id, renewals })).length > 0;
}

export async function setHostState(db: Db, id: number, state: HostState): Promise<void> {
  await db.sql.updateTable("hosts").set({ state }).where("id", "=", id).execute();
}

export async function setHostToken(db: Db, id: number, tokenDigest: string): Promise<void> {
  await db.sql.updateTable("hosts").set({ token_digest: tokenDigest }).where("id", "=", id).execute();
}

/** Removes a host, which holds nothing. */
export async function deleteHost(db: Db, id: number): Promise<void> {
  await db.sql.deleteFrom("hosts").where("id", "=", id).execute();
}
