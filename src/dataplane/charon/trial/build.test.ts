import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../../../test/support/temp-dir.ts";
import { hasPassed, markBuild, writePassed } from "./build.ts";

let dir: TempDir;
beforeEach(() => {
  dir = makeTempDir();
});
afterEach(() => dir.remove());

it("knows a build by the files that its process has in memory as code", async () => {
  const build = await markBuild(process.pid);
  expect(build.map(([path]) => path)).toContain(process.execPath);
  const file = join(dir.path, "passed.json");
  expect(await hasPassed(file)).toBe(false);
  await writePassed(file, build);
  expect(await hasPassed(file)).toBe(true);
});

it("takes another file, or none, for another build", async () => {
  const file = join(dir.path, "passed.json");
  const [[path, inode, bytes, changedMs] = ["", 0, 0, 0]] = await markBuild(process.pid);
  for (const mark of [
    [path, inode, bytes + 1, changedMs],
    [path, inode, bytes, changedMs - 1],
    [path, inode + 1, bytes, changedMs],
    [`${path}.gone`, inode, bytes, changedMs],
  ] as const) {
    await writePassed(file, [mark]);
    expect(await hasPassed(file), JSON.stringify(mark)).toBe(false);
  }
  for (const text of ["", "[]", "{}", "half of i"]) {
    writeFileSync(file, text);
    expect(await hasPassed(file), text).toBe(false);
  }
});
