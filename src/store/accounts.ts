// Accounts and their API keys.
import type { Selectable } from "kysely";
import type { ApiKey } from "../vpn/entities.ts";
import type { Secret } from "../vpn/secret.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

/** Gives the account of that name, made when it is not there. */
export async function ensureAccount(db: Db, name: string, nowMs: number): Promise<number> {
  const found = await db.sql.selectFrom("accounts").select("id").where("name", "=", name).executeTakeFirst();
  if (found !== undefined) return found.id;
  const row = { name, created_at: nowMs };
  const made = await db.sql.insertInto("accounts").values(row).returning("id").executeTakeFirstOrThrow();
  return made.id;
}

export async function insertApiKey(
  db: Db,
  key: { secretId: string; secretKey: Secret; accountId: number; isReadOnly: boolean },
  nowMs: number,
): Promise<void> {
  const row = {
    secret_id: key.secretId,
    account_id: key.accountId,
    secret_key: db.sealer.seal(key.secretKey, "secret-key"),
    is_read_only: key.isReadOnly ? 1 : 0,
    created_at: nowMs,
    disabled_at: null,
  };
  await db.sql.insertInto("api_keys").values(row).execute();
}

export async function findApiKey(db: Db, secretId: string): Promise<ApiKey | undefined> {
  const row = await db.sql.selectFrom("api_keys").selectAll().where("secret_id", "=", secretId).executeTakeFirst();
  return row === undefined ? undefined : readApiKey(db, row);
}

function readApiKey(db: Db, row: Selectable<Schema["api_keys"]>): ApiKey {
  return {
    secretId: row.secret_id,
    secretKey: db.sealer.open(row.secret_key, "secret-key"),
    accountId: row.account_id,
    isReadOnly: row.is_read_only === 1,
    isDisabled: row.disabled_at !== null,
  };
}

/** A key as an administrator sees it: without the secret. */
export interface ApiKeyListing {
  readonly secretId: string;
  readonly account: string;
  readonly isReadOnly: boolean;
  readonly createdAtMs: number;
  readonly disabledAtMs: number | undefined;
}

export async function listApiKeys(db: Db): Promise<ApiKeyListing[]> {
  const rows = await db.sql
    .selectFrom("api_keys")
    .innerJoin("accounts", "accounts.id", "api_keys.account_id")
    .select(["secret_id", "accounts.name as account", "is_read_only", "api_keys.created_at", "disabled_at"])
    .orderBy("api_keys.created_at")
    .execute();
  return rows.map((row) => ({
    secretId: row.secret_id,
    account: row.account,
    isReadOnly: row.is_read_only === 1,
    createdAtMs: row.created_at,
    disabledAtMs: row.disabled_at ?? undefined,
  }));
}

export async function hasApiKeys(db: Db): Promise<boolean> {
  return (await db.sql.selectFrom("api_keys").select("secret_id").limit(1).executeTakeFirst()) !== undefined;
}

/** A secret that was sealed with the database's master key; undefined, when nothing was. */
export async function findSealedKey({ sql }: Pick<Db, "sql">): Promise<string | undefined> {
  return (await sql.selectFrom("api_keys").select("secret_key").limit(1).executeTakeFirst())?.secret_key;
}

/** @returns whether there is such a key */
export async function disableApiKey(db: Db, secretId: string, nowMs: number): Promise<boolean> {
  const result = await db.sql
    .updateTable("api_keys")
    .set((eb) => ({ disabled_at: eb.fn.coalesce("disabled_at", eb.val(nowMs)) }))
    .where("secret_id", "=", secretId)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}
