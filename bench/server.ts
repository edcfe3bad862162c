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

type Settings = Readonly<Record<string, string>>;

/** With the administrator's key, which a database without keys gets when the server starts. */
export async function startBenchServer(scope: Scope, dataDir: string, env: Settings): Promise<BenchServer> {
  const server = await startServe(scope, dataDir, env);
  const keyFile = join(dataDir, "admin.key.json");
  const api = new ApiClient(clientOf(keyFile, server.endpoint, undefined));
  scope.defer("connections to culvert serve", () => api.close());
  return { ...server, keyFile, api };
}

/**
 * Settings are those of `culvert serve` where nothing is given; its log goes to a file, as it would in service.
 * @param boundMs how long it may take until it listens
 */
export async function startServe(
  scope: Scope,
  dataDir: string,
  env: Settings,
  boundMs = startBoundMs,
): Promise<Pick<BenchServer, "process" | "endpoint">> {
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
  const [, endpoint = ""] = await server.waitForLine(/the API is at (http:\S+)\/v2\/index\.php/, boundMs);
  return { process: server, endpoint };
}
