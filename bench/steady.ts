// What costs while nothing happens: processor time, memory, words to charon, bytes to the database. Read from /proc and from charon's log.
import { appendFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ViciSession } from "../src/vici/session.ts";
import { childrenCpuMsOf, cpuMsOf } from "./process.ts";
import type { Scope } from "./scope.ts";

export interface SteadyProbe {
  readonly scope: Scope;
  readonly seconds: number;
  readonly serverPid: number;
  /** The one with the channels first. */
  readonly charonPids: readonly number[];
  /** The charon with the same channels that nobody speaks to. */
  readonly rawPid: number;
  readonly socket: string;
  /** Of the gateway with the channels: its settings and log. */
  readonly gatewayDir: string;
  readonly dataDir: string;
}

export interface SteadyFigures {
  readonly seconds: number;
  /** Shares of one core. */
  readonly serverCpu: number;
  /** Of the commands that the server runs to look at the machine. */
  readonly commandsCpu: number;
  readonly charonCpu: number;
  readonly otherCharonsCpu: number;
  readonly rawCharonCpu: number;
  /** Commands to the charon with the channels, in all. */
  readonly viciRequests: Readonly<Record<string, number>>;
  /** Appended to the write-ahead log of the database. */
  readonly databaseBytes: number;
  readonly serverRssMiB: number;
  readonly charonRssMiB: number;
  readonly rawCharonRssMiB: number;
  /** Proportional set size of all our charons together: what they share is counted once. */
  readonly charonsPssMiB: number;
}

export async function measureSteady(probe: SteadyProbe): Promise<SteadyFigures> {
  const { serverPid, charonPids, rawPid, seconds, dataDir } = probe;
  const [first = 0, ...others] = charonPids;
  const log = join(probe.gatewayDir, "charon.log");
  await logRequests(probe);
  const logStart = statSync(log).size;
  const databaseStart = databaseBytes(dataDir);
  const groups = [[serverPid], [first], others, [rawPid]];
  const before = groups.map(cpuMsOfAll);
  const commandsBeforeMs = childrenCpuMsOf(serverPid);
  const endMs = performance.now() + seconds * 1_000;
  while (performance.now() < endMs) {
    probe.scope.check();
    await pause(Math.min(1_000, Math.max(1, endMs - performance.now())));
  }
  const used = groups.map((pids, index) => (cpuMsOfAll(pids) - (before[index] ?? 0)) / (seconds * 1_000));
  const [serverCpu = 0, charonCpu = 0, otherCharonsCpu = 0, rawCharonCpu = 0] = used;
  return {
    seconds,
    serverCpu,
    commandsCpu: (childrenCpuMsOf(serverPid) - commandsBeforeMs) / (seconds * 1_000),
    charonCpu,
    otherCharonsCpu,
    rawCharonCpu,
    viciRequests: countRequests(readSince(log, logStart)),
    databaseBytes: databaseBytes(dataDir) - databaseStart,
    serverRssMiB: memoryMiB(serverPid, "Rss"),
    charonRssMiB: memoryMiB(first, "Rss"),
    rawCharonRssMiB: memoryMiB(rawPid, "Rss"),
    charonsPssMiB: charonPids.reduce((sum, pid) => sum + memoryMiB(pid, "Pss"), 0),
  };
}

/** At level 2 charon notes every VICI command in its log. Its own settings come first in the file, and the last word counts. */
async function logRequests({ gatewayDir, socket }: SteadyProbe): Promise<void> {
  const text = "charon {\n  filelog {\n    log {\n      cfg = 2\n    }\n  }\n}\n";
  appendFileSync(join(gatewayDir, "strongswan.conf"), text);
  const session = await ViciSession.connect(socket);
  try {
    await session.request("reload-settings");
  } finally {
    session.close();
  }
}

/** The server begins a new log when one has grown large, and keeps the last beside it. */
function readSince(log: string, start: number): string {
  const text = readFileSync(log);
  if (text.length >= start) return text.subarray(start).toString("utf8");
  return `${readFileSync(`${log}.1`).subarray(start)}${text}`;
}

function countRequests(log: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, command = ""] of log.matchAll(/vici client \d+ requests: (\S+)/g)) {
    counts[command] = (counts[command] ?? 0) + 1;
  }
  return counts;
}

function cpuMsOfAll(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
}

function databaseBytes(dataDir: string): number {
  return statSync(join(dataDir, "culvert.db-wal"), { throwIfNoEntry: false })?.size ?? 0;
}

/** From smaps_rollup (proc_pid_smaps(5)). */
function memoryMiB(pid: number, field: "Rss" | "Pss"): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kibibytes = Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN);
  return kibibytes / 1_024;
}
