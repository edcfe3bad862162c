// Failures of the store, and the one place that recognises the drivers' errors.
import type { DatabaseError } from "pg";

/**
 * `full`: there was no space for a change, and nothing of it was kept. `uncertain`: the database went away while it committed, and nobody
 * knows whether it did.
 */
export type StoreErrorKind = "unavailable" | "full" | "uncertain" | "unsealable" | "in-use" | "missing";

/** A failure of the store. The message holds no secret and no SQL value. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.kind = kind;
  }
}

/**
 * The columns of the unique index that a statement ran against (`vpn_conns.vpc_id, vpn_conns.name_key`), or undefined when the
 * error is another one.
 */
export function violatedIndex(error: unknown): string | undefined {
  switch (codeOf(error)) {
    case "SQLITE_CONSTRAINT_UNIQUE":
    case "SQLITE_CONSTRAINT_PRIMARYKEY":
      return (error as Error).message.split(": ").at(-1);
    case uniqueViolation:
      return violatedColumns(error as DatabaseError);
    default:
      return undefined;
  }
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
const uniqueViolation = "23505";
const diskFull = "53100";
const inFailedTransaction = "25P02";
const serialisationFailures = ["40001", "40P01"];
/** A prepared statement whose tables have another form since, as a newer server on the database gives them, or that has gone. */
const staleStatements = ["0A000", "26000"];

/** PostgreSQL names the columns in a detail alone, in any language as `(a, b)=(…)`. */
function violatedColumns({ table, detail = "" }: DatabaseError): string {
  const [, columns = ""] = /\(([^()]*)\)=\(/.exec(detail) ?? [];
  return columns
    .split(", ")
    .map((column) => `${table}.${column}`)
    .join(", ");
}

/** Whether a transaction was ended for the sake of others that ran beside it, or a prepared statement was stale: done again, it may well succeed. */
export function isPassing(error: unknown): boolean {
  return serialisationFailures.includes(codeOf(error)) || isStale(error);
}

/** Whether a prepared statement has to be prepared anew. */
export function isStale(error: unknown): boolean {
  return staleStatements.includes(codeOf(error));
}

/** Whether a statement failed for no other reason than that another one of its transaction had failed before. */
export function isAftermath(error: unknown): boolean {
  return [inFailedTransaction, "SQLITE_ABORT_ROLLBACK"].includes(codeOf(error));
}

/** Whether a lock was not to be had because another process has it. */
export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith("SQLITE_BUSY");
}

/** The driver's code of an error; empty, when it is none of theirs. */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Whether there was no space for what was to be written. SQLite then takes the transaction back by itself. */
export function isFull(error: unknown): boolean {
  return ["SQLITE_FULL", diskFull].includes(codeOf(error));
}

/**
 * Whether the connection to PostgreSQL has gone, and the transaction with it: told by the server that ends it (classes 08 and 57P), by
 * the system, or by the driver in words alone.
 */
export function isDisconnection(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== "") return /^(08|57P|EPIPE$|ECONNRESET$|ETIMEDOUT$)/.test(code);
  return error instanceof Error && lostConnection.test(error.message);
}

const lostConnection = /^(Connection terminated|Client has encountered a connection|Query read timeout|timeout e)/;

const reasons: readonly (readonly [RegExp, string])[] = [
  [/^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT|53100)/, "there is no space"],
  [/^(SQLITE_READONLY|EROFS)/, "it is read-only"],
  [/^(SQLITE_CANTOPEN|SQLITE_AUTH)/, "it is not there, read-only or not this user's"],
  [/^(EACCES|EPERM)/, "this user may not do that"],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB)/, "it is damaged, or no database"],
  [/^(SQLITE_IOERR|EIO)/, "the disk does not read or write it, or has no space"],
];

/** Why something of the system's or SQLite's failed, in a few plain words. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return reasons.find(([pattern]) => pattern.test(code))?.[1] ?? (code === "" ? "the reason is not known" : code);
}

/** What keeps a database from being used, in the words of SQLite (https://www.sqlite.org/rescode.html) and of PostgreSQL and the system. */
const outages = [
  /^SQLITE_(IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|FULL|BUSY|PROTOCOL|NOMEM)/,
  /^(08|53|57|58|XX00[12]|25006$|28|3D000$|55P03$)/,
  /^E(CONN|PIPE$|TIMEDOUT$|HOSTUNREACH$|NETUNREACH$|NOTFOUND$|AI_|NOENT$|ACCES$)/,
];

/** Whether the database cannot be used for the moment, by no fault of what was asked of it. */
export function isOutage(error: unknown): boolean {
  if (error instanceof StoreError && error.cause !== undefined) return isOutage(error.cause);
  if (error instanceof StoreError) return error.kind === "unavailable";
  return isDisconnection(error) || outages.some((pattern) => pattern.test(codeOf(error)));
}

const unreachable = ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN", "ENOENT"];

/** Whether the database could not be reached, or went away meanwhile: what was asked of it may have been done or not. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof StoreError) {
    return error.kind === "unavailable" && (error.cause === undefined || isUnreachable(error.cause));
  }
  if (isDisconnection(error) || unreachable.includes(codeOf(error))) return true;
  // The driver's pool has no code for it.
  return error instanceof Error && error.message === "timeout exceeded when trying to connect";
}
