// `culvert import`: the whole state of one database into another one, with the servers stopped.
import { dirname } from "node:path";
import { ConfigError, isDatabaseUrl, refuseShownPassword } from "../config.ts";
import { copyState } from "../store/copy.ts";
import { lockDataDir } from "../store/instance-lock.ts";
import { openDatabase } from "../store/store.ts";

export interface ImportOptions {
  readonly from: string;
  readonly to: string;
  readonly fromPasswordFile?: string;
  readonly toPasswordFile?: string;
}

/** @throws ConfigError, StoreError */
export async function importCommand(options: ImportOptions): Promise<void> {
  const { from, to } = options;
  for (const [name, url] of Object.entries({ from, to })) {
    refuseShownPassword(url, `${name}PasswordFile`, name);
    if (!isDatabaseUrl(url)) throw new ConfigError(`${name}: sqlite:PATH or postgres://user@host/name is expected`);
  }
  // A server that goes on would write what is not copied.
  const unlocks = [from, to].flatMap((url) => (url.startsWith("sqlite:") ? lockDataDir(dirname(url.slice(7))) : []));
  const source = await openDatabase(from, { databasePasswordFile: options.fromPasswordFile });
  try {
    const target = await openDatabase(to, { databasePasswordFile: options.toPasswordFile });
    try {
      await copyState(source, target, ({ table, rows, copied }) => {
        const before = rows > copied ? `, of which ${rows - copied} were there` : "";
        process.stdout.write(`${table}: ${rows} rows${before}\n`);
      });
    } finally {
      await target.close();
    }
    process.stdout.write("Every row has been read back and is the same. The target needs the same master key.\n");
  } finally {
    await source.close();
    for (const unlock of unlocks) unlock();
  }
}
