// One of the servers of the bench `scale`: an API without a host over one filled database, and its callers.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ApiClient } from "./api-client.ts";
import { BenchProcess, benchScript } from "./process.ts";
import { ScaleCalls } from "./scale-calls.ts";
import type { Filled, ScaleDatabase, ScaleKey } from "./scale-fill.ts";
import { region } from "./scale-rows.ts";
import type { Scope } from "./scope.ts";

const startBoundMs = 60_000;

/** No quota, and the databases' own place. */
export function settingsOf({ data, database }: ScaleDatabase): Record<string, string> {
  const quotas = ["VPN_CONNS", "VPN_GWS_PER_VPC", "VPCS", "USER_GWS"].map((name) => [`CULVERT_QUOTA_${name}`, "0"]);
  return { CULVERT_DATA: data, CULVERT_DATABASE: database, ...Object.fromEntries(quotas) };
}

export class ScaleNode {
  readonly filled: Filled;
  readonly process: BenchProcess;
  readonly startMs: number;
  /** How long each call of a kind took. */
  readonly timesMs = new Map<string, number[]>();
  readonly #calls: ScaleCalls;
  readonly #clients: ReadonlyMap<ScaleKey, ApiClient>;

  private constructor(filled: Filled, process: BenchProcess, endpoint: string, startMs: number) {
    this.filled = filled;
    this.process = process;
    this.startMs = startMs;
    this.#calls = new ScaleCalls(filled.keys);
    const clients = filled.keys.map((key) => [key, new ApiClient({ ...key, endpoint, region })] as const);
    this.#clients = new Map(clients);
  }

  static async start(scope: Scope, place: ScaleDatabase, filled: Filled): Promise<ScaleNode> {
    const name = `the API over ${filled.channels} channels`;
    const startedMs = performance.now();
    const child = new BenchProcess({ name, ...benchScript("api-node.ts"), env: settingsOf(place) });
    scope.defer(name, () => child.stop());
    const [, endpoint = ""] = await child.waitForLine(/listening at (\S+)/, startBoundMs);
    const node = new ScaleNode(filled, child, endpoint, performance.now() - startedMs);
    scope.defer("connections to it", () => {
      for (const client of node.#clients.values()) client.close();
    });
    return node;
  }

  get kinds(): string[] {
    return Object.keys(this.#calls.kinds);
  }

  /** One call of a kind. @param isCounted false: to warm up. @throws Error when it is refused, or a list is empty */
  async call(kind: string, isCounted: boolean): Promise<void> {
    const make = this.#calls.kinds[kind];
    const call = make?.();
    const client = call && this.#clients.get(call.key);
    if (call === undefined || client === undefined) throw new TypeError(`nobody makes ${kind}`);
    const { reply, sentMs, receivedMs } = await this.process.whileItRuns(
      client.timedCall(call.action, call.parameters),
    );
    if (call.action === "DescribeVpnConn" && (!Array.isArray(reply.data) || reply.data.length === 0)) {
      throw new Error(`${kind}: nothing was found`);
    }
    if (!isCounted) return;
    const times = this.timesMs.get(kind) ?? [];
    times.push(receivedMs - sentMs);
    this.timesMs.set(kind, times);
  }
}

/** A data directory in one that is there. */
export function makeDataDirIn(above: string, name: string): string {
  const path = join(above, name);
  mkdirSync(path, { mode: 0o700 });
  return path;
}
