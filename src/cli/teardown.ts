// `culvert teardown`: takes every gateway of a data directory off the machine. The rows stay: the next start builds them again.
import type { Config } from "../config.ts";
import { instanceOf, namesOf } from "../dataplane/charon/names.ts";
import { removeInstance } from "../dataplane/charon/remove-instance.ts";
import { labDown } from "../lab/lab.ts";
import { lockDataDir } from "../store/instance-lock.ts";

/** @throws StoreError in-use while a server runs on the data directory: it would build everything again */
export async function teardownCommand(config: Config): Promise<void> {
  const unlock = lockDataDir(config.data);
  try {
    const names = namesOf(instanceOf(config.data));
    await labDown(names);
    await removeInstance(names);
  } finally {
    unlock();
  }
}
