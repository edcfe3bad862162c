// Who answers for a gateway's address, and whether its tunnel carries packets, with times: heard on the wires, not asked of anybody.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { waitFor } from "../support/wait-for.ts";

/** Seconds since 1970, with parts. */
type Seconds = number;

export interface Heard {
  readonly atSeconds: Seconds;
  /** The sender's link address. */
  readonly mac: string;
}

/** Hears every frame that says it comes from an IPv4 address, ARP included, where all machines' frames pass. */
export class AddressWitness {
  readonly heard: Heard[] = [];
  readonly #tcpdump: ChildProcess;

  private constructor(tcpdump: ChildProcess) {
    this.#tcpdump = tcpdump;
  }

  static async listen(namespace: string, link: string, address: string): Promise<AddressWitness> {
    const filter = `(ip and src host ${address}) or (arp and arp src host ${address})`;
    const command = ["tcpdump", "-nn", "-l", "-e", "-tt", "--immediate-mode", "-i", link, filter];
    const tcpdump = spawn("ip", ["netns", "exec", namespace, ...command], { stdio: ["ignore", "pipe", "pipe"] });
    const witness = new AddressWitness(tcpdump);
    let said = "";
    tcpdump.stderr?.on("data", (text: Buffer) => {
      said += text;
    });
    createInterface({ input: tcpdump.stdout }).on("line", (line) => witness.#take(line));
    await waitFor(() => said.includes("listening on"), { what: `tcpdump on ${link}: ${said}` });
    return witness;
  }

  async stop(): Promise<void> {
    const exit = once(this.#tcpdump, "exit");
    this.#tcpdump.kill("SIGINT");
    await exit;
  }

  /** Link addresses in the order in which they began to answer since then: two that answer by turns are found more than once. */
  reignsSince(since: Seconds): Heard[] {
    const heard = this.heard.filter(({ atSeconds }) => atSeconds >= since);
    return heard.filter(({ mac }, place) => heard[place - 1]?.mac !== mac);
  }

  #take(line: string): void {
    const match = /^(\d+\.\d+) ([0-9a-f:]{17}) > /.exec(line);
    if (match === null) return;
    const [, at = "", mac = ""] = match;
    this.heard.push({ atSeconds: Number(at), mac });
  }
}

const pingIntervalSeconds = 0.1;

/** Pings without an end from a namespace, and keeps when each answer came. */
export class TunnelWitness {
  readonly answeredAt: Seconds[] = [];
  readonly #ping: ChildProcess;

  constructor(namespace: string, to: string) {
    const args = ["netns", "exec", namespace, "ping", "-n", "-D", "-i", `${pingIntervalSeconds}`, "-W", "1", to];
    this.#ping = spawn("ip", args, { stdio: ["ignore", "pipe", "ignore"] });
    if (this.#ping.stdout === null) throw new Error("no output");
    createInterface({ input: this.#ping.stdout }).on("line", (line) => {
      const at = /^\[(\d+\.\d+)\] \d+ bytes from/.exec(line)?.[1];
      if (at !== undefined) this.answeredAt.push(Number(at));
    });
  }

  /** The longest time without an answer since `since`, until now. */
  longestBreakSeconds(since: Seconds): number {
    const times = [since, ...this.answeredAt.filter((at) => at > since), Date.now() / 1_000];
    return Math.max(...times.slice(1).map((at, place) => at - (times[place] ?? at)));
  }

  /** Whether the last half second had an answer. */
  get isAnswered(): boolean {
    return Date.now() / 1_000 - (this.answeredAt.at(-1) ?? 0) < 0.5;
  }

  async stop(): Promise<void> {
    const exit = once(this.#ping, "exit");
    this.#ping.kill("SIGINT");
    await exit;
  }
}
