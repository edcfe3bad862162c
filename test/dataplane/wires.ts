// Hosts on the wires of an instance, and ears on them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { layCable, makeNamespace } from "../../src/dataplane/charon/bridges.ts";
import { ipBatch, run } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { makePcapReader } from "../../src/lab/pcap.ts";
import { waitFor } from "../support/wait-for.ts";

export interface Host {
  readonly namespace: string;
  readonly address: string;
}

/** A host with one link on the bridge of `wire`. `commands` come last, in its namespace. */
export async function makeHost(
  names: Names,
  name: string,
  wire: string,
  address: string,
  commands: readonly string[] = [],
): Promise<Host> {
  const namespace = `${names.prefix}${name}`;
  await makeNamespace(namespace);
  await layCable({ bridgeNamespace: wire, bridge: names.bridge, port: name, namespace, link: "eth0" });
  await ipBatch(namespace, [`address replace ${address} dev eth0`, "link set eth0 up", ...commands]);
  return { namespace, address: address.split("/")[0] ?? address };
}

/** How many of `count` pings from `host` are answered within a second each. */
export async function ping(host: Host, to: string, count = 3, options: readonly string[] = []): Promise<number> {
  const args = [
    "netns",
    "exec",
    host.namespace,
    "ping",
    "-n",
    "-c",
    `${count}`,
    "-i",
    "0.05",
    "-W",
    "1",
    ...options,
    to,
  ];
  const text = await run("ip", args).catch((error: Error) => {
    // ping fails when nothing is answered, and says it on standard output.
    if (/exit code 1$/.test(error.message) || /Command failed/.test(error.message)) return "0 received";
    throw error;
  });
  return Number(/(\d+) received/.exec(text)?.[1] ?? 0);
}

export interface Capture {
  /** What tcpdump says: one line for each packet, unless its options make it more. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** Hears every IPv4 packet on a link that `filter` (pcap-filter(7)) takes. Resolves when it is listening. */
export async function capture(
  namespace: string,
  link: string,
  filter = "ip",
  options: readonly string[] = [],
): Promise<Capture> {
  const tcpdump = ["tcpdump", "-nn", "-l", "--immediate-mode", "-i", link, ...options, filter];
  const command = ["netns", "exec", namespace, ...tcpdump];
  const child = spawn("ip", command, { stdio: ["ignore", "pipe", "pipe"] });
  let [text, errors] = ["", ""];
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  await waitFor(() => errors.includes("listening on"), { what: `tcpdump on ${link}: ${errors}` });
  return {
    get lines() {
      return text.split("\n").slice(0, -1);
    },
    async stop() {
      const exit = once(child, "exit");
      child.kill("SIGINT");
      await exit;
    },
  };
}

export interface EspRecord {
  /** Waits for `count` packets of ESP, ends the capture and gives it, as pcap. @throws Error when they do not come */
  stop(count: number): Promise<Buffer>;
}

/** Records whole packets of ESP on the public wire: UDP 4500 that is no IKE and no keepalive. Resolves when it is listening. */
export async function recordEsp(names: Names): Promise<EspRecord> {
  const tcpdump = ["tcpdump", "-nn", "-U", "--immediate-mode", "-i", names.bridge, "-w", "-"];
  const filter = "udp port 4500 and udp[4:2] > 9 and udp[8:4] != 0";
  const command = ["netns", "exec", names.publicNamespace, ...tcpdump, filter];
  const child = spawn("ip", command, { stdio: ["ignore", "pipe", "pipe"] });
  const pieces: Buffer[] = [];
  const reader = makePcapReader();
  let [frames, errors] = [0, ""];
  child.stdout.on("data", (piece: Buffer) => {
    pieces.push(piece);
    frames += reader.push(piece).length;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  await waitFor(() => errors.includes("listening on"), { what: "tcpdump on the public wire" });
  return {
    async stop(count) {
      const closed = once(child, "close");
      try {
        await waitFor(() => frames >= count, { what: `${count} packets of ESP` });
      } finally {
        child.kill("SIGINT");
        await closed;
      }
      return Buffer.concat(pieces);
    },
  };
}
