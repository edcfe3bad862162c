// Statements whose text is made once. Building and compiling a query takes longer than SQLite takes to run most of ours, so what every
// request and every round of a loop sends is built the first time only; lists with their many filters are not.
import type { Compilable, CompiledQuery, Kysely } from "kysely";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

type Value = string | number | null;

/** Stands for a value while the text is made. */
class Slot {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A statement that is run with its values. */
export type Statement<Values, Row> = (db: Db, values: Values) => Promise<Row[]>;

/**
 * Prepares a statement. `build` is called once for each kind of database, with a slot in place of every value; so it may only hand values
 * on to the query, never look at them.
 */
export function prepare<Values extends { readonly [Name in keyof Values]: Value }, Row>(
  build: (sql: Kysely<Schema>, values: Values) => Compilable<Row>,
): Statement<Values, Row> {
  const slots = new Proxy({}, { get: (_, name) => new Slot(String(name)) }) as Values;
  const texts = new WeakMap<object, CompiledQuery<Row>>();
  return async (db, values) => {
    const { adapter } = db.sql.getExecutor();
    const text = texts.get(adapter) ?? build(db.sql, slots).compile();
    texts.set(adapter, text);
    const parameters = text.parameters.map((each) => (each instanceof Slot ? values[each.name as keyof Values] : each));
    return db.run({ ...text, parameters });
  };
}

/** The named values only: for the row of an INSERT, whose columns must be listed. */
export function pick<T, Name extends keyof T>(values: T, names: readonly Name[]): Pick<T, Name> {
  return Object.fromEntries(names.map((name) => [name, values[name]])) as Pick<T, Name>;
}

/** The one row of a statement that always gives one. */
export function onlyRow<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new TypeError("a statement that gives a row gave none");
  return row;
}
