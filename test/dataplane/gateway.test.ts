// One gateway on the machine: what is made, in which order, and that every half and every damage is repaired.
import { spawn } from "node:child_process";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layCable, makeNamespace } from "../../src/dataplane/charon/bridges.ts";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { findCharon } from "../../src/dataplane/charon/charon-process.ts";
import { inspectNetwork, makeNetwork, removeNetwork } from "../../src/dataplane/charon/gateway-network.ts";
import { ipBatch, ipJson, run } from "../../src/dataplane/charon/ip.ts";
import type { Step } from "../../src/dataplane/dataplane.ts";
import { ViciSession } from "../../src/vici/session.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, listTraces, makeCharonDataplane, makeNames, makeSteps, removeSteps } from "./instance.ts";
import { connectionBetween, gatewayNumber, publicNetwork } from "./specs.ts";

const names = makeNames();
const gateway = gatewayNumber(1);
const namespace = names.gatewayNamespace(gateway.id);
const place = { namespace, dir: names.gatewayDir(gateway.id) };
const probe = `${names.prefix}probe`;
const make: Step = { kind: "make-network" };

/** A host on the public network, 198.51.100.200. */
async function makeProbe(): Promise<void> {
  await makeNamespace(probe);
  const { publicNamespace: bridgeNamespace, bridge } = names;
  await layCable({ bridgeNamespace, bridge, port: "probe", namespace: probe, link: "eth0" });
  await ipBatch(probe, ["address replace 198.51.100.200/24 dev eth0", "link set eth0 up"]);
}

async function listPriorities(): Promise<number[]> {
  return (await ipJson<{ priority: number }[]>(namespace, ["rule", "show"])).map((rule) => rule.priority);
}

