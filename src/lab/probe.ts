// Asks the network itself: does a packet get there, and what does the public wire carry meanwhile. Used by the demo and the tests.
import { execFile } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";

export { captureWire, type WireCapture, type WireCount } from "./capture.ts";

/** How much longer than it should take a ping may run before it is ended; it is late by some milliseconds at each request, too. */
const graceMs = 5_000;
const betweenTriesMs = 50;

export interface PingOptions {
  readonly count: number;
  readonly intervalMs: number;
  /** How long the last reply is waited for. */
  readonly timeoutMs: number;
  /** Of each request, beside 28 bytes of headers; ping's own choice, 56, unless told. */
  readonly payloadBytes?: number;
}

export interface PingCount {
  readonly sent: number;
  readonly received: number;
}

/** A count, and how long a reply took on the average; undefined when none came. */
export interface TimedPingCount extends PingCount {
  readonly meanMs: number | undefined;
}

/** Pings from a namespace and reads ping's own summary. @throws Error when ping could not even send */
export async function ping(namespace: string, target: string, options: PingOptions): Promise<PingCount> {
  const { sent, received } = await timePing(namespace, target, options);
  return { sent, received };
}

/** As ping, with the time that it took. */
export async function timePing(namespace: string, target: string, options: PingOptions): Promise<TimedPingCount> {
  const { count, intervalMs, timeoutMs, payloadBytes = 56 } = options;
  const args = [
    "-q",
    "-c",
    `${count}`,
    "-i",
    `${intervalMs / 1000}`,
    "-W",
    `${timeoutMs / 1000}`,
    "-s",
    `${payloadBytes}`,
  ];
  const said = await runPing(namespace, target, args, 1.5 * count * intervalMs + timeoutMs + graceMs);
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(said) ?? [];
  if (sent === undefined || received === undefined) {
    throw new Error(`ping of ${target} from ${namespace} failed: ${said.trim().split("\n").at(-1)}`);
  }
  const mean = /^rtt min\/avg\/max\/mdev = [\d.]+\/([\d.]+)\//m.exec(said)?.[1];
  return { sent: Number(sent), received: Number(received), meanMs: mean === undefined ? undefined : Number(mean) };
}

/** What it took until the target answered. */
export interface FirstReply {
  /** Requests sent, the answered one included. */
  readonly attempts: number;
  readonly elapsedMs: number;
}

/** Pings twenty times a second until a first reply comes. @throws Error when none came within `timeoutMs` */
export async function firstReply(
  namespace: string,
  target: string,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<FirstReply> {
  const begin = performance.now();
  for (let attempts = 0; ; await pause(betweenTriesMs)) {
    const leftMs = timeoutMs - (performance.now() - begin);
    if (leftMs <= 0) {
      throw new Error(`${target} did not answer ${namespace} within ${timeoutMs} ms (${attempts} requests).`);
    }
    // With a deadline `-c 1` waits for one reply; an error from the network ends it early, hence the loop.
    const said = await runPing(
      namespace,
      target,
      ["-c", "1", "-i", "0.05", "-w", `${Math.ceil(leftMs / 1000)}`],
      leftMs,
    );
    const replied = /bytes from .*icmp_seq=(\d+)/.exec(said)?.[1];
    if (replied !== undefined) {
      return { attempts: attempts + Number(replied), elapsedMs: Math.round(performance.now() - begin) };
    }
    attempts += Number(/(\d+) packets transmitted/.exec(said)?.[1] ?? 1);
  }
}

/** What ping said, whatever its exit code: no reply is an answer too. */
function runPing(namespace: string, target: string, args: readonly string[], boundMs: number): Promise<string> {
  const command = ["netns", "exec", namespace, "ping", "-n", ...args, target];
  return new Promise((resolve) => {
    const options = { timeout: Math.max(1, Math.ceil(boundMs)), killSignal: "SIGINT" as const };
    execFile("ip", command, options, (_error, stdout, stderr) => resolve(stdout || stderr));
  });
}
