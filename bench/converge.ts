// The bench `converge`: many gateways, and many channels on one of them, from rows to CHILD_SAs - after a start, and after the gateway's
// charon was killed - and what they cost while nothing happens; beside raw VICI doing the same, in turn.
import { instanceOf, type Names, namesOf } from "../src/dataplane/charon/names.ts";
import { removeInstance } from "../src/dataplane/charon/remove-instance.ts";
import { checkPrerequisites } from "../src/lab/prerequisites.ts";
import { type FarEnd, makeFarEnd } from "./converge-far-end.ts";
import { countInstalled, ourCharons, ourGatewayDir, ourSocket, startOurs, writeRows } from "./converge-ours.ts";
import { RawEnd } from "./converge-raw.ts";
import { printConvergeReport } from "./converge-report.ts";
import { type Shape, shapes } from "./converge-specs.ts";
import { type MachineFacts, readMachineFacts } from "./machine.ts";
import { lockMachine } from "./machine-lock.ts";
import { cpuMsOf } from "./process.ts";
import { printProgress } from "./report.ts";
import { type Scope, withScope } from "./scope.ts";
import { type BenchServer, makeDataDir } from "./server.ts";
import { median } from "./stats.ts";
import { measureSteady, type SteadyFigures } from "./steady.ts";

export interface ConvergeOptions {
  readonly gateways: number;
  /** On the first gateway. */
  readonly channels: number;
  /** How often everything is brought up by either. */
  readonly rounds: number;
  /** Of steady state. */
  readonly seconds: number;
  readonly json: boolean;
}

/** One time of bringing up all channels on a charon that has just been killed. */
export interface Converged {
  /** From the kill to the last CHILD_SA. */
  readonly ms: number;
  /** Processor time of the new charon. */
  readonly charonCpuMs: number;
  /** Processor time of the server, or of raw VICI's client. */
  readonly ownCpuMs: number;
}

export interface Pair {
  readonly oursMs: number;
  readonly rawMs: number;
}

export interface ShapeFigures {
  readonly shape: Shape;
  /** From nothing: until all gateways and all channels but one are there. */
  readonly start: Pair;
  /** The last one beside all the others: from the request, or the first word to charon. */
  readonly last: Pair;
  /** Raw VICI with so many initiations at once, and what it took. */
  readonly tried: readonly { readonly concurrency: number; readonly ms: number }[];
  readonly concurrency: number;
  readonly ours: readonly Converged[];
  readonly raw: readonly Converged[];
  /** Of our rate to raw VICI's, turn by turn; the median. */
  readonly ratio: number;
  readonly steady: SteadyFigures;
}

export interface ConvergeResult {
  readonly machine: MachineFacts;
  readonly options: ConvergeOptions;
  readonly shapes: readonly ShapeFigures[];
  readonly floor: number;
  readonly isMet: boolean;
}

/** Our rate must reach this share of raw VICI's. */
const floor = 0.8;
const concurrencies = [4, 16, 64] as const;
const concurrencyOfStart = 16;
/** Nothing takes a tenth of this for each channel unless something is wrong. */
const boundMs = 120_000;

interface Bench extends ConvergeOptions {
  readonly scope: Scope;
  readonly shape: Shape;
  readonly dataDir: string;
  readonly names: Names;
  readonly far: FarEnd;
  readonly raw: RawEnd;
}

/** @returns whether the floor is met. @throws Error when a channel does not come up, or the machine cannot run it */
export async function runConvergeBench(options: ConvergeOptions): Promise<boolean> {
  if (process.getuid?.() !== 0) {
    throw new Error("the converge bench makes network namespaces: run it as root, or with sudo");
  }
  await checkPrerequisites();
  const result = await withScope(async (scope): Promise<ConvergeResult> => {
    await lockMachine(scope);
    const figures: ShapeFigures[] = [];
    let machine: MachineFacts | undefined;
    for (const shape of shapes) {
      const dataDir = makeDataDir(scope);
      machine = readMachineFacts(dataDir);
      figures.push(await withScope((inner) => measureShape(inner, dataDir, shape, options)));
      scope.check();
    }
    if (machine === undefined) throw new TypeError("there is no shape to measure");
    return { machine, options, shapes: figures, floor, isMet: figures.every(({ ratio }) => ratio >= floor) };
  });
  printConvergeReport(result);
  return result.isMet;
}

