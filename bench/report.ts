// What a bench prints on standard output: a table for people, and one line of JSON, the last, for programs.
import { round } from "./stats.ts";

type Cell = string | number;

/** Right-aligned columns; numbers with three significant digits, whole ones as they are. */
export function formatTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(formatCell));
  const widths = head.map((title, column) => Math.max(title.length, ...texts.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  ");
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...texts].map((cells) => `${line(cells)}\n`).join("");
}

function formatCell(cell: Cell): string {
  if (typeof cell === "string") return cell;
  if (Math.abs(cell) >= 100) return String(Math.round(cell));
  return String(round(cell, 3));
}

export function printTable(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  process.stdout.write(`\n${formatTable(head, rows)}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Every measured number with four significant digits; counts as they are. */
export function printJson(value: object): void {
  const isMeasured = (inner: unknown) => typeof inner === "number" && !Number.isInteger(inner);
  const rounded = (_: string, inner: unknown) => (isMeasured(inner) ? round(Number(inner)) : inner);
  process.stdout.write(`${JSON.stringify(value, rounded)}\n`);
}

/** How it is getting on, for whoever waits; never part of the result. */
export function printProgress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
