// The result of the bench `api`, for people and for programs.
import type { ApiResult, Figures } from "./api.ts";
import { printJson, printLine, printTable } from "./report.ts";

const head = [
  "connections",
  "ratio to slower limit",
  "ours/s",
  "median ms",
  "p99 ms",
  "CPU ms each",
  "bare Fastify/s",
  "median ms",
  "p99 ms",
  "CPU ms each",
  "raw commits/s",
];

export function printApiReport(result: ApiResult, isJson: boolean): void {
  const { machine, connections, commitsPerSecond, channels, secondsEach, floor, isMet } = result;
  const { cores, node, disk } = machine;
  printLine(`AddVpnConnEx, ${secondsEach} s each on ${cores} cores, Node ${node}, database on ${disk}`);
  printTable(
    head,
    connections.map((row) => {
      return [
        row.connections,
        row.ratioToSlowerLimit,
        ...cellsOf(row.ours),
        ...cellsOf(row.fastify),
        row.commitsPerSecond,
      ];
    }),
  );
  printLine(`raw SQLite: ${Math.round(commitsPerSecond)} commits of two rows per second`);
  printLine(`${channels} channels acknowledged, all there, all tasks succeeded`);
  printLine(`floor: ${floor} of the slower limit, ${isMet ? "met" : "NOT MET"}`);
  if (!isJson) return;
  const perCount = connections.map(({ connections: count, ...figures }) => [count, figures]);
  printJson({
    bench: "api",
    secondsEach,
    connections: Object.fromEntries(perCount),
    sqlite: { commitsPerSecond },
    channels,
    machine,
    floor,
    isMet,
  });
}

function cellsOf({ perSecond, medianMs, p99Ms, cpuMsPerRequest }: Figures): number[] {
  return [perSecond, medianMs, p99Ms, cpuMsPerRequest];
}
