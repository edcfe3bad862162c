// The lockfile installs on every machine: any npm, any Node it runs on, any registry (scripts/tidy-lockfile.ts says why each).
import { expect, test } from "vitest";
import { tidyPackages } from "../../scripts/tidy-lockfile.ts";
import { readTree } from "./tree.ts";

test("package-lock.json is tidy; if not: npm run tidy-lockfile", () => {
  const [lockfile] = readTree("package-lock.json");
  expect(tidyPackages(JSON.parse(lockfile?.text ?? "").packages).changes).toEqual([]);
});

test("what ties a lockfile to one machine is put right", () => {
  const untidy = {
    "": { optionalDependencies: { c: "3.0.0" } },
    "node_modules/b": { version: "2.0.0", dev: true, optionalDependencies: { "@b/linux-x64-musl": "2.0.0" } },
    "node_modules/a": { version: "1.0.0", resolved: "https://packages.example/a.tgz", engines: { node: ">=22" } },
    "node_modules/c": { version: "3.0.0", optional: true, engines: { node: ">=22" } },
  };
  const { tidy, changes } = tidyPackages(untidy);
  expect(changes).toHaveLength(3);
  expect(Object.entries(tidy)).toEqual([
    ["", untidy[""]],
    [
      "node_modules/@b/linux-x64-musl",
      { version: "2.0.0", cpu: ["x64"], dev: true, libc: ["musl"], optional: true, os: ["linux"] },
    ],
    ["node_modules/a", { version: "1.0.0", engines: { node: ">=22" } }],
    ["node_modules/b", untidy["node_modules/b"]],
    ["node_modules/c", { version: "3.0.0", optional: true }],
  ]);
  expect(tidyPackages(tidy).changes).toEqual([]);
});
