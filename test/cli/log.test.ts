// The log of a process that ends: what was gathered gets out, however the process and its threads end by themselves.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";

const log = new URL("../../src/log.ts", import.meta.url).href;

/** Runs a module that has a log. */
function run(body: string) {
  const script = `import { openLog } from ${JSON.stringify(log)}; const log = openLog("info"); ${body}`;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "ignore"] });
}

/** Runs it to its end. @returns its lines' messages, and its exit code */
async function runToEnd(body: string): Promise<{ messages: string[]; code: number | null }> {
  const child = run(body);
  const texts: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => texts.push(text));
  const [code] = (await once(child, "close")) as [number | null];
  const lines = texts.join("").split("\n").slice(0, -1);
  return { messages: lines.map((line) => JSON.parse(line).msg), code };
}

const all = Array.from({ length: 2_000 }, (_, index) => `line ${index}`);
const writeAll = "for (let n = 0; n < 2000; n += 1) log.info('line ' + n);";

it.each<[string, string, number]>([
  ["has nothing left to do", "", 0],
  ["exits", "process.exit(3);", 3],
  ["breaks", "throw new Error('broken');", 1],
])("is whole when the process %s", async (_what, end, code) => {
  expect(await runToEnd(`${writeAll} ${end}`)).toEqual({ messages: all, code });
});

it("has the lines of a thread that breaks and takes the process with it", async () => {
  const thread = `import { openLog } from ${JSON.stringify(log)}; openLog("info").info("last words"); throw new Error("broken");`;
  const url = `data:text/javascript,${encodeURIComponent(thread)}`;
  const body = `import { Worker } from "node:worker_threads"; new Worker(new URL(${JSON.stringify(url)}));`;
  expect(await runToEnd(body)).toEqual({ messages: ["last words"], code: 1 });
});

it.each(["info", "error"])("has a line of level %s soon, though the process goes on", async (level) => {
  const child = run(`log.${level}("now"); setInterval(() => {}, 1_000);`);
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  child.kill("SIGKILL");
  await once(child, "close");
  expect(JSON.parse(line).msg).toBe("now");
});
