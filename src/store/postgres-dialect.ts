// How our statements are written for PostgreSQL, and how kysely reaches it: the tables are those of SQLite in PostgreSQL's words.

import type { Writable } from "node:stream";
import {
  CompiledQuery,
  type CreateTableNode,
  type DatabaseConnection,
  type DataTypeNode,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type PrimaryKeyConstraintNode,
  type QueryResult,
  type TransactionSettings,
} from "kysely";
import type { QueryArrayResult } from "pg";
import { isStale } from "./errors.ts";

/** The part of pg's client that statements go through. */
export interface Wire {
  /** How it reaches the server; changes while it connects. */
  readonly connection?: { readonly stream: Pick<Writable, "cork" | "uncork"> };
  query(statement: Statement): Promise<QueryResultOf>;
}

interface Statement {
  readonly text: string;
  readonly values: unknown[];
  readonly name?: string;
  /** Milliseconds until the connection is cut, and what waits on it fails; 0: never. */
  readonly query_timeout: number;
}

type QueryResultOf = Pick<QueryArrayResult, "command" | "rowCount"> & { readonly rows: unknown[] };

/** Where connections come from, and where they go back to. */
export interface Connections {
  readonly acquire: () => Promise<WireConnection>;
  readonly release: (connection: WireConnection) => void;
}

// prepared.ts keeps the texts of statements by adapter: all connections share theirs.
const adapter = new PostgresAdapter();

export function makeDialect(connections: Connections): Dialect {
  return {
    createAdapter: () => adapter,
    createDriver: () => new PooledDriver(connections),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PortableCompiler(),
  };
}

/** A connection as kysely sees it. */
export class WireConnection implements DatabaseConnection {
  readonly wire: Wire;
  /** How long an answer may take; 0: as long as it likes. */
  answerMs: number;

  constructor(wire: Wire, answerMs: number) {
    this.wire = wire;
    this.answerMs = answerMs;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const { rows, rowCount } = await send(this.wire, query, this.answerMs);
    return { rows: rows as Row[], ...(rowCount !== null && { numAffectedRows: BigInt(rowCount) }) };
  }

  // biome-ignore lint/correctness/useYield: there is nothing to be had
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new TypeError("no statement of ours is streamed");
  }
}

/** Statements that are kept prepared on every connection; we have a few dozen, and lists with their filters. */
const mostPrepared = 500;
const statementNames = new Map<string, string>();
let lastStatement = 0;

/**
 * Planning costs more than running most of our statements, so that those which come again and again are planned once. One that has
 * become stale gets another name: whoever sends it again has it prepared anew.
 */
export async function send(wire: Wire, { sql, parameters }: CompiledQuery, answerMs: number): Promise<QueryResultOf> {
  gather(wire);
  const statement = { text: sql, values: [...parameters], query_timeout: answerMs };
  const name = parameters.length === 0 ? undefined : nameOf(sql);
  if (name === undefined) return wire.query(statement);
  try {
    return await wire.query({ ...statement, name });
  } catch (error) {
    if (isStale(error) && statementNames.get(sql) === name) statementNames.delete(sql);
    throw error;
  }
}

/** Statements without parameters, one after the other in one text. */
export function sendText(wire: Wire, text: string, answerMs: number): Promise<QueryResultOf> {
  gather(wire);
  return wire.query({ text, values: [], query_timeout: answerMs });
}

function nameOf(sql: string): string | undefined {
  const found = statementNames.get(sql);
  if (found !== undefined || statementNames.size >= mostPrepared) return found;
  lastStatement += 1;
  const name = `culvert_${lastStatement}`;
  statementNames.set(sql, name);
  return name;
}

/** What is sent in one breath leaves in one packet: the driver would write, and wake the server, for each statement by itself. */
function gather({ connection }: Wire): void {
  const stream = connection?.stream;
  if (stream === undefined) return;
  stream.cork();
  queueMicrotask(() => stream.uncork());
}

/** For what runs outside of Store.transaction: reads, and migrations. */
class PooledDriver implements Driver {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<WireConnection> {
    return this.#connections.acquire();
  }

  /** Only migrations and copies have one here, which take the time that they take. */
  async beginTransaction(connection: WireConnection, { isolationLevel }: TransactionSettings): Promise<void> {
    connection.answerMs = 0;
    const level = isolationLevel === undefined ? "" : ` isolation level ${isolationLevel}`;
    await connection.executeQuery(CompiledQuery.raw(`begin${level}`));
  }

  async commitTransaction(connection: WireConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(connection: WireConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("rollback"));
  }

  async releaseConnection(connection: WireConnection): Promise<void> {
    this.#connections.release(connection);
  }

  async destroy(): Promise<void> {}
}

/**
 * The types of the tables: SQLite's integer has 64 bits, and its text is compared byte by byte, in which order lists come and ranges of
 * text are searched.
 */
const types: Readonly<Record<string, string>> = { integer: "bigint", text: 'text collate "C"' };

class PortableCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    this.append(types[node.dataType as string] ?? (node.dataType as string));
  }

  protected override getAutoIncrement(): string {
    return "generated by default as identity";
  }

  /** What follows a table's columns is `without rowid`, which means nothing here. */
  protected override visitCreateTable({ endModifiers: _, ...node }: CreateTableNode): void {
    super.visitCreateTable(node);
  }

  /** A primary key's name belongs to its table in SQLite, and to all tables here: PostgreSQL gives it one. */
  protected override visitPrimaryKeyConstraint({ name: _, ...node }: PrimaryKeyConstraintNode): void {
    super.visitPrimaryKeyConstraint(node);
  }
}
