// The demo as a user runs it: the whole story on real processes, and what it leaves behind (test/support/leftovers.ts looks too).
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";

const demo = fileURLToPath(new URL("../../src/demo/main.ts", import.meta.url));
const runBoundMs = 90_000;

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exitCode: Promise<number | null>;
}

const running: ChildProcess[] = [];

function startDemo(...options: string[]): Run {
  const child = spawn(process.execPath, [demo, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  running.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk));
  return { child, output: () => output, exitCode: once(child, "close").then(([code]) => code) };
}

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGINT");
    await once(child, "close");
  }
});

function lastLine(run: Run): unknown {
  return JSON.parse(run.output().trim().split("\n").at(-1) ?? "");
}

describeOnMachine("the demo on the real data plane", () => {
  test(
    "--once tells the story, measures it, and cleans up",
    async () => {
      const run = startDemo("--once");
      expect(await run.exitCode, run.output()).toBe(0);
      const result = lastLine(run);
      expect(result).toEqual({
        ok: true,
        dataplane: "charon",
        taskStatus: 0,
        vpcConnStatus: 6,
        netStatus: "available",
        ping: { sent: 10, received: 10 },
        wire: { ike: expect.any(Number), esp: expect.any(Number), clear: 0 },
        ms: { apiToTask: expect.any(Number), apiToInstalled: expect.any(Number) },
      });
      const { wire } = result as { wire: { ike: number; esp: number } };
      // Main mode and quick mode are nine messages; ten pings and the warm-up cross both ways.
      expect(wire.ike).toBeGreaterThanOrEqual(9);
      expect(wire.esp).toBeGreaterThanOrEqual(22);
      expect(run.output()).not.toContain("[simulated]");
      const dataDir = /its data is in (\S+)\./.exec(run.output())?.[1] ?? "";
      expect(dataDir).not.toBe("");
      expect(existsSync(dataDir)).toBe(false);
    },
    runBoundMs,
  );

  test(
    "stays up until Ctrl-C, which cleans up",
    async () => {
      const run = startDemo();
      await waitFor(() => run.output().includes("It stays up."), { timeoutMs: 60_000, what: "the story's end" });
      const endpoint = /The API is at (http:\/\/[^/]+)/.exec(run.output())?.[1] ?? "";
      expect((await fetch(new URL("/livez", endpoint))).status).toBe(200);
      run.child.kill("SIGINT");
      expect(await run.exitCode, run.output()).toBe(0);
      await expect(fetch(new URL("/livez", endpoint))).rejects.toThrow();
    },
    runBoundMs,
  );

  test(
    "Ctrl-C in the middle of the story cleans up too",
    async () => {
      const run = startDemo("--once");
      await waitFor(() => run.output().includes("5. The lab"), { timeoutMs: 60_000, what: "the lab" });
      run.child.kill("SIGINT");
      expect(await run.exitCode, run.output()).toBe(1);
      expect(lastLine(run)).toEqual({ ok: false });
      expect(run.output()).toContain("Cleaning up.");
    },
    runBoundMs,
  );
});

describe("the demo on the simulated data plane", () => {
  test("says so on every line and in the result", async () => {
    const run = startDemo("--once", "--simulated");
    expect(await run.exitCode, run.output()).toBe(0);
    expect(lastLine(run)).toEqual({
      ok: true,
      dataplane: "simulated",
      taskStatus: 0,
      vpcConnStatus: 6,
      netStatus: "available",
      ms: { apiToTask: expect.any(Number), apiToInstalled: expect.any(Number) },
    });
    const told = run.output().trim().split("\n").slice(0, -1);
    expect(told.filter((line) => !line.startsWith("[simulated] "))).toEqual([]);
  });

  test("an option that is not known is refused", async () => {
    const run = startDemo("--twice");
    expect(await run.exitCode).toBe(2);
    expect(run.output()).toContain("--twice");
  });
});
