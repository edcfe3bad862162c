// What became of a transaction whose connection went before it was told: docs/decisions/0114-the-outcome-of-a-commit.md.
import { setTimeout as sleep } from "node:timers/promises";
import { isOutage } from "./errors.ts";
import type { Wire } from "./postgres-dialect.ts";

export type Outcome = "committed" | "aborted" | "unknown";

/** A server that is started anew is there within this, when it has not much to recover. */
const longestMs = 6_000;
const pauseMs = 100;

/**
 * Asks the server until it knows, or time is up: one that hangs may still be about to commit.
 * https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
 * @param id of the transaction @param answerMs how long each answer may take
 */
export async function findOutcome(pool: Wire, id: string, answerMs: number): Promise<Outcome> {
  const deadline = performance.now() + longestMs;
  do {
    try {
      const text = "select pg_xact_status($1::xid8) as status";
      const { rows } = await pool.query({ text, values: [id], query_timeout: answerMs });
      const [{ status } = {}] = rows as { status?: string | null }[];
      if (status === "committed" || status === "aborted") return status;
      if (status !== "in progress") return "unknown";
    } catch (error) {
      // A number that it has not given yet: it is another server than the one that had the transaction.
      if (!isOutage(error)) return "unknown";
    }
    await sleep(pauseMs);
  } while (performance.now() < deadline);
  return "unknown";
}
