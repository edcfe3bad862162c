// What one check of the doctor says, and how to say it. Pure.

export interface Check {
  readonly name: string;
  /** `fail`: the server cannot do its work. `warn`: it can, but somebody should look. */
  readonly status: "ok" | "warn" | "fail";
  /** What was found, in one sentence. */
  readonly found: string;
  /** What mends it, in one sentence, with the command. */
  readonly fix?: string;
}

export function ok(name: string, found: string): Check {
  return { name, status: "ok", found };
}

export function warn(name: string, found: string, fix?: string): Check {
  return { name, status: "warn", found, ...(fix === undefined ? {} : { fix }) };
}

export function fail(name: string, found: string, fix: string): Check {
  return { name, status: "fail", found, fix };
}

/** A check that could not be made. Why is somebody else's failure, so this one is a warning without a cure of its own. */
export function skip(name: string, reason: string): Check {
  return warn(name, `Not looked at: ${reason}.`);
}

/** What went wrong, without a stack and without a full stop: it becomes part of a sentence. */
export function reasonOf(error: unknown): string {
  return trimStop(error instanceof Error ? error.message : String(error));
}

export function trimStop(sentence: string): string {
  return sentence.trim().replace(/\.$/, "");
}

/** The error code that Node gives failures of the operating system: `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
