// What there is to know about the machine that figures are read beside.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

export interface MachineFacts {
  readonly cores: number;
  readonly node: string;
  /** File system and device that hold the database: `ext4 on /dev/vda`. */
  readonly disk: string;
}

export function readMachineFacts(dataDir: string): MachineFacts {
  return { cores: availableParallelism(), node: process.version, disk: diskOf(dataDir) };
}

/** From /proc/self/mountinfo (proc_pid_mountinfo(5)): the mount with the longest mount point above the directory; later ones lie on top. */
function diskOf(dir: string): string {
  let best = { point: "", text: "unknown" };
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const point = before.split(" ")[4] ?? "";
    const [type, source] = after.split(" ");
    const holds = point === "/" || dir === point || dir.startsWith(`${point}/`);
    if (holds && point.length >= best.point.length) best = { point, text: `${type} on ${source}` };
  }
  return best.text;
}
