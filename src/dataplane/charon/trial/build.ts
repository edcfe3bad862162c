// Which strongSwan it was that passed the trial: the files that its charon had in memory. Any of them that is another by now, or gone,
// makes it another strongSwan.
import { readFile, stat, writeFile } from "node:fs/promises";

/** A file as it was: path, inode, size and time of its last change. */
type Mark = readonly [path: string, inode: number, bytes: number, changedMs: number];

/** The program, its libraries and plugins, OpenSSL's providers: what is mapped as code (proc_pid_maps(5)). */
export async function markBuild(pid: number): Promise<Mark[]> {
  const maps = await readFile(`/proc/${pid}/maps`, "utf8");
  const paths = new Set(maps.split("\n").flatMap((line) => /^\S+ ..x. .* (\/.*)$/.exec(line)?.[1] ?? []));
  return await Promise.all([...paths].sort().map(markOf));
}

async function markOf(path: string): Promise<Mark> {
  const { ino, size, mtimeMs } = await stat(path);
  return [path, ino, size, mtimeMs];
}

/** Notes that this build can do everything. */
export async function writePassed(file: string, build: readonly Mark[]): Promise<void> {
  await writeFile(file, JSON.stringify(build), { mode: 0o600 });
}

/** Whether the build that was noted in the file is what is installed. */
export async function hasPassed(file: string): Promise<boolean> {
  try {
    const build = JSON.parse(await readFile(file, "utf8")) as Mark[];
    const now = await Promise.all(build.map(([path]) => markOf(path)));
    return build.length > 0 && JSON.stringify(now) === JSON.stringify(build);
  } catch {
    return false; // nothing is noted, or a file of it has gone
  }
}
