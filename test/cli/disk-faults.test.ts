// Disks that are full, read-only or somebody else's, when a server starts on them and while it runs: it says so, loses nothing that it has
// acknowledged, and goes on when it can.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import { culvert, environment, runCulvert } from "../support/command.ts";
import { probe, untilReady, untilUnready } from "../support/probe.ts";
import { requireSuccess } from "../support/reply.ts";
import { nextNumber } from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";
import { FailingDisk, failingDiskReason, SmallDisk, smallDiskReason } from "../support/small-disk.ts";

const timeout = 60_000;
const unavailable = { code: 6000, codeDesc: "ServiceUnavailable" };

for (const reason of new Set([smallDiskReason, failingDiskReason])) {
  if (reason !== undefined) process.stderr.write(`Tests of disks that fail are skipped: ${reason}.\n`);
}

const removals: (() => unknown)[] = [];
afterEach(async () => {
  for (const remove of removals.splice(0).reverse()) await remove();
});

function makeDisk(size: string): SmallDisk {
  const disk = new SmallDisk(size);
  removals.push(() => disk.remove());
  return disk;
}

async function start(data: string): Promise<ServerProcess> {
  const server = await ServerProcess.start({ CULVERT_QUOTA_VPCS: "0", CULVERT_LOG_LEVEL: "error" }, ["--data", data]);
  removals.push(() => server.stop());
  return server;
}

const newVpc = () => ({ vpcName: `vpc ${nextNumber()}`, cidrBlock: "10.0.0.0/16" });
const count = async (client: Client) => (await call(client, "DescribeVpcEx", {})).totalCount;

const serveOn = (data: string) => ["serve", "--dataplane", "simulated", "--listen", "127.0.0.1:0", "--data", data];

/** It must end at once, with one sentence. */
async function expectNoStart(data: string, sentence: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runCulvert(serveOn(data));
  expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(sentence) });
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
}

describe.skipIf(smallDiskReason !== undefined)("a server does not start, and says why,", { timeout }, () => {
  /** How far a first start comes depends on the space: to the lock, the certificate, the key, the database, its log, its tables, its rows. */
  it.each(["4k", "8k", "12k", "16k", "24k", "64k", "200k"])(
    "on a disk with %s, in a directory that is new",
    async (size) => {
      const disk = makeDisk(size);
      if (size === "4k") disk.fillUp();
      await expectNoStart(disk.path, /^culvert: .*\bno space\b.*\n$/);
    },
  );

  it("on a disk that is full or read-only; with space again it has what it had", async () => {
    const disk = makeDisk("8m");
    const first = await start(disk.path);
    requireSuccess(await call(first.clientOf(disk.path), "CreateVpc", newVpc()));
    await first.kill("SIGTERM");
    disk.fillUp();
    await expectNoStart(disk.path, /^culvert: the data directory \S+ cannot be locked: there is no space\n$/);
    disk.free();
    disk.setWritable(false);
    await expectNoStart(disk.path, /^culvert: the d\S+ \S+ cannot be (locked|opened): .*read-only.*\n$/);
    await expectNoStart(join(disk.path, "new"), /^culvert: the data directory \S+ cannot be made: \w+\n$/);
    disk.setWritable(true);
    await first.restart();
    expect(await count(first.clientOf(disk.path))).toBe(1);
  });

  it("in a directory that belongs to somebody else", async () => {
    const disk = makeDisk("8m");
    chmodSync(disk.path, 0o755);
    const theirs = join(disk.path, "theirs");
    mkdirSync(theirs, { mode: 0o755 });
    const nobody = {
      uid: 65_534,
      gid: 65_534,
      env: environment({ NODE_COMPILE_CACHE: "" }),
      encoding: "utf8",
    } as const;
    const { status, stderr } = spawnSync(culvert, serveOn(theirs), nobody);
    const sentence = /^culvert: the data directory \S+ cannot be locked: .*not this user's\n$/;
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(sentence) });
  });

  it("with another master key", async () => {
    const disk = makeDisk("8m");
    await (await start(disk.path)).kill("SIGTERM");
    const own = readFileSync(join(disk.path, "master.key"));
    writeFileSync(join(disk.path, "master.key"), `${Buffer.alloc(32, 7).toString("base64")}\n`);
    await expectNoStart(disk.path, /^culvert: a secret was sealed with key \w+, but the master key is \w+\n$/);
    writeFileSync(join(disk.path, "master.key"), own);
  });
});

describe.skipIf(smallDiskReason !== undefined)("a server that runs", { timeout }, () => {
  it("is not ready on a disk without space, and is again when there is some", async () => {
    const disk = makeDisk("8m");
    const server = await start(disk.path);
    const client = server.clientOf(disk.path);
    expect(await probe(server.endpoint)).toMatchObject({ ok: true });
    disk.fillUp();
    let accepted = 0;
    while ((await call(client, "CreateVpc", newVpc())).code === 0) accepted += 1;
    expect(await untilUnready(server.endpoint)).toEqual({
      writes: "The database takes no changes. There is no space.",
    });
    expect(await count(client)).toBe(accepted);
    disk.free();
    await untilReady(server.endpoint);
    requireSuccess(await call(client, "CreateVpc", newVpc()));
    await server.kill("SIGKILL");
    await server.restart();
    expect(await count(server.clientOf(disk.path))).toBe(accepted + 1);
  });

  it.skipIf(failingDiskReason !== undefined)(
    "takes no change on a disk that has turned read-only, and has lost none after it",
    async () => {
      const disk = new FailingDisk();
      removals.push(() => disk.remove());
      const server = await start(disk.path);
      const client = server.clientOf(disk.path);
      for (let number = 0; number < 5; number += 1) requireSuccess(await call(client, "CreateVpc", newVpc()));
      disk.fail();
      for (let number = 0; number < 3; number += 1) {
        expect(await call(client, "CreateVpc", newVpc())).toMatchObject(unavailable);
      }
      expect(await call(client, "DescribeVpcEx", {})).toMatchObject({ code: 0, totalCount: 5 });
      expect(await untilUnready(server.endpoint)).toEqual({ writes: "The database takes no changes." });
      await server.kill("SIGKILL");
      disk.unmount();
      disk.mount();
      await server.restart();
      expect(await count(server.clientOf(disk.path))).toBe(5);
      requireSuccess(await call(server.clientOf(disk.path), "CreateVpc", newVpc()));
    },
  );
});
