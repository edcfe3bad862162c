// `bin/culvert` as a child process: one command, run to its end.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
export const culvert = join(root, "bin", "culvert");
/** Node keeps what it made of the sources there: half of the time that a command takes to start. */
const compileCache = join(root, "node_modules", ".cache", "culvert-tests");

const timeoutMs = 20_000;

/** An environment without settings of whoever runs the tests. */
export function environment(settings: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE: compileCache, ...settings };
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What stands on standard input. */
  readonly input?: string;
}

/** Runs `culvert ARGUMENTS`; a command that does not end is killed, and then has no code. */
export async function runCulvert(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = spawn(culvert, args, { env: environment(options.env), timeout: timeoutMs, killSignal: "SIGKILL" });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  child.stdin.on("error", () => {}); // a command that reads nothing may have ended
  child.stdin.end(options.input ?? "");
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}
