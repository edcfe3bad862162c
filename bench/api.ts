// The bench `api`: signed AddVpnConnEx per second and how long each takes, beside the two limits it cannot pass - a Fastify handler
// that does nothing, and the raw database - in the same run on the same machine.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ApiClient } from "./api-client.ts";
import { printApiReport } from "./api-report.ts";
import { makeWorld, worldSettings } from "./api-world.ts";
import { RawCommits } from "./commits.ts";
import { Ledger } from "./ledger.ts";
import type { LoadPlan, LoadResult } from "./load.ts";
import { type MachineFacts, readMachineFacts } from "./machine.ts";
import { type BenchPostgres, startPostgres } from "./postgres.ts";
import { BenchProcess, benchScript } from "./process.ts";
import { printProgress } from "./report.ts";
import { type SameStatements, sameOnPostgres, sameOnSqlite } from "./same-statements.ts";
import type { DatabaseName } from "./scale.ts";
import { type Scope, withScope } from "./scope.ts";
import { makeDataDir, startBenchServer } from "./server.ts";
import { median, quantile } from "./stats.ts";

export interface ApiOptions {
  /** How long ours, and how long the bare handler, is measured at each number of connections. */
  readonly seconds: number;
  readonly database: DatabaseName;
  readonly json: boolean;
}

/** Figures of one server at one number of connections. */
export interface Figures {
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Processor time of the server for one request, with what it does about it later: hardly changed by others on the machine. */
  readonly cpuMsPerRequest: number;
  /** How busy the generator was: near 1, the figure is its own. */
  readonly clientUtilization: number;
}

export interface ConnectionFigures {
  readonly connections: number;
  readonly ours: Figures;
  readonly fastify: Figures;
  /** The raw database, measured in between: commits of two rows, by SQLite, and the statements of one call. */
  readonly commitsPerSecond: number | undefined;
  readonly sameStatementsPerSecond: number;
  /** Of ours to the slower of the bare handler and raw commits, turn by turn; the median. */
  readonly ratioToCommits: number | undefined;
  /** Of ours to the slower of the bare handler and the same statements. */
  readonly ratioToSameStatements: number;
  /** How long calls take when half as many come as ours can answer. */
  readonly halfLoad: { readonly medianMs: number; readonly p99Ms: number };
  readonly errors: number;
}

export interface ApiResult {
  readonly machine: MachineFacts;
  readonly database: DatabaseName;
  readonly secondsEach: number;
  readonly connections: readonly ConnectionFigures[];
  /** How many are sent for one call. */
  readonly statements: number;
  readonly channels: number;
  readonly floors: typeof floors;
  readonly isMet: boolean;
}

const connectionCounts = [1, 8, 32] as const;
/** Ours and the limits take turns, so that what else the machine does hits all of them. */
const turnCount = 5;
const warmUpSeconds = 1;
/** Once, before everything: a server that has been running is measured, not one that is being compiled. */
const firstWarmUp = { connections: 8, seconds: 4 } as const;
/** Requests are signed before the clock starts, half again as many as the warm-up's pace asks for. */
const signedMargin = 1.5;
/** The share of the slower limit that ours must reach: beside raw commits always, beside the same statements with many connections. */
export const floors = { commits: 0.2, sameStatements: 0.4, sameStatementsFrom: 32, p99OfMedian: 10 } as const;
const startBoundMs = 30_000;

interface Target {
  readonly process: BenchProcess;
  readonly endpoint: string;
  /** Waits until the server has done what its replies promised. */
  readonly settle: () => Promise<void>;
  acknowledged: number;
}

interface Bench {
  readonly scope: Scope;
  readonly secondsEach: number;
  readonly client: BenchProcess;
  readonly plan: LoadPlan;
  readonly ours: Target;
  readonly bare: Target;
  /** Of SQLite alone. */
  readonly commits: RawCommits | undefined;
  readonly same: SameStatements;
}

