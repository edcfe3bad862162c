// Two kinds of tests. unit: in parallel, anywhere. machine: real namespaces and charon, as root, one file after another and after
// the unit tests; nothing may be left on the machine (test/support/leftovers.ts).
import { defineConfig } from "vitest/config";

/** Counts every lost packet for two minutes: only where nothing else runs, by `npm run test:renewals`. */
const quiet = ["test/dataplane/rekey.test.ts"];
const machine = ["dataplane", "vici", "lab", "demo", "cluster"].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Vitest's own choice on two cores is one.
    maxWorkers: "100%",
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: machine,
          globalSetup: ["test/api-coverage/setup.ts", "test/support/postgres-cluster.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "machine",
          include: machine,
          exclude: process.env.RENEWALS === undefined ? quiet : [],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          globalSetup: "test/support/leftovers.ts",
        },
      },
    ],
  },
});
