// The result of the bench `converge`, for people and for programs.
import type { Converged, ConvergeResult, ShapeFigures } from "./converge.ts";
import { printJson, printLine, printTable } from "./report.ts";
import { median } from "./stats.ts";

const convergeHead = [
  "channels go to",
  "ratio",
  "ours: channels/s",
  "charon CPU ms each",
  "server CPU ms each",
  "raw VICI: channels/s",
  "at once",
  "charon CPU ms each",
  "client CPU ms each",
  "start: ours s",
  "raw VICI s",
  "one more: ours ms",
  "raw VICI ms",
];

const steadyHead = [
  "channels go to",
  "server CPU %",
  "its commands CPU %",
  "charon CPU %",
  "its CPU % with raw VICI",
  "other charons CPU %",
  "VICI commands",
  "database bytes",
  "server RSS MiB",
  "charon RSS MiB",
  "with raw VICI MiB",
  "all charons PSS MiB",
];

const names = { shared: "one peer", peers: "a peer each" } as const;

export function printConvergeReport({ machine, options, shapes, floor, isMet }: ConvergeResult): void {
  const { gateways, channels, rounds, json } = options;
  const { cores, node, disk } = machine;
  printLine(
    `${channels} channels on one of ${gateways} gateways, on ${cores} cores, Node ${node}, database on ${disk}`,
  );
  printTable(
    convergeHead,
    shapes.map((shape) => convergeCells(shape, channels)),
  );
  printLine(`brought up ${rounds} times by either in turn, after the gateway's charon was killed; medians`);
  printTable(
    steadyHead,
    shapes.map((shape) => steadyCells(shape)),
  );
  for (const { shape, steady } of shapes) {
    printLine(`${names[shape]}: VICI commands of ${steady.seconds} s: ${JSON.stringify(steady.viciRequests)}`);
  }
  printLine(`floor: ${floor} of raw VICI's rate, ${isMet ? "met" : "NOT MET"}`);
  if (!json) return;
  const perShape = shapes.map(({ shape, ...figures }) => [shape, figures]);
  printJson({
    bench: "converge",
    gateways,
    channels,
    rounds,
    shapes: Object.fromEntries(perShape),
    machine,
    floor,
    isMet,
  });
}

function convergeCells({ shape, ratio, ours, raw, concurrency, start, last }: ShapeFigures, channels: number) {
  const middle = (turns: readonly Converged[], of: (turn: Converged) => number) => median(turns.map(of));
  const rate = ({ ms }: Converged) => (channels * 1_000) / ms;
  const charon = ({ charonCpuMs }: Converged) => charonCpuMs / channels;
  const own = ({ ownCpuMs }: Converged) => ownCpuMs / channels;
  return [
    names[shape],
    ratio,
    middle(ours, rate),
    middle(ours, charon),
    middle(ours, own),
    middle(raw, rate),
    concurrency,
    middle(raw, charon),
    middle(raw, own),
    start.oursMs / 1_000,
    start.rawMs / 1_000,
    last.oursMs,
    last.rawMs,
  ];
}

function steadyCells({ shape, steady }: ShapeFigures) {
  return [
    names[shape],
    steady.serverCpu * 100,
    steady.commandsCpu * 100,
    steady.charonCpu * 100,
    steady.rawCharonCpu * 100,
    steady.otherCharonsCpu * 100,
    Object.values(steady.viciRequests).reduce((sum, count) => sum + count, 0),
    steady.databaseBytes,
    steady.serverRssMiB,
    steady.charonRssMiB,
    steady.rawCharonRssMiB,
    steady.charonsPssMiB,
  ];
}