async function measureShape(
  scope: Scope,
  dataDir: string,
  shape: Shape,
  options: ConvergeOptions,
): Promise<ShapeFigures> {
  const { channels, gateways } = options;
  printProgress(`${shape}: writing ${channels} channels`);
  const lastOrder = await writeRows(dataDir, shape, gateways, channels);
  scope.check();
  const names = namesOf(instanceOf(dataDir));
  scope.defer(`instance ${names.instance}`, () => removeInstance(names));
  const far = await makeFarEnd(scope, names, channels);
  const rawNames = namesBeside(names);
  scope.defer(`instance ${rawNames.instance}`, () => removeInstance(rawNames));
  const raw = new RawEnd(scope, rawNames, gateways);
  const bench: Bench = { ...options, scope, shape, dataDir, names, far, raw };
  const rawStartMs = await timeUp(bench, channels - 1, async () => {
    await raw.makeGateways();
    await raw.bringUp(shape, channels - 1, concurrencyOfStart);
  });
  const rawLastMs = await timeUp(bench, 1, () => raw.bringUpLast(shape, channels));
  // Before ours is up, which would begin anew when the far end has been silent for long.
  const tried = await tryConcurrencies(bench);
  const [best] = tried.toSorted((a, b) => a.ms - b.ms);
  const concurrency = best?.concurrency ?? concurrencyOfStart;
  await raw.kill();
  await far.renew();
  const starting = Promise.withResolvers<BenchServer>();
  const oursStartMs = await timeUp(bench, channels - 1, async () => starting.resolve(await startOurs(scope, dataDir)));
  const server = await starting.promise;
  const oursLastMs = await timeUp(bench, 1, () => server.api.call("AddVpnConnEx", lastOrder));
  await checkOurs(bench);
  await timeUp(bench, channels, async () => {
    await raw.start();
    await raw.bringUp(shape, channels, concurrency);
  });
  printProgress(`${shape}: all is up ${Math.round(oursStartMs)} ms after the start; steady state`);
  const steady = await measureSteady({
    scope,
    seconds: options.seconds,
    serverPid: server.process.pid,
    charonPids: await ourCharons(names, gateways),
    rawPid: await raw.pid(),
    socket: ourSocket(names),
    gatewayDir: ourGatewayDir(names),
    dataDir,
  });
  const turns = await takeTurns(bench, server, concurrency);
  const ratio = median(turns.map(({ ours, raw }) => raw.ms / ours.ms));
  const [ours, rawTurns] = [turns.map((turn) => turn.ours), turns.map((turn) => turn.raw)];
  const start = { oursMs: oursStartMs, rawMs: rawStartMs };
  const last = { oursMs: oursLastMs, rawMs: rawLastMs };
  return { shape, start, last, tried, concurrency, ours, raw: rawTurns, ratio, steady };
}

/** Of another instance, or our server would take those gateways away, but on the same public wire. */
function namesBeside(names: Names): Names {
  const instance = names.instance.split("").reverse().join("");
  return { ...namesOf(instance), publicNamespace: names.publicNamespace };
}

/** @returns how long it took from now until so many CHILD_SAs have come up at the far end */
async function timeUp({ scope, far }: Bench, count: number, work: () => Promise<unknown>): Promise<number> {
  scope.check();
  let startedMs = 0;
  const endedMs = await far.seeUp(count, boundMs, async () => {
    startedMs = performance.now();
    await work();
  });
  return endedMs - startedMs;
}

/** Every gateway runs and every channel is up at our end. @throws Error */
async function checkOurs({ names, gateways, channels }: Bench): Promise<void> {
  const charons = await ourCharons(names, gateways);
  const installed = await countInstalled(ourSocket(names));
  if (installed !== channels || charons.length !== gateways) {
    throw new Error(`${installed} of ${channels} channels are up`);
  }
}

async function tryConcurrencies(bench: Bench): Promise<{ concurrency: number; ms: number }[]> {
  const tried: { concurrency: number; ms: number }[] = [];
  for (const concurrency of concurrencies) {
    const { ms } = await convergeRaw(bench, concurrency);
    tried.push({ concurrency, ms });
    printProgress(`${bench.shape}: raw VICI, ${concurrency} at once: ${Math.round(ms)} ms`);
  }
  return tried;
}

async function takeTurns(bench: Bench, server: BenchServer, concurrency: number) {
  const turns: { readonly ours: Converged; readonly raw: Converged }[] = [];
  for (let turn = 0; turn < bench.rounds; turn += 1) {
    const raw = await convergeRaw(bench, concurrency);
    await bench.raw.kill();
    const ours = await server.process.whileItRuns(convergeOurs(bench, server));
    turns.push({ ours, raw });
    printProgress(`${bench.shape}: ours ${Math.round(ours.ms)} ms, raw VICI ${Math.round(raw.ms)} ms`);
  }
  return turns;
}

/** The far end knows of nothing, the charon is killed, and whoever it belongs to brings everything back. */
async function convergeRaw(bench: Bench, concurrency: number): Promise<Converged> {
  const { far, raw, shape, channels } = bench;
  await far.renew();
  const before = process.cpuUsage();
  const ms = await timeUp(bench, channels, async () => {
    await raw.kill();
    await raw.start();
    await raw.bringUp(shape, channels, concurrency);
  });
  const { user, system } = process.cpuUsage(before);
  return { ms, charonCpuMs: cpuMsOf(await raw.pid()), ownCpuMs: (user + system) / 1_000 };
}

async function convergeOurs(bench: Bench, server: BenchServer): Promise<Converged> {
  const { far, names, channels } = bench;
  await far.renew();
  const [pid] = await ourCharons(names, 1);
  const cpuBeforeMs = server.process.cpuMs();
  const ms = await timeUp(bench, channels, async () => {
    if (pid !== undefined) process.kill(pid, "SIGKILL");
  });
  const ownCpuMs = server.process.cpuMs() - cpuBeforeMs;
  const [after] = await ourCharons(names, 1);
  await checkOurs(bench);
  return { ms, charonCpuMs: cpuMsOf(after ?? 0), ownCpuMs };
}