/** @returns whether the floor is met. @throws Error when any request failed, or anything acknowledged is not there */
export async function runApiBench({ seconds, database, json }: ApiOptions): Promise<boolean> {
  const result = await withScope(async (scope): Promise<ApiResult> => {
    const dataDir = makeDataDir(scope);
    const machine = readMachineFacts(dataDir);
    printProgress(`the database is on ${machine.disk}`);
    const postgres = database === "postgres" ? await startPostgres(scope) : undefined;
    const url = await postgres?.create("ours");
    const settings = { ...worldSettings, CULVERT_DATAPLANE: "simulated", CULVERT_DATABASE: url ?? "" };
    const server = await startBenchServer(scope, dataDir, settings);
    const ledger = await Ledger.open(dataDir, url);
    scope.defer("the database", () => ledger.close());
    const commits = postgres === undefined ? new RawCommits(dataDir) : undefined;
    scope.defer("the raw database", () => commits?.close());
    const same = await prepareSameStatements(scope, dataDir, postgres);
    const world = await makeWorld(scope, server.api);
    const plan = { keyFile: server.keyFile, preSharedKey: "bench-bench-bench", ...world };
    const ours = { ...server, settle: () => ledger.settle(scope), acknowledged: 0 };
    const client = startChild(scope, "the load generator", "client.ts");
    const first = await load({ scope, client, plan }, ours, firstWarmUp);
    const bare = await startBareServer(scope, first.lastReply);
    const bench = { scope, secondsEach: seconds, client, plan, ours, bare, commits, same };
    const connections: ConnectionFigures[] = [];
    for (const count of connectionCounts) connections.push(await measureAt(bench, count));
    const channels = await checkAllThere(ours, server.api, ledger);
    const isMet = connections.every(isAboveFloors);
    const { statements } = same;
    return { machine, database, secondsEach: seconds, connections, statements, channels, floors, isMet };
  });
  printApiReport(result, json);
  return result.isMet;
}

function isAboveFloors(figures: ConnectionFigures): boolean {
  const { connections, ratioToCommits, ratioToSameStatements, halfLoad } = figures;
  const isHeldToSame = connections >= floors.sameStatementsFrom;
  const isAboveCommits = ratioToCommits === undefined || ratioToCommits >= floors.commits;
  const isAboveSame = !isHeldToSame || ratioToSameStatements >= floors.sameStatements;
  return isAboveCommits && isAboveSame && halfLoad.p99Ms <= floors.p99OfMedian * halfLoad.medianMs;
}

async function prepareSameStatements(
  scope: Scope,
  dataDir: string,
  postgres: BenchPostgres | undefined,
): Promise<SameStatements> {
  printProgress("recording what one call sends to the database");
  const dir = join(dataDir, "same");
  mkdirSync(dir, { mode: 0o700 });
  const same = await (postgres === undefined ? sameOnSqlite(dir) : sameOnPostgres(dir, postgres));
  scope.defer("the database of the same statements", () => same.close());
  return same;
}

function startChild(scope: Scope, name: string, script: string, ...args: string[]): BenchProcess {
  const child = new BenchProcess({ name, ...benchScript(script, ...args) });
  scope.defer(name, () => child.stop());
  return child;
}

async function startBareServer(scope: Scope, reply: string): Promise<Target> {
  const bare = startChild(scope, "the bare server", "bare-server.ts", reply);
  const [, endpoint = ""] = await bare.waitForLine(/listening at (\S+)/, startBoundMs);
  return { process: bare, endpoint, settle: async () => {}, acknowledged: 0 };
}

interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly perSecond?: number;
  readonly signedBefore?: number;
}

/** @throws Error when a request did not succeed */
async function load(
  { scope, client, plan }: Pick<Bench, "scope" | "client" | "plan">,
  target: Target,
  { connections, seconds, perSecond, signedBefore = 0 }: Load,
): Promise<LoadResult> {
  scope.check();
  const { endpoint } = target;
  const request = { endpoint, plan, connections, seconds, perSecond, signedBefore };
  const asked = client.ask<LoadResult>(request, (seconds + 90) * 1_000);
  const result = await target.process.whileItRuns(asked);
  if (result.errorCount > 0) {
    throw new Error(`requests to ${endpoint} failed (${result.errorCount}): ${result.errors.join("; ")}`);
  }
  target.acknowledged += result.succeeded;
  return result;
}

interface Sample extends LoadResult {
  readonly cpuMs: number;
}

/** What was measured one right after the other. */
interface Turn {
  readonly ours: Sample;
  readonly bare: Sample;
  readonly commitsPerSecond: number | undefined;
  readonly samePerSecond: number;
}

