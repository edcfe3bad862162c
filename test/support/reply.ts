// Takes replies apart: what is not there, or is something else, fails the test by name.
import type { Reply } from "../../src/cli/client.ts";

export type Row = Readonly<Record<string, unknown>>;

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A reply of a call that went well. */
export function requireSuccess(reply: Reply): Reply {
  if (reply.code !== 0) throw new Error(`refused: ${reply.code} ${reply.codeDesc}: ${reply.message}`);
  return reply;
}

/** `data` of a success, where it is an object. */
export function dataOf(reply: Reply): Row {
  const { data } = requireSuccess(reply);
  if (!isRow(data)) throw new Error("data is not an object");
  return data;
}

/** `data` of a success, where it is a list. */
export function rowsOf(reply: Reply): Row[] {
  const { data } = requireSuccess(reply);
  if (!Array.isArray(data) || !data.every(isRow)) throw new Error("data is not a list of objects");
  return data;
}

/** The only row. */
export function rowOf(reply: Reply): Row {
  const [row, ...others] = rowsOf(reply);
  if (row === undefined || others.length > 0) throw new Error(`${others.length + (row ? 1 : 0)} rows, not one`);
  return row;
}

export function textAt(row: Row, name: string): string {
  const value = row[name];
  if (typeof value !== "string") throw new Error(`${name} is not a string`);
  return value;
}

export function numberAt(row: Row, name: string): number {
  const value = row[name];
  if (typeof value !== "number") throw new Error(`${name} is not a number`);
  return value;
}

export function rowAt(row: Row, name: string): Row {
  const value = row[name];
  if (!isRow(value)) throw new Error(`${name} is not an object`);
  return value;
}
