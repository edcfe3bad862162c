// Stamps of signed requests that wrote something: a second use is refused, also after a restart and on another node.
import { hash, randomUUID } from "node:crypto";
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

const columns = ["digest", "expires_at"] as const;

const insertRow = prepare((sql, row: Insertable<Schema["request_stamps"]>) =>
  sql.insertInto("request_stamps").values(pick(row, columns)),
);

/**
 * Takes part in the transaction of the write itself. The key is secretId and mac: timestamp and nonce lie under the mac, and values
 * are signed raw, so one signed string could be cut into other parameters.
 * @throws ApiError request-replayed
 */
export async function insertRequestStamp(db: Db, stamp: RequestStamp): Promise<void> {
  try {
    await insertRow(db, { digest: digestOf(stamp), expires_at: stamp.expiresAt });
  } catch (cause) {
    if (violatedIndex(cause) === undefined) throw cause;
    throw new ApiError("request-replayed", "this request has been carried out already; sign each one anew", { cause });
  }
}

/** 132 bits: two requests that differ do not meet in it. Half the length is half the pages of its tree. */
const digestLength = 22;

/** Base64 has no blank, so the pair cannot be read two ways. */
function digestOf({ secretId, mac }: RequestStamp): string {
  return hash("sha256", `${mac} ${secretId}`, "base64url").slice(0, digestLength);
}

export async function deleteExpiredStamps(db: Db, nowSeconds: number): Promise<void> {
  await db.sql.deleteFrom("request_stamps").where("expires_at", "<", nowSeconds).execute();
}

/** So long that a few of them take as many pages as a channel does, and less than PostgreSQL takes into an index. */
const trialLength = 1_500;

/** Writes stamps of nothing, which have always been expired, in the place of those before: to see whether anything can be written. */
export async function writeTrialStamps(db: Db, count: number): Promise<void> {
  await db.sql.deleteFrom("request_stamps").where("expires_at", "=", 0).execute();
  const trial = randomUUID();
  const rows = Array.from({ length: count }, (_, number) => ({
    digest: `${trial} ${number}`.padEnd(count === 1 ? 0 : trialLength, "-"),
    expires_at: 0,
  }));
  await db.sql.insertInto("request_stamps").values(rows).execute();
}
