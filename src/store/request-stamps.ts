// Stamps of signed requests that wrote something: a second use is refused, also after a restart and on another node.
import type { Insertable } from "kysely";
import { ApiError } from "../errors.ts";
import { violatedIndex } from "./errors.ts";
import { pick, prepare } from "./prepared.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

/** What makes a signed request the same one: api-v2.md 1.6. `mac` is the HMAC the server computed, never the text sent. */
export interface RequestStamp {
  readonly secretId: string;
  readonly mac: string;
  /** Seconds since 1970: from then on the clock check refuses the request anyway. */
  readonly expiresAt: number;
}

const columns = ["secret_id", "mac", "expires_at"] as const;

const insertRow = prepare((sql, row: Insertable<Schema["request_stamps"]>) =>
  sql.insertInto("request_stamps").values(pick(row, columns)),
);

/**
 * Takes part in the transaction of the write itself. The key is secretId and mac: timestamp and nonce lie under the mac, and values
 * are signed raw, so one signed string could be cut into other parameters.
 * @throws ApiError request-replayed
 */
export async function insertRequestStamp(db: Db, stamp: RequestStamp): Promise<void> {
  const { secretId, mac, expiresAt } = stamp;
  try {
    await insertRow(db, { secret_id: secretId, mac, expires_at: expiresAt });
  } catch (cause) {
    if (violatedIndex(cause) === undefined) throw cause;
    throw new ApiError("request-replayed", "this request has been carried out already; sign each one anew", { cause });
  }
}

export async function deleteExpiredStamps(db: Db, nowSeconds: number): Promise<void> {
  await db.sql.deleteFrom("request_stamps").where("expires_at", "<", nowSeconds).execute();
}
