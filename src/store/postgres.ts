// PostgreSQL as the store wants it: a pool of connections, transactions that hold their account, commits on disk.
import { CompiledQuery, Kysely, type QueryResult, sql } from "kysely";
import pg, { type Pool, type PoolClient } from "pg";
import type { Database, Hand, NumberedTable, SharedThing } from "./database.ts";
import { isDisconnection, isPassing, isStale, StoreError } from "./errors.ts";
import { makeDialect, send, sendText, WireConnection } from "./postgres-dialect.ts";
import { PostgresLine } from "./postgres-line.ts";
import { findOutcome, type Outcome } from "./postgres-outcome.ts";
import { checkServer, readUrl, watchPassword } from "./postgres-server.ts";
import type { Schema } from "./schema.ts";
import { together } from "./together.ts";

export interface PostgresOptions {
  /** File with the password; empty: the URL's. */
  readonly databasePasswordFile?: string | undefined;
  /** How long a statement may take, before its connection is cut, and a session may idle in a transaction; 0, unless told: for ever. */
  readonly answerMs?: number | undefined;
}

/** Connections for reads, and as many for transactions: those that wait for an account must not keep reads waiting. */
const poolSize = 8;
const usualPort = 5_432;
const connectTimeoutMs = 5_000;
/** How often a transaction that fell victim to others is tried. */
const mostAttempts = 10;

/** The first of the two numbers of our advisory locks, which are a database's own: what the second one counts. */
const lockClass = { account: 0x43_55_4c_00, shared: 0x43_55_4c_01 };
const sharedThings: Readonly<Record<SharedThing, number>> = { "public-addresses": 1 };

/** @throws StoreError unavailable */
export async function openPostgres(url: string, options: PostgresOptions): Promise<Database> {
  const server = readUrl(url);
  const name = `postgres://${server.host}:${server.port ?? usualPort}/${server.database}`;
  const { databasePasswordFile: file = "", answerMs = 0 } = options;
  const password = file === "" ? undefined : watchPassword(file);
  const clientOf = (purpose: string) => ({
    ...server,
    ...(password !== undefined && { password }),
    application_name: `culvert, ${purpose}`,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  });
  const makePool = (purpose: string) => {
    const pool = new pg.Pool({
      ...clientOf(purpose),
      max: poolSize,
      // Whoever hangs in the middle of a transaction would keep its account from all others.
      idle_in_transaction_session_timeout: answerMs,
      pipeline: true,
      types: { getTypeParser },
    });
    // A connection that breaks fails the statements on it; the next one who wants one gets another.
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    return pool;
  };
  const [readers, writers] = [makePool("reads"), makePool("writes")];
  const close = async () => {
    await Promise.all([readers.end(), writers.end()]);
  };
  let durableCommit: string;
  try {
    ({ durableCommit } = await checkServer(readers, name));
  } catch (error) {
    await close();
    throw error;
  }
  const kysely = makeKysely(readers, answerMs);
  return {
    name,
    hand: {
      sql: kysely,
      run: async (query) => (await kysely.executeQuery(query)).rows,
      hold: refuseToHold,
      isEnded: () => false,
    },
    check: async () => {
      await sql`select id from accounts limit 1`.execute(kysely);
    },
    runsAccountsApart: true,
    // All wait for the disk: what a PostgreSQL that crashes takes back, a server that lives on would never look for again.
    transact: ({ account }, work) => {
      const askOutcome = (id: string) => findOutcome(readers, id, answerMs);
      return transact(writers, { commit: durableCommit, account, answerMs, askOutcome }, work);
    },
    readLastNumber,
    writeLastNumber,
    countTurns: () => 0,
    openLine: (listener) => new PostgresLine(clientOf("nudges"), listener),
    close,
  };
}

/** Whole numbers of 64 bits come as numbers: all of ours are below 2^53. */
function getTypeParser(oid: number, format?: "text" | "binary"): (text: string) => unknown {
  return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as "text");
}

function makeKysely(pool: Pool, answerMs: number): Kysely<Schema> {
  const clients = new WeakMap<WireConnection, PoolClient>();
  return new Kysely<Schema>({
    dialect: makeDialect({
      acquire: async () => {
        const client = await pool.connect();
        const connection = new ReadConnection(client, answerMs);
        clients.set(connection, client);
        return connection;
      },
      release: (connection) => clients.get(connection)?.release(),
    }),
  });
}

