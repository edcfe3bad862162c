// What belongs to nothing when a server starts: it goes, in whatever state it was left. What is somebody else's stays.
import { mkdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { layCable, makeBridge, makeNamespace, removeNamespace } from "../../src/dataplane/charon/bridges.ts";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { type CharonPlace, findCharon, startCharon, stopCharon } from "../../src/dataplane/charon/charon-process.ts";
import { listCharons } from "../../src/dataplane/charon/instance-charons.ts";
import { ipJson, run } from "../../src/dataplane/charon/ip.ts";
import type { GatewaySpec } from "../../src/dataplane/dataplane.ts";
import { DirectHost } from "../../src/host/direct-host.ts";
import { makeSqlite, type TestDatabase } from "../store/databases.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, listTraces, makeCharonDataplane, makeNames, makeSteps } from "./instance.ts";
import { gatewayNumber } from "./specs.ts";

const names = makeNames();
const others = makeNames();
const foreign = gatewayNumber(1);
const placeOf = ({ id }: GatewaySpec): CharonPlace => ({
  namespace: names.gatewayNamespace(id),
  dir: names.gatewayDir(id),
});
/** The lab's gateway has its files among the instance's, and so has nothing to do with the server. */
const lab: CharonPlace = { namespace: names.labNamespace("remote"), dir: names.labDir };
/** Of the machine's own, with a namespace whose name begins as ours do. */
const own: CharonPlace = { namespace: `${names.prefix.slice(0, -1)}x`, dir: `/run/culvert-test-${names.instance}-own` };

let database: TestDatabase;
let dataplane: CharonDataplane;
let otherDataplane: CharonDataplane;
let loops: DirectHost;
const kept: (number | undefined)[] = [];

const pidsKept = async () => [
  await findCharon(lab),
  await findCharon(own),
  await findCharon({ namespace: others.gatewayNamespace(foreign.id), dir: others.gatewayDir(foreign.id) }),
];

describeOnMachine("at the start of a server", () => {
  beforeAll(async () => {
    database = await makeSqlite();
    dataplane = makeCharonDataplane(names);
    otherDataplane = makeCharonDataplane(others);
    await dataplane.start();
    await otherDataplane.start();
    await applyAll(otherDataplane, foreign, makeSteps);
    for (const place of [lab, own]) {
      await makeNamespace(place.namespace);
      await startCharon(place);
    }
    const { publicNamespace: bridgeNamespace, bridge } = names;
    await layCable({ bridgeNamespace, bridge, port: "lab-remote", namespace: lab.namespace, link: "wan0" });
    kept.push(...(await pidsKept()));
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const fixed = { store: database.store, clock: Date.now, log, keepTrafficMs: 86_400_000, periodMs: 5_000 };
    loops = new DirectHost({ ...fixed, dataplane });
  });
  afterAll(async () => {
    await loops.stop();
    await otherDataplane.close();
    for (const place of [lab, own]) {
      await stopCharon(place);
      await removeNamespace(place.namespace);
    }
    rmSync(own.dir, { recursive: true, force: true });
    await cleanUp(names);
    await cleanUp(others);
    await database.remove();
  });

  it("goes what belongs to nothing, and stays what is somebody else's", async () => {
    const [whole, unrecorded, lost, dead] = [5, 6, 7, 8].map(gatewayNumber) as [
      GatewaySpec,
      GatewaySpec,
      GatewaySpec,
      GatewaySpec,
    ];
    for (const gateway of [whole, unrecorded, lost, dead]) await applyAll(dataplane, gateway, makeSteps);
    await dataplane.close();
    // Somebody has emptied its part of the run directory.
    rmSync(placeOf(unrecorded).dir, { recursive: true });
    // And here deleted the namespace too, by its name: nothing is left but a process in a namespace without one.
    rmSync(placeOf(lost).dir, { recursive: true });
    await run("ip", ["netns", "del", placeOf(lost).namespace]);
    process.kill((await findCharon(placeOf(dead))) ?? 0, "SIGKILL");
    mkdirSync(names.gatewayDir(9), { mode: 0o700 });
    await makeBridge(names.vpcNamespace(99), names.bridge);
    expect((await listCharons(names)).length).toBe(4); // three of gateways, and the lab's
    expect(
      (await ipJson<{ ifname: string }[]>(placeOf(whole).namespace, ["link"])).map((link) => link.ifname),
    ).toContain("ipsec0");

    await loops.start();
    const left = () => listTraces(names).filter((trace) => !/^\d+$/.test(trace));
    const wanted = [names.publicNamespace, lab.namespace, names.instance].sort();
    await waitFor(() => JSON.stringify(left().sort()) === JSON.stringify(wanted), {
      what: `all of it to go: ${left()}`,
    }).catch(() => {});
    expect(left().sort()).toEqual(wanted);
    expect(await listCharons(names)).toEqual([{ pid: kept[0], dir: lab.dir }]);
    expect(await pidsKept()).toEqual(kept);
    const ports = await ipJson<{ ifname: string }[]>(names.publicNamespace, ["link"]);
    expect(ports.map(({ ifname }) => ifname).sort()).toEqual(["br0", "lab-remote", "lo"]);
  });
});
