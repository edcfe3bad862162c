// Imports point inwards, and the checker that says so does see a wrong arrow.
import { describe, expect, test } from "vitest";
import { findWrongArrows } from "./arrows.ts";
import { readTree } from "./tree.ts";

test("every import in src points the right way", () => {
  expect(findWrongArrows(readTree("src/**/*.ts"))).toEqual([]);
});

describe("the checker sees", () => {
  test.each([
    ["a static import", "src/v2/actions/a.ts", 'import { x } from "../../store/vpcs.ts";'],
    ["an import over several lines", "src/v2/a.ts", 'import {\n  x,\n  y,\n} from "../reconcile/loop.ts";'],
    ["a type import", "src/vici/a.ts", 'import type { X } from "../vpn/id.ts";'],
    ["a re-export", "src/vpn/a.ts", 'export * from "../store/vpcs.ts";'],
    ["a bare import", "src/vpn/a.ts", 'import "../store/vpcs.ts";'],
    ["a dynamic import", "src/tasks/a.ts", 'const x = await import("../reconcile/loop.ts");'],
    ["an imported type in place", "src/tasks/a.ts", 'let x: import("../v2/request.ts").X;'],
    ["a dynamic import of it knows not what", "src/tasks/a.ts", "await import(name);"],
    ["the wrong half of the data plane", "src/reconcile/a.ts", 'import { x } from "../dataplane/charon/ip.ts";'],
    ["main.ts as a library", "src/cli/a.ts", 'import { x } from "../main.ts";'],
    ["code of a test", "src/cli/a.ts", 'import { x } from "../../test/support/machine.ts";'],
    ["a reserved package", "src/operations/a.ts", 'import { sql } from "kysely";'],
    ["a reserved package's inside", "src/operations/a.ts", 'import { x } from "kysely/helpers/sqlite";'],
    ["a socket", "src/dataplane/charon/a.ts", 'import { connect } from "node:net";'],
    ["the environment", "src/http/a.ts", "const port = process.env.PORT;"],
    ["a room that is not in the table", "src/utils/a.ts", ""],
  ])("%s", (_what, path, text) => {
    expect(findWrongArrows([{ path, text }])).toHaveLength(1);
  });

  test("and lets right arrows be", () => {
    const right = [
      {
        path: "src/reconcile/a.ts",
        text: 'import type { X } from "../dataplane/dataplane.ts";\nimport { y } from "./plan.ts";',
      },
      { path: "src/store/a.ts", text: 'import { sql } from "kysely";\nimport { z } from "../errors.ts";' },
      {
        path: "src/dataplane/charon/a.ts",
        text: 'import { a } from "../dataplane.ts";\nimport { b } from "../../vici/session.ts";',
      },
      { path: "src/main.ts", text: 'import { a } from "./dataplane/charon/ip.ts";\nconst e = process.env;' },
      { path: "src/vpn/a.test.ts", text: 'import { x } from "../store/vpcs.ts";' },
    ];
    expect(findWrongArrows(right)).toEqual([]);
  });
});
