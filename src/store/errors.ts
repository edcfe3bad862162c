// Failures of the store, and the one place that recognises the driver's errors.

/** `full`: there was no space for a change, and nothing of it was kept. */
export type StoreErrorKind = "unavailable" | "full" | "unsealable" | "in-use" | "missing";

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
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  if (error.code !== "SQLITE_CONSTRAINT_UNIQUE" && error.code !== "SQLITE_CONSTRAINT_PRIMARYKEY") return undefined;
  return error.message.split(": ").at(-1);
}

/** Whether a lock was not to be had because another process has it. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}

/** Whether there was no space for what was to be written. SQLite then takes the transaction back by itself. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "SQLITE_FULL";
}