async function readLastNumber(hand: Hand, table: NumberedTable): Promise<number> {
  const { rows } = await sql<{ last: number }>`
    select coalesce(pg_sequence_last_value(pg_get_serial_sequence(${table}, 'id')::regclass), 0) as last`.execute(
    hand.sql,
  );
  return rows[0]?.last ?? 0;
}

async function writeLastNumber(hand: Hand, table: NumberedTable, last: number): Promise<void> {
  await sql`select setval(pg_get_serial_sequence(${table}, 'id')::regclass, ${last})`.execute(hand.sql);
}

async function refuseToHold(): Promise<void> {
  throw new TypeError("a thing is held in a transaction only");
}

/** Sends a statement again that had become stale: outside of a transaction nothing else is lost with it. */
class ReadConnection extends WireConnection {
  override async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    try {
      return await super.executeQuery(query);
    } catch (error) {
      if (!isStale(error)) throw error;
      return super.executeQuery(query);
    }
  }
}

const hands = new WeakMap<PoolClient, Hand>();

/** The hand that a connection's transactions have. */
function handOf(client: PoolClient, answerMs: number): Hand {
  const found = hands.get(client);
  if (found !== undefined) return found;
  const connection = new WireConnection(client, answerMs);
  const hand: Hand = {
    sql: new Kysely<Schema>({ dialect: makeDialect({ acquire: async () => connection, release: () => {} }) }),
    run: async <Row>(query: CompiledQuery<Row>) => (await send(client, query, answerMs)).rows as Row[],
    hold: async (what) => {
      await send(client, lock(lockClass.shared, sharedThings[what]), answerMs);
    },
    isEnded: () => client.getTransactionStatus() === "E",
  };
  hands.set(client, hand);
  return hand;
}

function lock(kind: number, id: number): CompiledQuery {
  return CompiledQuery.raw(`select pg_advisory_xact_lock(${kind}, ${id})`);
}

interface Terms {
  /** The transaction's setting of synchronous_commit. */
  readonly commit: string;
  /** That it holds. */
  readonly account: number;
  readonly answerMs: number;
  /** Tells what became of a transaction whose connection has gone. */
  readonly askOutcome: (id: string) => Promise<Outcome>;
}

async function transact(pool: Pool, terms: Terms, work: (hand: Hand) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await attemptTransaction(pool, terms, work);
      return;
    } catch (error) {
      if (attempt === mostAttempts || !isPassing(error)) throw error;
    }
  }
}

/**
 * Under "read committed" every statement sees what was committed before it began: behind the lock, all that those have written who
 * held it before.
 */
async function attemptTransaction(
  pool: Pool,
  { commit, account, answerMs, askOutcome }: Terms,
  work: (hand: Hand) => Promise<void>,
): Promise<void> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    // What the work asks for first waits behind the lock, at the server: no round trip for the lock alone.
    const begun = begin(client, { commit, account, answerMs });
    await together([begun, work(handOf(client, answerMs))]);
    await commitTransaction(client, answerMs, async () => askOutcome(await begun));
  } catch (error) {
    try {
      await client.query("rollback");
    } catch (cause) {
      broken = cause instanceof Error ? cause : new Error(String(cause));
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

/** @returns the number of the transaction, by which it can be asked about later */
async function begin(client: PoolClient, terms: Pick<Terms, "commit" | "account" | "answerMs">): Promise<string> {
  const text = `begin isolation level read committed read write;
    set local synchronous_commit = ${terms.commit};
    ${lock(lockClass.account, terms.account).sql};
    select pg_current_xact_id()::text as id`;
  const answers: unknown = await sendText(client, text, terms.answerMs);
  return (answers as QueryResult<{ id: string }>[]).at(-1)?.rows[0]?.id ?? "";
}

/**
 * Where the connection goes before the answer comes, the transaction may have been committed or not: then that is asked.
 * @throws StoreError uncertain; the driver's error, when it was not committed
 */
async function commitTransaction(client: PoolClient, answerMs: number, ask: () => Promise<Outcome>): Promise<void> {
  let command: string;
  try {
    ({ command } = await sendText(client, "commit", answerMs));
  } catch (cause) {
    if (!isDisconnection(cause)) throw cause;
    const outcome = await ask();
    if (outcome === "aborted") throw cause;
    if (outcome === "unknown") throw new StoreError("uncertain", "whether the change was made is not known", { cause });
    return;
  }
  // A statement that failed has ended the transaction, whether `work` cared or not; then this is no error either.
  if (command !== "COMMIT") throw new TypeError("a transaction was taken back by a statement that failed in it");
}
