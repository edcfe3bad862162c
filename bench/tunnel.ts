// The bench `tunnel`: from AddVpnConnEx sent to its CHILD_SA installed, by a real server against the lab's remote site, beside the
// same channel by raw VICI and one raw commit, in turn.
import { setTimeout as pause } from "node:timers/promises";
import { instanceOf, namesOf } from "../src/dataplane/charon/names.ts";
import { removeInstance } from "../src/dataplane/charon/remove-instance.ts";
import { labDefaults, labDown, labUp } from "../src/lab/lab.ts";
import { checkPrerequisites } from "../src/lab/prerequisites.ts";
import { remotePlace } from "../src/lab/strongswan.ts";
import { formatAddress, storedNetwork } from "../src/vpn/network.ts";
import { CharonWatch } from "./charon-watch.ts";
import { RawCommits } from "./commits.ts";
import { type MachineFacts, readMachineFacts } from "./machine.ts";
import { lockMachine } from "./machine-lock.ts";
import type { BenchProcess } from "./process.ts";
import { printProgress } from "./report.ts";
import { type Scope, withScope } from "./scope.ts";
import { makeDataDir, startBenchServer } from "./server.ts";
import { median, quantile } from "./stats.ts";
import { stepBoundMs, type TunnelKind } from "./tunnel-ends.ts";
import { makeOurEnd } from "./tunnel-ours.ts";
import { type TunnelProfile, tunnelProfiles } from "./tunnel-profiles.ts";
import { makeRawEnd } from "./tunnel-raw.ts";
import { printTunnelReport } from "./tunnel-report.ts";

export interface TunnelOptions {
  /** Tunnels of each kind and profile. */
  readonly rounds: number;
  readonly json: boolean;
}

export interface Spread {
  readonly medianMs: number;
  readonly p95Ms: number;
}

export interface ProfileFigures {
  readonly profile: string;
  readonly ours: Spread & { readonly replyMedianMs: number };
  readonly raw: Spread;
  readonly commit: Spread;
  /** Ours over raw and one commit, by medians. */
  readonly ratio: number;
}

export interface TunnelResult {
  readonly machine: MachineFacts;
  readonly rounds: number;
  readonly profiles: readonly ProfileFigures[];
  readonly floor: number;
  readonly isMet: boolean;
}

/** Ours may take so many times as long. */
const floor = 2;
const warmUps = 3;
/** What the end of the last tunnel sets off must not lie in the time of the next. */
const quietMs = 50;
/** Wide enough that each channel has a peer network of its own. */
const siteNetwork = "10.56.0.0/16";
const peerNetworkSize = 16;

interface Bench {
  readonly scope: Scope;
  readonly server: BenchProcess;
  readonly ours: TunnelKind;
  readonly raw: TunnelKind;
  readonly remote: CharonWatch;
  readonly commits: RawCommits;
  readonly nextNetwork: () => string;
}

/** @returns whether the floor is met. @throws Error when a tunnel does not come up, or the machine cannot run one */
export async function runTunnelBench({ rounds, json }: TunnelOptions): Promise<boolean> {
  if (process.getuid?.() !== 0) {
    throw new Error("the tunnel bench makes network namespaces: run it as root, or with sudo");
  }
  await checkPrerequisites();
  const result = await withScope(async (scope): Promise<TunnelResult> => {
    await lockMachine(scope);
    const dataDir = makeDataDir(scope);
    const machine = readMachineFacts(dataDir);
    const bench = await makeBench(scope, dataDir);
    const profiles: ProfileFigures[] = [];
    for (const profile of tunnelProfiles) profiles.push(await measureProfile(bench, profile, rounds));
    return { machine, rounds, profiles, floor, isMet: profiles.every(({ ratio }) => ratio <= floor) };
  });
  printTunnelReport(result, json);
  return result.isMet;
}

async function makeBench(scope: Scope, dataDir: string): Promise<Bench> {
  const names = namesOf(instanceOf(dataDir));
  scope.defer(`instance ${names.instance}`, () => removeInstance(names));
  const server = await startBenchServer(scope, dataDir, { CULVERT_DATAPLANE: "charon" });
  const remoteEnd = { address: labDefaults.remoteAddress, preSharedKey: labDefaults.preSharedKey };
  scope.check();
  const lab = labUp({ names, ...labDefaults, siteNetwork });
  scope.defer("the lab", async () => {
    await lab.catch(() => {}); // half a lab cannot be taken down while the rest is being made
    await labDown(names);
  });
  await lab;
  scope.check();
  const ours = await makeOurEnd(scope, names, server.api, remoteEnd);
  scope.check();
  const raw = await makeRawEnd(scope, names, remoteEnd);
  const remote = await CharonWatch.open(`${remotePlace(names).dir}/charon.vici`);
  scope.defer("our look at the remote site", () => remote.close());
  const commits = new RawCommits(dataDir);
  scope.defer("the raw database", () => commits.close());
  return { scope, server: server.process, ours, raw, remote, commits, nextNetwork: peerNetworks() };
}

/** Networks of the remote site, one after the other, from the first again after 4096. */
function peerNetworks(): () => string {
  const { first, last } = storedNetwork(siteNetwork);
  let next = first;
  return () => {
    const network = `${formatAddress(next)}/28`;
    next = next + peerNetworkSize > last ? first : next + peerNetworkSize;
    return network;
  };
}

/** Brings one channel up and takes it down again, with nothing left of it at either end. */
async function measureOne(bench: Bench, kind: TunnelKind, profile: TunnelProfile) {
  const { scope, remote, nextNetwork } = bench;
  scope.check();
  await pause(quietMs);
  const { setUpMs, replyMs, takeDown } = await kind.setUp(profile, nextNetwork());
  await takeDown();
  await Promise.all([kind.watch.waitUntilEmpty(stepBoundMs), remote.waitUntilEmpty(stepBoundMs)]);
  return { setUpMs, replyMs };
}

async function measureProfile(bench: Bench, profile: TunnelProfile, rounds: number): Promise<ProfileFigures> {
  const samples = { ours: [] as number[], replies: [] as number[], raw: [] as number[], commits: [] as number[] };
  for (let round = -warmUps; round < rounds; round += 1) {
    const ours = await bench.server.whileItRuns(measureOne(bench, bench.ours, profile));
    const raw = await measureOne(bench, bench.raw, profile);
    const commitMs = bench.commits.commitMs();
    if (round < 0) continue;
    samples.ours.push(ours.setUpMs);
    samples.replies.push(ours.replyMs);
    samples.raw.push(raw.setUpMs);
    samples.commits.push(commitMs);
  }
  const ours = { ...spreadOf(samples.ours), replyMedianMs: median(samples.replies) };
  const [raw, commit] = [spreadOf(samples.raw), spreadOf(samples.commits)];
  const ratio = ours.medianMs / (raw.medianMs + commit.medianMs);
  printProgress(`${profile.name}: ${ours.medianMs.toFixed(1)} ms, raw ${raw.medianMs.toFixed(1)} ms`);
  return { profile: profile.name, ours, raw, commit, ratio };
}

function spreadOf(values: readonly number[]): Spread {
  return { medianMs: median(values), p95Ms: quantile(values, 0.95) };
}
