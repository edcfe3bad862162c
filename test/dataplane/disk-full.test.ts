// Disks that are full: the one of the data directory, with the log on it, and the one of charon's files. Each is a small file system of its
// own. Packets pass meanwhile, and when there is space again everything goes on without anybody's help.
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { findCharon } from "../../src/dataplane/charon/charon-process.ts";
import { instanceOf, type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { labDefaults } from "../../src/lab/lab.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { numberAt, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { addVpnConn, makeConn, makeUserGw, waitForTask } from "../support/scene.ts";
import { watchTraffic } from "../support/traffic-watch.ts";
import { waitFor } from "../support/wait-for.ts";

const siteHost = "10.56.20.10";
const timeoutMs = 30_000;
const noSpace = { code: 6000, codeDesc: "ServiceUnavailable", message: expect.stringContaining("No disk space") };

let dataDir: string;
let names: Names;
let real: RealSite;
let vpnConnId: string;
let silent: string;

const mounted: string[] = [];

function mount(dir: string, size: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "culvert-test", dir]);
  mounted.push(dir);
}

const ballast = (dir: string) => join(dir, "ballast");

/** Not a byte more can be written there. */
function fillUp(dir: string): void {
  const file = openSync(ballast(dir), "a");
  for (const size of [1 << 16, 1 << 12, 1]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
  }
  closeSync(file);
}

const free = (dir: string) => rmSync(ballast(dir));
const pidOfCharon = () => findCharon({ namespace: names.gatewayNamespace(1), dir: names.gatewayDir(1) });
const watch = () => watchTraffic(names.labNamespace("host1"), siteHost, timeoutMs);
const count = async () => numberAt(requireSuccess(await call(real.client, "DescribeVpnConn", {})), "totalCount");

/** A channel to nobody, so that there is nothing but the change itself. */
const addConn = (network: number) =>
  call(real.client, "AddVpnConnEx", { ...real.place, userGwId: silent, "userGwCidrBlock.0": `172.16.${network}.0/24` });

async function untilAvailable(): Promise<void> {
  const isUp = async () => rowOf(await call(real.client, "DescribeVpnConn", { vpnConnId })).netStatus === "available";
  await waitFor(isUp, { what: "the channel to be available", timeoutMs });
}

describeOnMachine("a disk that is full", () => {
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "culvert-test-"));
    names = namesOf(instanceOf(dataDir));
    mount(dataDir, "24m");
    mount(names.runDir, "4m");
    const env = { CULVERT_RECONCILE_PERIOD_SECONDS: "1", CULVERT_QUOTA_VPN_CONNS: "0" };
    real = await makeRealSite(labDefaults.siteNetwork, { env, dataDir });
    const preSharedKey = labDefaults.preSharedKey.reveal();
    const networks = { "userGwCidrBlock.0": labDefaults.siteNetwork };
    vpnConnId = textAt(await makeConn(real.client, real.place, { ...networks, preSharedKey }), "unVpnConnId");
    silent = await makeUserGw(real.client, "198.51.100.200");
    await untilAvailable();
  });
  afterEach(() => {
    for (const dir of mounted) rmSync(ballast(dir), { force: true });
  });
  afterAll(async () => {
    // What is mounted is busy until everybody has gone, and can only then be removed.
    await real?.remove().catch(() => {});
    for (const dir of mounted) {
      execFileSync("umount", [dir]);
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it("takes no change, says so, and keeps all it took; the tunnel carries on", { timeout: 2 * timeoutMs }, async () => {
    const traffic = await watch();
    fillUp(dataDir);
    let accepted = 0;
    let reply = await addConn(accepted);
    // What is left in pages that are the database's already.
    for (; reply.code === 0 && accepted < 200; reply = await addConn(accepted)) accepted += 1;
    expect(reply).toMatchObject(noSpace);
    const together = await Promise.all([201, 202, 203, 204, 205].map(addConn));
    expect(together).toEqual(Array.from({ length: 5 }, () => expect.objectContaining(noSpace)));
    expect(await call(real.client, "DeleteVpnConn", { ...real.place, vpnConnId })).toMatchObject(noSpace);
    expect(await count()).toBe(1 + accepted);
    expect(await traffic.stop()).toSatisfy(({ sent, received }) => sent === received);

    free(dataDir);
    const again = await addConn(206);
    expect(again).toMatchObject({ code: 0 });
    const { taskId } = again.data as { taskId: number };
    expect(await waitForTask(real.client, `${taskId}`)).toMatchObject({ status: 0 });
    await real.restart();
    expect(await count()).toBe(2 + accepted);
    await untilAvailable();
  });

  it("of the data directory keeps no charon from coming back", { timeout: 2 * timeoutMs }, async () => {
    const traffic = await watch();
    fillUp(dataDir);
    process.kill((await pidOfCharon()) ?? 0, "SIGKILL");
    const { longestBreakSeconds } = await traffic.stop(timeoutMs);
    expect(longestBreakSeconds).toBeLessThan(5);
    expect(await addConn(210)).toMatchObject(noSpace);
    free(dataDir);
    await untilAvailable();
    expect(await addConn(210)).toMatchObject({ code: 0 });
  });

  it("of charon's files keeps no tunnel from carrying; what it held up is done afterwards", {
    timeout: 2 * timeoutMs,
  }, async () => {
    const traffic = await watch();
    fillUp(names.runDir);
    // An address in another local network has to be noted down there.
    const spdAcl = JSON.stringify({ "10.0.7.0/24": ["172.17.0.0/24"] });
    const { taskId } = await addVpnConn(real.client, { ...real.place, userGwId: silent }, { spdAcl });
    await waitFor(() => traffic.replies > 100, { what: "traffic", timeoutMs });
    expect(await traffic.stop()).toSatisfy(({ sent, received }) => sent === received);
    free(names.runDir);
    expect(await waitForTask(real.client, taskId)).toMatchObject({ status: 0 });
  });

  it("of charon's files keeps no charon from coming back: its files take the place of those before", {
    timeout: 2 * timeoutMs,
  }, async () => {
    const traffic = await watch();
    const before = await pidOfCharon();
    fillUp(names.runDir);
    process.kill(before ?? 0, "SIGKILL");
    const isBack = async () => ![undefined, before].includes(await pidOfCharon());
    await waitFor(isBack, { what: "a new charon", timeoutMs });
    await traffic.stop(timeoutMs);
    await untilAvailable();
  });
});
