// The bench `scale`: what calls cost with a thousand channels in the store, and with a million, on either database. All sizes are
// filled first; then each kind of call goes to all of them in turn, so that what else the machine does hits all of them.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type MachineFacts, readMachineFacts } from "./machine.ts";
import { type BenchPostgres, startPostgres } from "./postgres.ts";
import { residentMiB } from "./process.ts";
import { printProgress } from "./report.ts";
import { type Filled, fill, type ScaleDatabase } from "./scale-fill.ts";
import { makeDataDirIn, ScaleNode } from "./scale-node.ts";
import { printScaleEnd, printSizes } from "./scale-report.ts";
import { measureWhole, type Whole } from "./scale-whole.ts";
import { type Scope, withScope } from "./scope.ts";
import { makeDataDir } from "./server.ts";
import { median, quantile } from "./stats.ts";

export type DatabaseName = "sqlite" | "postgres";

export interface ScaleOptions {
  /** Channels, rising; multiples of 1,000. */
  readonly sizes: readonly number[];
  readonly databases: readonly DatabaseName[];
  /** Calls of each kind at each size. */
  readonly calls: number;
  readonly json: boolean;
}

export interface CallFigures {
  readonly medianMs: number;
  readonly p95Ms: number;
  /** Of the median to that of the smallest size. */
  readonly ratio: number;
}

/** One size on one database. */
export interface SizeFigures {
  readonly channels: number;
  readonly fillSeconds: number;
  /** From the process to the port, of the API without a host. */
  readonly startMs: number;
  /** Of the API without a host, when all had been called. */
  readonly residentMiB: number;
  readonly calls: Readonly<Record<string, CallFigures>>;
  /** undefined: too many for one host. */
  readonly whole: Whole | undefined;
}

export interface ScaleResult {
  readonly machine: MachineFacts;
  readonly databases: Readonly<Partial<Record<DatabaseName, readonly SizeFigures[]>>>;
  readonly floor: number;
  readonly isMet: boolean;
}

/** What has to be flat, and how much more it may cost at the largest size than at the smallest. */
const flatKinds = ["AddVpnConnEx", "DescribeVpnConn by id"];
const floor = 1.3;
/** More gateways than these channels have no host runs; with a million there are 9,000. */
const mostOnOneHost = 100_000;
/** Before the clock starts: compiled, prepared, planned. PostgreSQL chooses a plan for good with the sixth execution. */
const warmUpCalls = 60;
const starts = 3;

/** @returns whether the floor is met. @throws Error when a call is refused */
export async function runScaleBench(options: ScaleOptions): Promise<boolean> {
  const result = await withScope(async (scope): Promise<ScaleResult> => {
    const dir = makeDataDir(scope);
    const databases: Partial<Record<DatabaseName, SizeFigures[]>> = {};
    for (const name of options.databases) {
      const figures = await measureOn(scope, name, dir, options);
      databases[name] = figures;
      printSizes(name, figures);
    }
    const isMet = Object.values(databases).every(isFlat);
    return { machine: readMachineFacts(dir), databases, floor, isMet };
  });
  printScaleEnd(result, options.json);
  return result.isMet;
}

function isFlat(figures: readonly SizeFigures[]): boolean {
  return figures.every(({ calls }) => flatKinds.every((kind) => (calls[kind]?.ratio ?? Number.NaN) <= floor));
}

async function measureOn(
  scope: Scope,
  name: DatabaseName,
  above: string,
  { sizes, calls }: ScaleOptions,
): Promise<SizeFigures[]> {
  const postgres = name === "postgres" ? await startPostgres(scope) : undefined;
  const nodes: { node: ScaleNode; place: ScaleDatabase }[] = [];
  for (const channels of sizes) {
    const place = await makePlace(above, channels, postgres);
    const filled = await fill(scope, place, channels);
    printProgress(`${name}: ${channels} channels in ${filled.seconds.toFixed(1)} s`);
    nodes.push({ node: await ScaleNode.start(scope, place, filled), place });
  }
  await callInTurn(
    scope,
    nodes.map(({ node }) => node),
    calls,
  );
  const figures: SizeFigures[] = [];
  for (const { node, place } of nodes) {
    const { filled } = node;
    const resident = residentMiB(node.process.pid);
    await node.process.stop();
    const startMs = await measureStart(scope, place, filled);
    const whole = filled.channels > mostOnOneHost ? undefined : await measureWhole(scope, place);
    const base = nodes[0]?.node ?? node;
    figures.push({
      channels: filled.channels,
      fillSeconds: filled.seconds,
      startMs,
      residentMiB: resident,
      calls: Object.fromEntries(node.kinds.map((kind) => [kind, figuresOf(node, base, kind)])),
      whole,
    });
    if (postgres === undefined) rmSync(place.data, { recursive: true });
  }
  return figures;
}

/** @returns the median */
async function measureStart(scope: Scope, place: ScaleDatabase, filled: Filled): Promise<number> {
  const times: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    const node = await ScaleNode.start(scope, place, filled);
    times.push(node.startMs);
    await node.process.stop();
  }
  return median(times);
}

async function makePlace(above: string, channels: number, postgres: BenchPostgres | undefined): Promise<ScaleDatabase> {
  const name = `channels_${channels}`;
  const data = makeDataDirIn(above, `${postgres === undefined ? "sqlite" : "postgres"}_${name}`);
  return {
    data,
    database: postgres === undefined ? `sqlite:${join(data, "culvert.db")}` : await postgres.create(name),
  };
}

async function callInTurn(scope: Scope, nodes: readonly ScaleNode[], calls: number): Promise<void> {
  for (const kind of nodes[0]?.kinds ?? []) {
    printProgress(kind);
    for (let index = -warmUpCalls; index < calls; index += 1) {
      scope.check();
      for (const node of nodes) await node.call(kind, index >= 0);
    }
  }
}

function figuresOf(node: ScaleNode, base: ScaleNode, kind: string): CallFigures {
  const times = node.timesMs.get(kind) ?? [];
  const medianMs = median(times);
  return { medianMs, p95Ms: quantile(times, 0.95), ratio: medianMs / median(base.timesMs.get(kind) ?? []) };
}
