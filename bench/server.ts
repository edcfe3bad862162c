// A real `culvert serve` of the bench's own, on a data directory of its own, with nothing of our environment.
import { closeSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { clientOf } from "../src/cli/client.ts";
import { ApiClient } from "./api-client.ts";
import { BenchProcess } from "./process.ts";
import type { Scope } from "./scope.ts";

const root = new URL("..", import.meta.url).pathname;
const startBoundMs = 30_000;

export interface BenchServer {
  readonly process: BenchProcess;
  readonly endpoint: string;
  readonly keyFile: string;
  readonly api: ApiClient;
}

/** A new directory beside the server's own default, `var`: the same disk. It goes with the scope. */
export function makeDataDir(scope: Scope): string {
  const above = join(root, "var");
  mkdirSync(above, { recursive: true, mode: 0o700 });
  const dir = mkdtempSync(join(above, "bench-"));
  scope.defer(dir, () => {
    rmSync(dir, { recursive: true, force: true });
    try {
      rmdirSync(above);
    } catch {} // somebody else has something in it
  });
  return dir;
}

/** Settings are those of `culvert serve` where nothing is given; its log goes to a file, as it would in service. */
export async function startBenchServer(
  scope: Scope,
  dataDir: string,
  env: Readonly<Record<string, string>>,
): Promise<BenchServer> {
  const log = openSync(join(dataDir, "server.log"), "a", 0o600);
  const args = ["serve", "--listen", "127.0.0.1:0", "--data", dataDir];
  const server = new BenchProcess({
    name: "culvert serve",
    command: join(root, "bin/culvert"),
    args,
    env,
    stdout: log,
  });
  closeSync(log);
  scope.defer("culvert serve", () => server.stop());
  const [, endpoint = ""] = await server.waitForLine(/the API is at (http:\S+)\/v2\/index\.php/, startBoundMs);
  const keyFile = join(dataDir, "admin.key.json");
  const api = new ApiClient(clientOf(keyFile, endpoint, undefined));
  scope.defer("connections to culvert serve", () => api.close());
  return { process: server, endpoint, keyFile, api };
}
