// The result of the bench `api`, for people and for programs.
import type { ApiResult, Figures } from "./api.ts";
import { printJson, printLine, printTable } from "./report.ts";

const head = [
  "connections",
  "ratio: commits",
  "ratio: same statements",
  "ours/s",
  "median ms",
  "p99 ms",
  "CPU ms each",
  "bare Fastify/s",
  "median ms",
  "p99 ms",
  "CPU ms each",
  "raw commits/s",
  "same statements/s",
  "half load: median ms",
  "p99 ms",
];

export function printApiReport(result: ApiResult, isJson: boolean): void {
  const { machine, database, connections, statements, channels, secondsEach, floors, isMet } = result;
  const { cores, node, disk } = machine;
  printLine(
    `AddVpnConnEx on ${database}, ${secondsEach} s each on ${cores} cores, Node ${node}, data directory on ${disk}`,
  );
  printTable(
    head,
    connections.map((row) => {
      return [
        row.connections,
        row.ratioToCommits ?? "-",
        row.ratioToSameStatements,
        ...cellsOf(row.ours),
        ...cellsOf(row.fastify),
        row.commitsPerSecond ?? "-",
        row.sameStatementsPerSecond,
        row.halfLoad.medianMs,
        row.halfLoad.p99Ms,
      ];
    }),
  );
  printLine("ratios: ours to the slower of the bare handler and the raw database, which commits two rows, or does");
  printLine(`the same ${statements} statements as one call`);
  printLine(`${channels} channels acknowledged, all there, all tasks succeeded`);
  const { commits, sameStatements, sameStatementsFrom, p99OfMedian } = floors;
  const floor = `floors: ${commits} of commits, ${sameStatements} of the same statements from ${sameStatementsFrom} connections on`;
  printLine(`${floor}, p99 at half load at most ${p99OfMedian} times the median: ${isMet ? "met" : "NOT MET"}`);
  if (!isJson) return;
  const perCount = connections.map(({ connections: count, ...figures }) => [count, figures]);
  printJson({ bench: "api", ...result, connections: Object.fromEntries(perCount) });
}

function cellsOf({ perSecond, medianMs, p99Ms, cpuMsPerRequest }: Figures): number[] {
  return [perSecond, medianMs, p99Ms, cpuMsPerRequest];
}
