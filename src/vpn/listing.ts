// What all lists have in common: whose rows, which of them, in what order. Types only.

/** Whose rows: every query says so. */
export interface Owner {
  readonly accountId: number;
  readonly region: string;
}

/** Which rows of a list, and in what order (api-v2.md 3.2). */
export interface Page {
  readonly offset: number;
  readonly limit: number;
  readonly orderBy: "createdAt" | "name";
  readonly direction: "asc" | "desc";
}

/** One page, and how many rows match in all. */
export interface Listing<T> {
  readonly rows: readonly T[];
  readonly total: number;
}
