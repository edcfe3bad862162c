// `culvert backup`: the whole state in one file, beside a running server.
import type { Config } from "../config.ts";
import { backUp } from "../store/backup.ts";

/** @throws StoreError */
export async function backUpCommand(config: Config, file: string): Promise<void> {
  await backUp(config, file);
  process.stderr.write(`culvert: ${file} holds all but the master key; keep that apart from it\n`);
}
