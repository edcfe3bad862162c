// charon outlives the server, and the server outlives charon.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { findCharon, startCharon, stopCharon } from "../../src/dataplane/charon/charon-process.ts";
import { namespaceDir } from "../../src/dataplane/charon/ip.ts";
import type { Step } from "../../src/dataplane/dataplane.ts";
import { ViciSession } from "../../src/vici/session.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, makeCharonDataplane, makeNames, makeSteps, removeSteps } from "./instance.ts";
import { connectionBetween, gatewayNumber } from "./specs.ts";

const names = makeNames();
const gateway = gatewayNumber(1);
const place = { namespace: names.gatewayNamespace(gateway.id), dir: names.gatewayDir(gateway.id) };
const connection = connectionBetween(gateway, gatewayNumber(2));
const load: Step[] = [
  { kind: "load-secret", connection, fingerprint: "s1" },
  { kind: "load-connection", connection, fingerprint: "c1" },
];

async function pidOfCharon(): Promise<number> {
  return await waitFor(() => findCharon(place), { what: "charon" });
}

describeOnMachine("the life of a charon", () => {
  let dataplane: CharonDataplane;

  beforeEach(async () => {
    dataplane = makeCharonDataplane(names);
    await dataplane.start();
    await applyAll(dataplane, gateway, [...makeSteps, ...load]);
  });
  afterEach(async () => {
    await applyAll(dataplane, gateway, removeSteps);
    await dataplane.close();
  });
  afterAll(() => cleanUp(names));

  it("goes on under a second server, which lists what it has not loaded itself", async () => {
    const pid = await pidOfCharon();
    await dataplane.close();
    const second = makeCharonDataplane(names);
    await second.start();
    expect(await second.listGatewayIds()).toEqual([gateway.id]);
    const adopted = await second.observe(gateway.id, false);
    expect(adopted).toMatchObject({ hasNetwork: true, isRunning: true });
    expect(adopted.connections).toEqual(new Map([[connection.name, ""]]));
    expect(adopted.secrets).toEqual(new Map([[connection.name, ""]]));
    await applyAll(second, gateway, [...makeSteps, ...load]);
    expect((await second.observe(gateway.id, true)).connections).toEqual(new Map([[connection.name, "c1"]]));
    expect(await pidOfCharon()).toBe(pid);
    await second.close();
  });

  it("outlives a server that is killed", async () => {
    await applyAll(dataplane, gateway, [{ kind: "stop-charon" }]);
    const code = `import { startCharon } from "${import.meta.dirname}/../../src/dataplane/charon/charon-process.ts";
      console.log(await startCharon(${JSON.stringify(place)})); setInterval(() => {}, 1000);`;
    const server = spawn(process.execPath, ["--input-type=module", "--eval", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(server.stdout, "data");
    server.kill("SIGKILL");
    await once(server, "exit");
    expect(await pidOfCharon()).toBe(Number(String(line)));
    expect(await dataplane.observe(gateway.id, false)).toMatchObject({ isRunning: true });
  });

  it("ends by a kill -9, which is noticed at once, and begins anew with everything loaded again", async () => {
    const changes: number[] = [];
    dataplane.onChange((gatewayId) => changes.push(gatewayId));
    const pid = await pidOfCharon();
    process.kill(pid, "SIGKILL");
    await waitFor(() => changes.includes(gateway.id), { what: "a call for the gateway", timeoutMs: 1_000 });
    expect(await dataplane.observe(gateway.id, false)).toMatchObject({
      hasNetwork: true,
      isRunning: false,
      connections: new Map(),
      secrets: new Map(),
    });
    await expect(applyAll(dataplane, gateway, load)).rejects.toMatchObject({ kind: "gateway" });
    await applyAll(dataplane, gateway, [{ kind: "start-charon" }]);
    expect((await dataplane.observe(gateway.id, false)).connections.size).toBe(0);
    await applyAll(dataplane, gateway, load);
    expect((await dataplane.observe(gateway.id, true)).secrets).toEqual(new Map([[connection.name, "s1"]]));
    expect(await pidOfCharon()).not.toBe(pid);
  });

  it("is not called up by the server's own stop", async () => {
    const changes: number[] = [];
    dataplane.onChange((gatewayId) => changes.push(gatewayId));
    await dataplane.apply(gateway, { kind: "stop-charon" });
    expect(await dataplane.observe(gateway.id, true)).toMatchObject({ isRunning: false });
    expect(changes).toEqual([]);
  });

  it("is not believed to be a process that only has its number", async () => {
    await stopCharon(place);
    const bystander = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
    await writeFile(join(place.dir, "charon.pid"), `${bystander.pid}\n`);
    expect(await findCharon(place)).toBeUndefined();
    await stopCharon(place);
    expect(bystander.exitCode).toBeNull();
    await startCharon(place);
    expect(bystander.exitCode).toBeNull();
    bystander.kill();
    await once(bystander, "exit");
  });

  it("is believed in its own namespace only", async () => {
    expect(await findCharon({ ...place, namespace: names.publicNamespace })).toBeUndefined();
    expect(await pidOfCharon()).toBeGreaterThan(1);
  });

  it("is replaced when it stands still", async () => {
    const pid = await pidOfCharon();
    process.kill(pid, "SIGSTOP");
    await dataplane.close();
    const started = dataplane.apply(gateway, { kind: "start-charon" });
    await started;
    expect(await pidOfCharon()).not.toBe(pid);
  });

  it("lists what somebody else has loaded, and forgets what somebody else has unloaded, on a thorough look", async () => {
    const session = await ViciSession.connect(names.viciSocket(gateway.id));
    await session.request("load-shared", { id: "stray", type: "IKE", data: "x" });
    await session.request("unload-conn", { name: connection.name });
    session.close();
    const actual = await dataplane.observe(gateway.id, true);
    expect(actual.secrets).toEqual(
      new Map([
        [connection.name, "s1"],
        ["stray", ""],
      ]),
    );
    expect(actual.connections.size).toBe(0);
  });

  it("blames a connection that charon does not take", async () => {
    const bad = connectionBetween(gateway, gatewayNumber(2), { ike: { lifetimeSeconds: 0.5 } });
    const failure = dataplane.apply(gateway, { kind: "load-connection", connection: bad, fingerprint: "" });
    await expect(failure).rejects.toMatchObject({ name: "DataplaneError", kind: "connection" });
  });

  it("keeps the log of the charon before it", async () => {
    await stopCharon(place);
    await startCharon(place);
    expect(await readFile(join(place.dir, "charon.log.1"), "utf8")).toContain("SIGTERM received, shutting down");
  });

  it("begins although a crash has left the file of a namespace that was never made", async () => {
    const other = gatewayNumber(3);
    await mkdir(namespaceDir, { recursive: true });
    await writeFile(join(namespaceDir, names.gatewayNamespace(other.id)), "", { flag: "wx" });
    expect(await dataplane.listGatewayIds()).toEqual([gateway.id]);
    await applyAll(dataplane, other, makeSteps);
    expect(await dataplane.observe(other.id, true)).toMatchObject({ hasNetwork: true, isRunning: true });
    await applyAll(dataplane, other, removeSteps);
  });
});
