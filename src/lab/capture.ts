// Listens on the public wire and counts what is on it. tcpdump writes to its standard output: under AppArmor it may not write to
// files of our choice. It ends only the tcpdump that it started.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { listLinks } from "../dataplane/charon/bridges.ts";
import type { Names } from "../dataplane/charon/names.ts";
import { makeClassifier, type Traffic } from "./frame.ts";
import { makePcapReader } from "./pcap.ts";

/** Frames by what they were. Housekeeping (frame.ts) counts nowhere. */
export interface WireCount {
  readonly ike: number;
  readonly esp: number;
  /** Anybody on the wire can read these. */
  readonly clear: number;
  readonly arp: number;
  /** Frames that the kernel could not hand over in time. Only when this is 0 is `clear: 0` a proof. */
  readonly lost: number;
}

export interface WireCapture {
  /** Ends the capture once everything that was on the wire before this call is counted. */
  stop(): Promise<WireCount>;
}

type Tcpdump = ChildProcessByStdio<null, Readable, Readable>;

/** tcpdump takes about a second to begin on a busy machine. */
const startBoundMs = 10_000;
const stopBoundMs = 5_000;
const statisticsPeriodMs = 20;
/** Enough for Ethernet, two VLAN tags, IPv4 with all options, UDP and the first bytes of ESP. */
const snapLength = 128;
const statistics = /(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel/g;

/**
 * The kernel interrupts tcpdump when we die: on a silent wire it would not notice. It stays root, as that is forgotten when it
 * changes its user (prctl(2), PR_SET_PDEATHSIG). It is given no filter: with `inbound`, libpcap 1.10 drops the first frame.
 */
function commandFor(bridge: string): string[] {
  const options = ["-i", bridge, "--immediate-mode", "-U", "-n", "-s", `${snapLength}`, "-B", "8192", "-w", "-"];
  return ["setpriv", "--pdeathsig", "INT", "tcpdump", "-Z", "root", ...options];
}

/**
 * Starts to count on the public wire. Resolves once tcpdump listens: a frame after that is counted. The bridge itself is
 * listened on: while it is promiscuous it sees every frame between its ports, and each only once.
 */
export async function captureWire(names: Names): Promise<WireCapture> {
  const links = await listLinks(names.publicNamespace);
  if (!links.some((link) => link.ifname === names.bridge)) {
    throw new Error("There is no public wire to listen on: run `culvert serve` or `culvert lab up` first.");
  }
  const child = spawn("ip", ["netns", "exec", names.publicNamespace, ...commandFor(names.bridge)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tally: Record<Traffic, number> = { ike: 0, esp: 0, arp: 0, keepalive: 0, clear: 0 };
  const reader = makePcapReader();
  const classify = makeClassifier();
  let failure: Error | undefined;
  child.stdout.on("data", (piece: Buffer) => {
    try {
      if (failure === undefined) for (const frame of reader.push(piece)) tally[classify(frame)] += 1;
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
  });
  const words = await untilListening(child);
  const finish = async (): Promise<WireCount> => {
    await drain(child, words);
    const lost = readStatistics(words()).at(-1)?.lost ?? 0;
    if (reader.pendingBytes() > 0) failure ??= new Error("The capture ended in the middle of a frame.");
    if (failure !== undefined) throw failure;
    return { ike: tally.ike, esp: tally.esp, clear: tally.clear, arp: tally.arp, lost };
  };
  let stopping: Promise<WireCount> | undefined;
  return {
    stop() {
      stopping ??= finish();
      return stopping;
    },
  };
}

/** Gives what tcpdump has said so far, once it has said that it listens. */
function untilListening(child: Tcpdump): Promise<() => string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`tcpdump does not listen on the public wire: ${why}`));
    };
    const timer = setTimeout(() => fail(`nothing in ${startBoundMs} ms`), startBoundMs);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (!said.includes("listening on")) return;
      clearTimeout(timer);
      resolve(() => said);
    });
    child.once("error", (error) => fail(error.message));
    child.once("close", () => {
      const isAbsent = said.includes("No such file");
      fail(isAbsent ? "it is not installed: run `apt-get install -y tcpdump`" : said.trim());
    });
  });
}

/**
 * Ends tcpdump without losing what the kernel still holds for it: an interrupt alone would. At each SIGUSR1 it tells how many
 * frames came and how many it has written (tcpdump(1)); it may go when it has written those that came before the first.
 */
async function drain(child: Tcpdump, words: () => string): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) throw new Error(`tcpdump has ended: ${words().trim()}`);
  const closed = once(child, "close");
  const deadline = setTimeout(() => child.kill("SIGKILL"), stopBoundMs);
  const before = words().length;
  const ask = setInterval(() => child.kill("SIGUSR1"), statisticsPeriodMs);
  child.stderr.on("data", () => {
    const told = readStatistics(words().slice(before));
    const came = told[0]?.received;
    if (came !== undefined && told.some(({ captured }) => captured >= came)) {
      clearInterval(ask);
      child.kill("SIGINT");
    }
  });
  child.kill("SIGUSR1");
  await closed;
  clearInterval(ask);
  clearTimeout(deadline);
  if (child.signalCode === "SIGKILL") throw new Error(`tcpdump did not end within ${stopBoundMs} ms.`);
}

function readStatistics(text: string) {
  return [...text.matchAll(statistics)].map(([, captured, received, lost]) => ({
    captured: Number(captured),
    received: Number(received),
    lost: Number(lost),
  }));
}
