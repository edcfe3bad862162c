// A process that carries out a plan and kills itself (SIGKILL) when it has done as many things to the machine as it was told: commands of
// `ip`, one by one where they go in a batch, files, processes, requests to charon. A file is then half written. Ends with 0 when the plan
// was done before that.
// Arguments: instance, run root, plan, how many things.
import childProcess, { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { PlanName } from "./scenario.ts";

const [instance = "", runRoot = "", plan = "", limit = ""] = process.argv.slice(2);
let left = Number(limit);

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

/** Call before each thing. */
function count(): void {
  left -= 1;
  if (left < 0) die();
}

const { execFile, spawn } = childProcess;
const { writeFile, rename, rm, mkdir } = fs;

/** Of a batch that is too long only the beginning is run. */
function cutBatch({ stdin, ...child }: ChildProcess, exit: Promise<unknown>): void {
  if (stdin === null) throw new TypeError("a batch without standard input", { cause: child });
  const end = stdin.end.bind(stdin);
  stdin.end = ((text: string) => {
    const lines = text.split("\n").filter((line) => line !== "");
    const kept = lines.slice(0, left);
    if (kept.length < lines.length) void exit.then(die);
    left -= kept.length;
    return end(kept.map((line) => `${line}\n`).join(""));
  }) as typeof stdin.end;
}

childProcess.execFile = ((file: string, args: string[], ...rest: never[]) => {
  const isQuestion = args.includes("-json") || args.includes("-e");
  const isBatch = args.includes("-batch");
  if (!isQuestion && !isBatch) count();
  const child = (execFile as (...all: unknown[]) => ChildProcess)(file, args, ...rest);
  if (isBatch && !isQuestion) cutBatch(child, once(child, "exit"));
  return child;
}) as typeof execFile;

childProcess.spawn = ((...args: Parameters<typeof spawn>) => {
  count();
  const child = spawn(...args);
  count();
  return child;
}) as typeof spawn;

fs.writeFile = (async (path: string, text: string, ...rest: never[]) => {
  if (left === 0) writeFileSync(path, text.slice(0, text.length / 2));
  count();
  return writeFile(path, text, ...rest);
}) as typeof writeFile;
for (const [name, own] of Object.entries({ rename, rm, mkdir })) {
  Object.assign(fs, {
    [name]: async (...args: unknown[]) => {
      count();
      return (own as (...all: unknown[]) => Promise<unknown>)(...args);
    },
  });
}
const kill = process.kill.bind(process);
process.kill = (pid, signal) => {
  if (pid !== process.pid) count();
  return kill(pid, signal);
};
syncBuiltinESMExports();

const { ViciSession } = await import("../../../src/vici/session.ts");
const { request } = ViciSession.prototype;
ViciSession.prototype.request = function (command, ...rest) {
  if (!/^(get-|version)/.test(command)) count();
  return request.call(this, command, ...rest);
};
const { CharonDataplane } = await import("../../../src/dataplane/charon/charon-dataplane.ts");
const { namesOf } = await import("../../../src/dataplane/charon/names.ts");
const { carryOut } = await import("./scenario.ts");
const { dpd, publicNetwork } = await import("../specs.ts");
const log = { info: () => {}, warn: () => {} };
const names = namesOf(instance, runRoot);
const dataplane = new CharonDataplane({ names, network: publicNetwork, esp: "userspace", dpd, log });
await carryOut(dataplane, plan as PlanName);
await dataplane.close();
