// Takes everything of one instance off the machine, whatever state it is in: for the demo, the tests and an operator who
// starts over.
import { readdir, rm } from "node:fs/promises";
import { removeNamespace } from "./bridges.ts";
import { endCharons, listCharons } from "./instance-charons.ts";
import { namespaceDir } from "./ip.ts";
import type { Names } from "./names.ts";

/**
 * Ends every charon whose configuration lies in the instance's run directory, then removes every namespace with the
 * instance's prefix, and the directory. Fine when nothing is there. @throws Error when a charon cannot be ended, CommandError
 */
export async function removeInstance(names: Names): Promise<void> {
  await endCharons(async () => (await listCharons(names)).map(({ pid }) => pid));
  const files = await readdir(namespaceDir).catch(() => []);
  await Promise.all(files.filter((name) => name.startsWith(names.prefix)).map(removeNamespace));
  await rm(names.runDir, { recursive: true, force: true });
}
