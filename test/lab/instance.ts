// One instance per test file, with names of its own, and what it has left on the machine.
import { randomBytes } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { listNamespaces } from "../../src/dataplane/charon/ip.ts";
import { type Names, namesOf } from "../../src/dataplane/charon/names.ts";

/** Names that nobody else on the machine has. */
export function randomNames(): Names {
  const instance = randomBytes(4).toString("hex");
  return namesOf(instance, `/run/culvert-test-${instance}`);
}

/** Everything on the machine that carries the instance: namespaces, configuration, runtime files, processes. */
export async function listTraces(names: Names): Promise<string[]> {
  const [namespaces, etc, run, processes] = await Promise.all([
    listNamespaces(names.prefix),
    listDir("/etc/netns"),
    listDir(names.runDir),
    listProcesses(names.instance),
  ]);
  const own = etc.filter((name) => name.startsWith(names.prefix)).map((name) => `/etc/netns/${name}`);
  return [...namespaces, ...own, ...run.map((name) => `${names.runDir}/${name}`), ...processes];
}

/** Removes the directory that the test's run root is; the lab makes it and cannot know that it is nobody else's. */
export async function removeRunRoot(names: Names): Promise<void> {
  await rm(`/run/culvert-test-${names.instance}`, { recursive: true, force: true });
}

/** Programs with the instance in their command line or in their environment. */
async function listProcesses(instance: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const files = pids.flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]);
  const lines = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return lines.map((line) => line.replaceAll("\0", " ")).filter((line) => line.includes(instance));
}

async function listDir(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