describeOnMachine("a gateway on the machine", () => {
  let dataplane: CharonDataplane;

  beforeAll(async () => {
    dataplane = makeCharonDataplane(names);
    await dataplane.start();
    await makeProbe();
  });
  afterAll(async () => {
    await dataplane.close();
    await cleanUp(names);
  });

  describe("that is made", () => {
    beforeAll(() => applyAll(dataplane, gateway, makeSteps));
    afterAll(() => applyAll(dataplane, gateway, removeSteps));

    it("answers on the public network", async () => {
      const answers = await run("ip", ["netns", "exec", probe, "ping", "-c1", "-W2", gateway.publicAddress]);
      expect(answers).toContain("1 received");
    });

    it("answers nobody there for its address in the VPC", async () => {
      const arp = ["netns", "exec", probe, "ping", "-c1", "-W1", "-I", "eth0", gateway.vpcAddress];
      await ipBatch(probe, [`route add ${gateway.vpcCidr} dev eth0`]);
      await expect(run("ip", arp)).rejects.toThrow();
      const [entry] = await ipJson<{ lladdr?: string }[]>(probe, ["neigh", "show", gateway.vpcAddress]);
      expect(entry?.lladdr).toBeUndefined();
      await ipBatch(probe, [`route del ${gateway.vpcCidr} dev eth0`]);
    });

    it("has a charon that answers on VICI", async () => {
      const session = await ViciSession.connect(names.viciSocket(gateway.id));
      expect(await session.request("version")).toMatchObject({ daemon: "charon-systemd" });
      session.close();
    });

    it("keeps its files to itself", async () => {
      for (const dir of [names.runDir, place.dir]) expect((await stat(dir)).mode & 0o777).toBe(0o700);
      const conf = await readFile(join(place.dir, "strongswan.conf"), "utf8");
      expect(conf).toContain("kernel-libipsec");
    });

    it("has no IPv6 and three guards around charon's own rule", async () => {
      const links = await ipJson<{ addr_info: { family: string }[] }[]>(namespace, ["address", "show"]);
      expect(links.flatMap((link) => link.addr_info).filter((address) => address.family !== "inet")).toEqual([]);
      expect(await listPriorities()).toEqual([0, 210, 215, 220, 230, 32766, 32767]);
    });

    it("keeps its charon, its rules and its addresses when every step is repeated", async () => {
      const before = [await findCharon(place), await listPriorities(), await ipJson(namespace, ["address", "show"])];
      await applyAll(dataplane, gateway, [...makeSteps, ...makeSteps]);
      const after = [await findCharon(place), await listPriorities(), await ipJson(namespace, ["address", "show"])];
      expect(after).toEqual(before);
    });

    it("has its log trimmed, and charon goes on writing", async () => {
      const log = join(place.dir, "charon.log");
      await writeFile(log, "x\n".repeat(1_100_000), { flag: "a" });
      await dataplane.observe(gateway.id, true);
      expect((await stat(log)).size).toBeLessThan(10_000);
      expect((await stat(`${log}.1`)).size).toBeGreaterThan(2 << 20);
      const connection = connectionBetween(gateway, gatewayNumber(2), { name: "vpnx-log" });
      await dataplane.apply(gateway, { kind: "load-connection", connection, fingerprint: "" });
      expect(await readFile(log, "utf8")).toContain("added vici connection: vpnx-log");
    });

    it("gets a log again when a crash came between renaming the old one and opening it", async () => {
      const log = join(place.dir, "charon.log");
      await rename(log, `${log}.1`);
      await dataplane.observe(gateway.id, true);
      expect((await stat(log)).size).toBeLessThan(10_000);
    });
  });

  it("has its guards before a link is up", async () => {
    await makeNamespace(namespace);
    const monitor = spawn("ip", ["-n", namespace, "-o", "monitor", "link", "rule"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    monitor.stdout.on("data", (chunk) => {
      text += chunk;
    });
    // It is listening once it reports a change of ours.
    await waitFor(
      async () => {
        await run("ip", ["-n", namespace, "link", "set", "lo", "down"]);
        await run("ip", ["-n", namespace, "link", "set", "lo", "up"]);
        return text.includes("lo:");
      },
      { what: "the monitor" },
    );
    await dataplane.apply(gateway, make);
    const isUp = (link: string) => new RegExp(`${link}@?\\w*: <[^>]*\\bUP\\b`);
    await waitFor(() => isUp("wan0").test(text) && isUp("lan0").test(text), { what: "both links up" });
    monitor.kill();
    const lines = text.split("\n");
    const firstUp = lines.findIndex((line) => isUp("(wan|lan)0").test(line));
    const guards = lines.slice(0, firstUp).filter((line) => /^2(10|15|30):/.test(line));
    expect(guards).toHaveLength(3);
    await applyAll(dataplane, gateway, removeSteps);
  });

  it("is whole after a start that was cut off after any one of its commands", async () => {
    const commands = await listCommands();
    expect(commands.length).toBeGreaterThan(15);
    for (let done = 1; done < commands.length; done += 1) {
      for (const command of commands.slice(0, done)) await ipBatch(undefined, [command]);
      await makeNetwork(names, publicNetwork, gateway);
      const seen = await inspectNetwork(names, publicNetwork, gateway.id);
      expect(seen, `after ${done}: ${commands[done - 1]}`).toMatchObject({ isWhole: true });
      await removeNetwork(names, gateway);
    }
  });

  /** What making a gateway runs, each as one command of the machine's own namespace. */
  async function listCommands(): Promise<string[]> {
    const vpc = names.vpcNamespace(gateway.vpcId);
    const cable = (wire: string, link: string) =>
      `netns exec ${wire} ip link add gw1 master br0 up type veth peer name ${link} netns ${namespace}`;
    const inside = [
      "rule add priority 210 from all iif wan0 blackhole",
      "rule add priority 215 from all to 10.1.0.0/16 lookup main",
      "rule add priority 230 from all iif lan0 blackhole",
      "address replace 10.1.0.0/32 dev lo",
      "address replace 10.1.0.1/16 dev lan0",
      "link set lan0 up",
      "address replace 198.51.100.1/24 dev wan0",
      "link set wan0 up",
      "route replace default dev wan0",
    ].map((command) => `netns exec ${namespace} ip ${command}`);
    return [
      `netns add ${namespace}`,
      `netns exec ${namespace} sysctl -qw net.ipv4.ip_forward=1`,
      `netns exec ${namespace} ip link set lo up`,
      `netns add ${vpc}`,
      `netns exec ${vpc} ip link add br0 type bridge`,
      `netns exec ${vpc} ip link set br0 up`,
      cable(names.publicNamespace, "wan0"),
      cable(vpc, "lan0"),
      ...inside,
    ];
  }

  describe("that is damaged", () => {
    beforeAll(() =>
      applyAll(dataplane, gateway, [...makeSteps, { kind: "add-local-network", network: "10.1.5.0/24" }]),
    );
    afterAll(() => applyAll(dataplane, gateway, removeSteps));

    const within = (command: string) => () => ipBatch(namespace, [command]);
    const damages: Record<string, () => Promise<unknown>> = {
      "without its public address": within("address del 198.51.100.1/24 dev wan0"),
      "without its address in the VPC": within("address del 10.1.0.1/16 dev lan0"),
      "without the VPC's network address": within("address del 10.1.0.0/32 dev lo"),
      "with a foreign address": within("address add 198.51.100.99/24 dev wan0"),
      "without the guard against the public side": within("rule del priority 210"),
      "without the rule to the VPC": within("rule del priority 215"),
      "without the guard against leaks": within("rule del priority 230"),
      "with a rule to another VPC": within("rule add priority 215 to 10.77.0.0/16 lookup main"),
      "without a default route": within("route del default"),
      "without the VPC's route": within("route del 10.1.0.0/16 dev lan0"),
      "with its public link down": within("link set wan0 down"),
      "with lan0 down": within("link set lan0 down"),
      "without its public link": within("link del wan0"),
      "without its public port": () => ipBatch(names.publicNamespace, ["link del gw1"]),
      "with its port off the bridge": () => ipBatch(names.publicNamespace, ["link set gw1 nomaster"]),
      "with its port down": () => ipBatch(names.vpcNamespace(gateway.vpcId), ["link set gw1 down"]),
      "with its VPC's bridge down": () => ipBatch(names.vpcNamespace(gateway.vpcId), ["link set br0 down"]),
      "without its VPC's wire": () => run("ip", ["netns", "del", names.vpcNamespace(gateway.vpcId)]),
      "that forwards no more": () => run("ip", ["netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.ip_forward=0"]),
      "with IPv6": () => run("ip", ["netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0"]),
      "without its record": () => rm(join(place.dir, "gateway.json")),
    };

    it.each(Object.keys(damages))("%s is seen and repaired", async (damage) => {
      await damages[damage]?.();
      await waitFor(async () => !(await dataplane.observe(gateway.id, true)).hasNetwork, { what: "the damage" });
      await dataplane.apply(gateway, make);
      expect(await dataplane.observe(gateway.id, true)).toMatchObject({ hasNetwork: true, isRunning: true });
    });

    it("without an address in a local network is seen and repaired", async () => {
      await dataplane.apply(gateway, { kind: "add-local-network", network: "10.1.5.0/24" });
      await ipBatch(namespace, ["address del 10.1.5.0/32 dev lo"]);
      expect(await dataplane.observe(gateway.id, true)).toMatchObject({ hasNetwork: false, localNetworks: [] });
      await dataplane.apply(gateway, make);
      const mended = { hasNetwork: true, localNetworks: ["10.1.5.0/24"] };
      expect(await dataplane.observe(gateway.id, true)).toMatchObject(mended);
    });

    it("whose namespace is gone gets a new one, and a new charon in it", async () => {
      const old = await findCharon(place);
      await run("ip", ["netns", "del", namespace]);
      expect(await dataplane.observe(gateway.id, true)).toMatchObject({ hasNetwork: false, isRunning: false });
      await applyAll(dataplane, gateway, makeSteps);
      expect(await dataplane.observe(gateway.id, true)).toMatchObject({ hasNetwork: true, isRunning: true });
      expect(await findCharon(place)).not.toBe(old);
      await expect(stat(`/proc/${old}/exe`)).rejects.toThrow();
    });
  });

  it("can be made at the same time as others", async () => {
    const gateways = [11, 12, 13, 14].map((n) => ({ ...gatewayNumber(n), vpcId: n % 2 === 0 ? 50 : n }));
    await Promise.all(gateways.map((each) => applyAll(dataplane, each, makeSteps)));
    for (const each of gateways) {
      expect(await dataplane.observe(each.id, true)).toMatchObject({ hasNetwork: true, isRunning: true });
    }
    expect(await dataplane.listGatewayIds()).toEqual([11, 12, 13, 14]);
    await Promise.all(gateways.map((each) => applyAll(dataplane, each, removeSteps)));
    expect(listTraces(names).filter((trace) => !/probe|public/.test(trace) && trace !== names.instance)).toEqual([]);
  });

  it("is removed with its last wire, though nothing is known of it any more", async () => {
    await applyAll(dataplane, gateway, makeSteps);
    await rm(join(place.dir, "gateway.json"));
    const orphan = { ...gateway, vpcId: 0, vpcUid: "", vpcCidr: "", vpcAddress: "", publicAddress: "" };
    await applyAll(dataplane, orphan, removeSteps);
    expect(listTraces(names).filter((trace) => !/probe|public/.test(trace) && trace !== names.instance)).toEqual([]);
  });

  it("says in one sentence why charon does not start", async () => {
    const failure = dataplane.apply(gateway, { kind: "start-charon" });
    await expect(failure).rejects.toThrow(/^charon did not start in \S+: Cannot open network namespace .*$/);
    await expect(failure).rejects.toMatchObject({ name: "DataplaneError", kind: "gateway" });
    await applyAll(dataplane, gateway, removeSteps);
  });
});
