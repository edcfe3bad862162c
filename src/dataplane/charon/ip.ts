// Runs the machine's network commands. No shell: arguments are passed as they are. Nothing secret is ever an argument.
import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const commandTimeoutMs = 10_000;

/** Where iproute2 keeps named namespaces: one file each, a mount of the namespace (ip-netns(8)). */
export const namespaceDir = "/run/netns";

/** A command that failed: its last words, for a person. */
export class CommandError extends Error {
  readonly exitCode: number | undefined;
  /** All it wrote on standard error. */
  readonly stderr: string;

  constructor(command: string, exitCode: number | undefined, stderr: string) {
    super(`${command}: ${stderr.trim().split("\n").at(-1) || `exit code ${exitCode}`}`);
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.stderr = stderr;
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

/**
 * Runs many `ip` commands in one process, in the given namespace or in the machine's own. Stops at the first that fails.
 * @throws CommandError that names the command at fault
 */
export async function ipBatch(namespace: string | undefined, commands: readonly string[]): Promise<void> {
  const scope = namespace === undefined ? [] : ["-n", namespace];
  await run("ip", [...scope, "-batch", "-"], `${commands.join("\n")}\n`).catch((error: unknown) => {
    throw error instanceof CommandError ? nameCommand(error, scope, commands) : error;
  });
}

/** `ip -json …` parsed. */
export async function ipJson<T>(namespace: string | undefined, args: readonly string[]): Promise<T> {
  const scope = namespace === undefined ? [] : ["-n", namespace];
  const text = await run("ip", [...scope, "-json", ...args]);
  return (text.trim() === "" ? [] : JSON.parse(text)) as T;
}

/** Several `ip -json -details … show` in one process: one answer each, in order. @throws CommandError */
export async function ipJsonBatch(namespace: string, questions: readonly string[]): Promise<unknown[]> {
  const text = await run("ip", ["-n", namespace, "-json", "-details", "-batch", "-"], `${questions.join("\n")}\n`);
  const answers = text.split("\n").filter((line) => line !== "");
  if (answers.length !== questions.length)
    throw new CommandError(`ip -json ${questions.join("; ")}`, 0, "answers are missing");
  return answers.map((answer) => JSON.parse(answer));
}

/** Names of the namespaces that begin with `prefix`. */
export async function listNamespaces(prefix: string): Promise<string[]> {
  const files = await readdir(namespaceDir).catch(() => []);
  const names = files.filter((name) => name.startsWith(prefix));
  const states = await Promise.all(names.map(findNamespace));
  return names.filter((_, index) => states[index] === "there");
}

/** Whether a namespace is there. `stray`: a crash left its file, and no namespace is mounted on it. */
export async function findNamespace(name: string): Promise<"absent" | "stray" | "there"> {
  try {
    const [entry, dir] = await Promise.all([stat(join(namespaceDir, name)), stat(namespaceDir)]);
    return entry.dev === dir.dev ? "stray" : "there";
  } catch {
    return "absent";
  }
}

/** `ip -batch` says "Command failed -:3" last: puts the third command and the reason before it in its place. */
function nameCommand(error: CommandError, scope: readonly string[], commands: readonly string[]): CommandError {
  const number = /Command failed -:(\d+)/.exec(error.stderr)?.[1];
  if (number === undefined) return error;
  const command = ["ip", ...scope, commands[Number(number) - 1] ?? ""].join(" ");
  return new CommandError(command, error.exitCode, error.stderr.replace(/\n?Command failed -:\d+\s*$/, ""));
}
