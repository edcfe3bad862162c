// The bench `api`: signed AddVpnConnEx per second and how long each takes, beside the two limits it cannot pass - a Fastify handler
// that does nothing, and a raw commit of two rows - in the same run on the same machine.
import type { ApiClient } from "./api-client.ts";
import { printApiReport } from "./api-report.ts";
import { makeWorld, worldSettings } from "./api-world.ts";
import { RawCommits } from "./commits.ts";
import { Ledger } from "./ledger.ts";
import type { LoadPlan, LoadResult } from "./load.ts";
import { type MachineFacts, readMachineFacts } from "./machine.ts";
import { BenchProcess, benchScript } from "./process.ts";
import { printProgress } from "./report.ts";
import { type Scope, withScope } from "./scope.ts";
import { makeDataDir, startBenchServer } from "./server.ts";
import { median, quantile } from "./stats.ts";

export interface ApiOptions {
  /** How long ours, and how long the bare handler, is measured at each number of connections. */
  readonly seconds: number;
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
  /** Raw commits of two rows, measured in between. */
  readonly commitsPerSecond: number;
  /** Of ours to the slower of the two, turn by turn; the median. */
  readonly ratioToSlowerLimit: number;
  readonly errors: number;
}

export interface ApiResult {
  readonly machine: MachineFacts;
  readonly secondsEach: number;
  readonly connections: readonly ConnectionFigures[];
  readonly commitsPerSecond: number;
  readonly channels: number;
  readonly floor: number;
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
/** Ours must reach this share of the slower limit. */
const floor = 0.2;
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
  readonly commits: RawCommits;
  readonly commitSamples: number[];
}

/** @returns whether the floor is met. @throws Error when any request failed, or anything acknowledged is not there */
export async function runApiBench({ seconds, json }: ApiOptions): Promise<boolean> {
  const result = await withScope(async (scope): Promise<ApiResult> => {
    const dataDir = makeDataDir(scope);
    const machine = readMachineFacts(dataDir);
    printProgress(`the database is on ${machine.disk}`);
    const server = await startBenchServer(scope, dataDir, { ...worldSettings, CULVERT_DATAPLANE: "simulated" });
    const ledger = new Ledger(dataDir);
    scope.defer("the database", () => ledger.close());
    const commits = new RawCommits(dataDir);
    scope.defer("the raw database", () => commits.close());
    const world = await makeWorld(scope, server.api);
    const plan = { keyFile: server.keyFile, preSharedKey: "bench-bench-bench", ...world };
    const ours = { ...server, settle: () => ledger.settle(scope), acknowledged: 0 };
    const client = startChild(scope, "the load generator", "client.ts");
    const first = await load({ scope, client, plan }, ours, firstWarmUp);
    const bare = await startBareServer(scope, first.lastReply);
    const bench = { scope, secondsEach: seconds, client, plan, ours, bare, commits, commitSamples: [] };
    const connections: ConnectionFigures[] = [];
    for (const count of connectionCounts) connections.push(await measureAt(bench, count));
    const channels = await checkAllThere(ours, server.api, ledger);
    const isMet = connections.every(({ ratioToSlowerLimit }) => ratioToSlowerLimit >= floor);
    const commitsPerSecond = median(bench.commitSamples);
    return { machine, secondsEach: seconds, connections, commitsPerSecond, channels, floor, isMet };
  });
  printApiReport(result, json);
  return result.isMet;
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
  readonly signedBefore?: number;
}

/** @throws Error when a request did not succeed */
async function load(
  { scope, client, plan }: Pick<Bench, "scope" | "client" | "plan">,
  target: Target,
  { connections, seconds, signedBefore = 0 }: Load,
): Promise<LoadResult> {
  scope.check();
  const { endpoint } = target;
  const request = { endpoint, plan, connections, seconds, signedBefore };
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
  readonly commitsPerSecond: number;
}

async function measureAt(bench: Bench, connections: number): Promise<ConnectionFigures> {
  const seconds = bench.secondsEach / turnCount;
  const oursSigned = await warmUp(bench, bench.ours, connections);
  const bareSigned = await warmUp(bench, bench.bare, connections);
  const turns: Turn[] = [];
  for (let index = 0; index < turnCount; index += 1) {
    const ours = await measure(bench, bench.ours, { connections, seconds, signedBefore: oursSigned });
    const bare = await measure(bench, bench.bare, { connections, seconds, signedBefore: bareSigned });
    turns.push({ ours, bare, commitsPerSecond: await bench.commits.perSecond(seconds / 2) });
  }
  const ours = figuresOf(turns.map((turn) => turn.ours));
  const fastify = figuresOf(turns.map((turn) => turn.bare));
  const commitsPerSecond = median(turns.map((turn) => turn.commitsPerSecond));
  const ratioToSlowerLimit = median(turns.map(ratioOf));
  bench.commitSamples.push(...turns.map((turn) => turn.commitsPerSecond));
  printProgress(`${connections} connections: ${Math.round(ours.perSecond)} channels/s`);
  return { connections, ours, fastify, commitsPerSecond, ratioToSlowerLimit, errors: 0 };
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

function ratioOf({ ours, bare, commitsPerSecond }: Turn): number {
  return perSecondOf([ours]) / Math.min(perSecondOf([bare]), commitsPerSecond);
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
  const ends = ledger.countCreations();
  if (ends.succeeded !== ours.acknowledged) {
    throw new Error(`of ${ours.acknowledged} tasks, not all succeeded: ${JSON.stringify(ends)}`);
  }
  return ours.acknowledged;
}
