import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { expect, it } from "vitest";

const program = `import { makeLog } from ${JSON.stringify(`${import.meta.dirname}/log.ts`)};
const log = makeLog("info");
for (let line = 0; line < 1000; line += 1) log.info({ line }, "x".repeat(2000));
setImmediate(() => process.stderr.write("alive"));`;
const args = ["--input-type=module", "--eval", program];

it("writes its lines as JSON", () => {
  const lines = execFileSync(process.execPath, args, { encoding: "utf8", maxBuffer: 8 << 20 });
  const last = JSON.parse(lines.trim().split("\n").at(-1) ?? "");
  expect(last).toMatchObject({ level: 30, line: 999 });
});

it("outlives a disk without space", async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, args, { stdio: ["ignore", full, "pipe"] });
  closeSync(full);
  let said = "";
  child.stderr?.on("data", (text) => {
    said += text;
  });
  const [code] = await once(child, "close");
  expect({ code, said }).toEqual({ code: 0, said: "alive" });
});
