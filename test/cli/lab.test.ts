// `culvert lab` where the settings leave it no public network. Tunnels of the lab are in test/lab.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const program = join(import.meta.dirname, "../../bin/culvert");

test("the lab does not go up beside a public network of the operator's", async () => {
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const env = { ...process.env, CULVERT_NETWORK_PUBLIC: "bridge:br-public" };
    execFile(program, ["lab", "up"], { env }, (error, _stdout, text) => resolve({ code: error?.code, stderr: text }));
  });
  expect(code).toBe(1);
  expect(stderr).toBe(
    "culvert: The lab has a public network of its own; network.public is bridge:br-public and not own.\n",
  );
});
