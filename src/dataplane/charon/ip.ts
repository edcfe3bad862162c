// Runs the machine's network commands. No shell: arguments are passed as they are. Nothing secret is ever an argument.
import { execFile } from "node:child_process";

const commandTimeoutMs = 10_000;

/** A command that failed: its last words, for a person. */
export class CommandError extends Error {
  readonly exitCode: number | undefined;
  constructor(command: string, exitCode: number | undefined, stderr: string) {
    super(`${command}: ${stderr.trim().split("\n").at(-1) || `exit code ${exitCode}`}`);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** Runs a command to its end and gives its standard output. @throws CommandError */
export function run(file: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { timeout: commandTimeoutMs, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const exitCode = typeof error.code === "number" ? error.code : undefined;
      reject(new CommandError([file, ...args].join(" "), exitCode, stderr || error.message));
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input ?? "");
  });
}

/** Runs many `ip` commands in one process, in the given namespace or in the machine's own. Stops at the first that fails. */
export async function ipBatch(namespace: string | undefined, commands: readonly string[]): Promise<void> {
  const scope = namespace === undefined ? [] : ["-n", namespace];
  await run("ip", [...scope, "-batch", "-"], `${commands.join("\n")}\n`);
}

/** `ip -json …` parsed. */
export async function ipJson<T>(namespace: string | undefined, args: readonly string[]): Promise<T> {
  const scope = namespace === undefined ? [] : ["-n", namespace];
  const text = await run("ip", [...scope, "-json", ...args]);
  return (text.trim() === "" ? [] : JSON.parse(text)) as T;
}

/** Names of the namespaces that begin with `prefix`. */
export async function listNamespaces(prefix: string): Promise<string[]> {
  const all = await ipJson<{ name: string }[]>(undefined, ["netns", "list"]);
  return all.map((entry) => entry.name).filter((name) => name.startsWith(prefix));
}
