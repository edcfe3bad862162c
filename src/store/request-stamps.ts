// Stamps of signed requests that wrote something: a second use is refused, also after a restart and on another node.
import { ApiError } from "../errors.ts";
import { violatedIndex } from "./errors.ts";
import type { Db } from "./store.ts";

/** What makes a signed request the same one: api-v2.md 1.6. `mac` is the HMAC the server computed, never the text sent. */
export interface RequestStamp {
  readonly secretId: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** Digits; up to 2^63. */
  readonly nonce: string;
  readonly mac: string;
  /** Seconds since 1970: from then on the clock check refuses the request anyway. */
  readonly expiresAt: number;
}

/**
 * Takes part in the transaction of the write itself. The key is secretId and mac: timestamp and nonce lie under the mac, and values
 * are signed raw, so one signed string could be cut into other parameters.
 * @throws ApiError request-replayed
 */
export async function insertRequestStamp(db: Db, stamp: RequestStamp): Promise<void> {
  const { secretId, expiresAt, ...rest } = stamp;
  try {
    await db.sql
      .insertInto("request_stamps")
      .values({ ...rest, secret_id: secretId, expires_at: expiresAt })
      .execute();
  } catch (cause) {
    if (violatedIndex(cause) === undefined) throw cause;
    throw new ApiError("request-replayed", "this request has been carried out already; sign each one anew", { cause });
  }
}

export async function deleteExpiredStamps(db: Db, nowSeconds: number): Promise<void> {
  await db.sql.deleteFrom("request_stamps").where("expires_at", "<", nowSeconds).execute();
}