async function measureAt(bench: Bench, connections: number): Promise<ConnectionFigures> {
  const seconds = bench.secondsEach / turnCount;
  const oursSigned = await warmUp(bench, bench.ours, connections);
  const bareSigned = await warmUp(bench, bench.bare, connections);
  const turns: Turn[] = [];
  for (let index = 0; index < turnCount; index += 1) {
    const ours = await measure(bench, bench.ours, { connections, seconds, signedBefore: oursSigned });
    const bare = await measure(bench, bench.bare, { connections, seconds, signedBefore: bareSigned });
    const commitsPerSecond = await bench.commits?.perSecond(seconds / 2);
    turns.push({ ours, bare, commitsPerSecond, samePerSecond: await bench.same.perSecond(seconds / 2) });
  }
  const ours = figuresOf(turns.map((turn) => turn.ours));
  const fastify = figuresOf(turns.map((turn) => turn.bare));
  const raw = {
    commitsPerSecond: medianOf(turns, (turn) => turn.commitsPerSecond),
    sameStatementsPerSecond: median(turns.map((turn) => turn.samePerSecond)),
    ratioToCommits: medianOf(turns, (turn) => turn.commitsPerSecond && ratioOf(turn, turn.commitsPerSecond)),
    ratioToSameStatements: median(turns.map((turn) => ratioOf(turn, turn.samePerSecond))),
  };
  printProgress(`${connections} connections: ${Math.round(ours.perSecond)} channels/s`);
  const halfLoad = await measureHalfLoad(bench, connections, ours.perSecond / 2);
  return { connections, ours, fastify, ...raw, halfLoad, errors: 0 };
}

/** For as long as all turns together. */
async function measureHalfLoad(bench: Bench, connections: number, perSecond: number) {
  const seconds = bench.secondsEach;
  const signedBefore = Math.ceil(perSecond * seconds);
  const { latenciesMs } = await measure(bench, bench.ours, { connections, seconds, perSecond, signedBefore });
  return { medianMs: median(latenciesMs), p99Ms: quantile(latenciesMs, 0.99) };
}

/** @returns how many requests to sign before each turn */
async function warmUp(bench: Bench, target: Target, connections: number): Promise<number> {
  const { succeeded } = await load(bench, target, { connections, seconds: warmUpSeconds });
  await target.settle();
  return Math.ceil((succeeded / warmUpSeconds) * (bench.secondsEach / turnCount) * signedMargin);
}

async function measure(bench: Bench, target: Target, what: Load): Promise<Sample> {
  const cpuBeforeMs = target.process.cpuMs();
  const result = await load(bench, target, what);
  await target.settle();
  return { ...result, cpuMs: target.process.cpuMs() - cpuBeforeMs };
}

function ratioOf({ ours, bare }: Turn, rawPerSecond: number): number {
  return perSecondOf([ours]) / Math.min(perSecondOf([bare]), rawPerSecond);
}

/** undefined, where a turn has no such figure. */
function medianOf(turns: readonly Turn[], figure: (turn: Turn) => number | undefined): number | undefined {
  const figures = turns.flatMap((turn) => figure(turn) ?? []);
  return figures.length === 0 ? undefined : median(figures);
}

function perSecondOf(samples: readonly Sample[]): number {
  const elapsedMs = samples.reduce((total, sample) => total + sample.elapsedMs, 0);
  return (succeededOf(samples) * 1_000) / elapsedMs;
}

function succeededOf(samples: readonly Sample[]): number {
  return samples.reduce((total, { succeeded }) => total + succeeded, 0);
}

function figuresOf(samples: readonly Sample[]): Figures {
  const latenciesMs = samples.flatMap((sample) => [...sample.latenciesMs]);
  const cpuMs = samples.reduce((total, sample) => total + sample.cpuMs, 0);
  return {
    perSecond: perSecondOf(samples),
    medianMs: median(latenciesMs),
    p99Ms: quantile(latenciesMs, 0.99),
    cpuMsPerRequest: cpuMs / succeededOf(samples),
    clientUtilization: Math.max(...samples.map((sample) => sample.utilization)),
  };
}

/** @returns how many channels there are. @throws Error when they are not as many as were acknowledged, or a task failed */
async function checkAllThere(ours: Target, api: ApiClient, ledger: Ledger): Promise<number> {
  await ours.settle();
  const { totalCount } = await api.call("DescribeVpnConn", { limit: "1" });
  if (totalCount !== ours.acknowledged) {
    throw new Error(`${ours.acknowledged} channels were acknowledged, and ${totalCount} are there`);
  }
  const ends = await ledger.countCreations();
  if (ends.succeeded !== ours.acknowledged) {
    throw new Error(`of ${ours.acknowledged} tasks, not all succeeded: ${JSON.stringify(ends)}`);
  }
  return ours.acknowledged;
}
