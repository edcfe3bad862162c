// Traffic through a tunnel for as long as a test wants, and what of it did not come back.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { waitFor } from "./wait-for.ts";

/** What became of the requests that were sent. */
export interface Watched {
  readonly sent: number;
  readonly received: number;
  /** The longest time from one reply to the next: 0.02 s where nothing is lost. */
  readonly longestBreakSeconds: number;
}

export interface TrafficWatch {
  /** How many replies have come so far. */
  readonly replies: number;
  /** Ends it, when the last request has had its time. */
  stop(timeoutMs?: number): Promise<Watched>;
}

const intervalSeconds = 0.02;

/** Pings 50 times a second. Resolves when the first reply is there. @throws Error when none comes within `timeoutMs` */
export async function watchTraffic(namespace: string, target: string, timeoutMs = 15_000): Promise<TrafficWatch> {
  const command = ["ping", "-n", "-D", "-i", `${intervalSeconds}`, target];
  const child = spawn("ip", ["netns", "exec", namespace, ...command], { stdio: ["ignore", "pipe", "ignore"] });
  const closed = once(child, "close");
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const times = () => [...text.matchAll(/^\[([\d.]+)\] \d+ bytes from/gm)].map(([, seconds]) => Number(seconds));
  const end = async () => {
    child.kill("SIGINT");
    await closed;
  };
  await waitFor(() => times().length > 0, { what: `a reply of ${target}`, timeoutMs }).catch(async (error) => {
    await end();
    throw error;
  });
  return {
    get replies() {
      return times().length;
    },
    async stop(boundMs = timeoutMs) {
      // The last request may be on its way: it is to come back, or not to be counted.
      const before = times().length;
      await waitFor(() => times().length > before, { what: `one more reply of ${target}`, timeoutMs: boundMs });
      await end();
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
      const all = times();
      const breaks = all.slice(1).map((time, index) => time - (all[index] ?? time));
      return { sent: Number(sent), received: Number(received), longestBreakSeconds: Math.max(0, ...breaks) };
    },
  };
}
