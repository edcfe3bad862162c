// The result of the bench `scale`, for people and for programs.
import { printJson, printLine, printTable } from "./report.ts";
import type { ScaleResult, SizeFigures } from "./scale.ts";
import { round } from "./stats.ts";

export function printSizes(name: string, figures: readonly SizeFigures[]): void {
  printLine(`\n${name}: median ms of a call, and its ratio to the smallest size`);
  printTable(["", ...figures.map(({ channels }) => `${channels} channels`)], rowsOf(figures));
}

export function printScaleEnd(result: ScaleResult, isJson: boolean): void {
  const { machine, floor, isMet } = result;
  printLine(`${machine.cores} cores, Node ${machine.node}, data directory on ${machine.disk}`);
  printLine(`floor: AddVpnConnEx and DescribeVpnConn by id at most ${floor}, ${isMet ? "met" : "NOT MET"}`);
  if (isJson) printJson({ bench: "scale", ...result });
}

function rowsOf(figures: readonly SizeFigures[]): string[][] {
  const row = (title: string, cell: (size: SizeFigures) => string) => [title, ...figures.map(cell)];
  const kinds = Object.keys(figures[0]?.calls ?? {});
  return [
    ...kinds.map((kind) =>
      row(kind, ({ calls }) => {
        const { medianMs = Number.NaN, ratio = Number.NaN } = calls[kind] ?? {};
        return `${round(medianMs, 3)} (${ratio.toFixed(2)})`;
      }),
    ),
    row("API alone: start ms", ({ startMs }) => startMs.toFixed(0)),
    row("API alone: RSS MiB", ({ residentMiB }) => residentMiB.toFixed(0)),
    row("with host: start ms", ({ whole }) => whole?.startMs.toFixed(0) ?? "-"),
    row("with host: all read, s", ({ whole }) => (whole === undefined ? "-" : (whole.settledMs / 1_000).toFixed(1))),
    row("with host: RSS MiB", ({ whole }) => whole?.residentMiB.toFixed(0) ?? "-"),
    row("fill s", ({ fillSeconds }) => fillSeconds.toFixed(1)),
  ];
}
