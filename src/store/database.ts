// The seam between the store and a kind of database: sqlite.ts and postgres.ts are the two. All SQL but theirs is one text for both.
import type { CompiledQuery, Kysely } from "kysely";
import type { Schema } from "./schema.ts";

/**
 * When what a transaction wrote is safe from a power failure. `at-once`: before its promise resolves. `later`: with the next transaction
 * that is, or within seconds; for what would be found again anyway. A crash of the process takes back neither. On PostgreSQL, which may
 * crash while its server lives, both are the same.
 */
export type Durability = "at-once" | "later";

/** What accounts share, and one transaction at a time decides over. */
export type SharedThing = "public-addresses";

/** A hand on the tables: outside of transactions, or in one. */
export interface Hand {
  readonly sql: Kysely<Schema>;
  /** Runs a compiled statement: in a transaction at once, else when it is its turn. */
  readonly run: <Row>(query: CompiledQuery<Row>) => Promise<Row[]>;
  /** Waits until no other transaction holds the thing, and holds it until this one ends. Only in a transaction. */
  readonly hold: (what: SharedThing) => Promise<void>;
  /** Whether a statement that has been answered has failed and ended the transaction with it. */
  readonly isEnded: () => boolean;
}

/** How a transaction is to be carried out. */
export interface TransactionOrder {
  readonly durability: Durability;
  /** The account over whose rows it decides; 0: it decides over nobody's. */
  readonly account: number;
}

/** Tables that give their rows numbers, each number once. */
export type NumberedTable = "accounts" | "hosts" | "vpcs" | "subnets" | "vpn_gws" | "user_gws" | "vpn_conns" | "tasks";

/** Who hears what other programs say over the same database. */
export interface Listener {
  readonly onHeard: (text: string) => void;
  /** It listens from now on; what was said before may have been missed. */
  readonly onBegin: () => void;
}

/** A line between the programs that have a database open, for hints: what is said may be lost, and reaches nobody who was not there. */
export interface Line {
  /** @param text at most 7,000 bytes. @throws Error when it could not be said */
  say(text: string): Promise<void>;
  close(): Promise<void>;
}

/** An open database. */
export interface Database {
  /** For messages: without a password. */
  readonly name: string;
  /** For reads; a write through it is a transaction of its own. */
  readonly hand: Hand;
  /** Reads for real. @throws StoreError unavailable, when what is open is not there any more; the driver's error */
  readonly check: () => Promise<void>;
  /** Whether transactions of different accounts may run side by side. Those of one account never do, whoever asks for them. */
  readonly runsAccountsApart: boolean;
  /**
   * Commits what `work` does, or takes all of it back when `work` throws. `work` may be called anew, after what it did was taken back.
   * @throws what `work` threw, or the driver's error
   */
  readonly transact: (order: TransactionOrder, work: (hand: Hand) => Promise<void>) => Promise<void>;
  /** The last number that a table has given, to a row that may have gone; 0: none yet. */
  readonly readLastNumber: (hand: Hand, table: NumberedTable) => Promise<number>;
  /** Has the table give greater numbers than this, which is 1 or more, from now on. */
  readonly writeLastNumber: (hand: Hand, table: NumberedTable, last: number) => Promise<void>;
  /** How many transactions have begun on this file, those of other threads among them: a number that is only to be compared. */
  readonly countTurns: () => number;
  /** undefined: nobody else has it open who would have to be told anything. */
  readonly openLine?: ((listener: Listener) => Line) | undefined;
  readonly close: () => Promise<void>;
}
