// The lab on a real machine: it comes, comes again, grows, heals and goes, and leaves what is not its own.
import { stat } from "node:fs/promises";
import { afterAll, afterEach, expect, it, vi } from "vitest";
import { layCable, listLinks, makeBridge, makeNamespace, removeNamespace } from "../../src/dataplane/charon/bridges.ts";
import { ipJson, run } from "../../src/dataplane/charon/ip.ts";
import { type LabOptions, labDefaults, labDown, labStatus, labUp } from "../../src/lab/lab.ts";
import { captureWire } from "../../src/lab/probe.ts";
import { describeOnMachine } from "../support/machine.ts";
import { listTraces, randomNames, removeRunRoot } from "./instance.ts";

const names = randomNames();
const options: LabOptions = { names, ...labDefaults };
const vpc = { id: 1, uid: "vpc-amhnnao5", cidr: "10.0.0.0/16" };
const [remote, site] = [names.labNamespace("remote"), names.labNamespace("site")];

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
const portsOf = async (namespace: string) =>
  (await listLinks(namespace)).filter(({ master }) => master === names.bridge).map(({ ifname }) => ifname);

async function addressesIn(namespace: string): Promise<string[]> {
  type Link = { ifname: string; addr_info: { family: string; local: string; prefixlen: number }[] };
  const links = await ipJson<Link[]>(namespace, ["address", "show", "up"]);
  const all = links.flatMap(({ ifname, addr_info }) => addr_info.map((each) => ({ ifname, ...each })));
  return all
    .filter(({ ifname }) => ifname !== "lo")
    .map(({ ifname, local, prefixlen }) => `${ifname} ${local}/${prefixlen}`);
}

describeOnMachine("lab", () => {
  afterEach(async () => {
    vi.restoreAllMocks();
    await labDown(names);
    expect(await listTraces(names)).toEqual([]);
  });
  afterAll(() => removeRunRoot(names));

  it("is down where there is nothing, and may be taken down there", async () => {
    expect(await labStatus(names)).toEqual({ isUp: false, hosts: [] });
    await labDown(names);
  });

  it("has a remote gateway and a host behind it", async () => {
    await labUp(options);
    expect(await labStatus(names)).toEqual({
      isUp: true,
      remote: {
        namespace: remote,
        address: "198.51.100.100",
        siteNetwork: "10.56.20.0/24",
        charonPid: expect.any(Number),
        ikeSas: [],
      },
      siteHost: { namespace: site, address: "10.56.20.10", gateway: "10.56.20.1" },
      hosts: [],
    });
    // No IPv6 address anywhere: IPv6 was off before the links were up.
    expect(await addressesIn(remote)).toEqual(["wan0 198.51.100.100/24", "lan0 10.56.20.1/24"]);
    expect(await addressesIn(site)).toEqual(["eth0 10.56.20.10/24"]);
  });

  it("is administered with a plain swanctl in the remote namespace", async () => {
    await labUp(options);
    const plain = (...args: string[]) => run("ip", ["netns", "exec", remote, "swanctl", ...args]);
    expect(await plain("--load-all")).toContain("loaded connection 'cloud'");
    expect(await plain("--list-conns")).toContain("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16");
    expect(await modeOf(`/etc/netns/${remote}/swanctl`)).toBe("700");
    expect(await modeOf(`/etc/netns/${remote}/swanctl/swanctl.conf`)).toBe("600");
    expect(await modeOf(names.labDir)).toBe("700");
  });

  it("keeps what is there when it comes up again, and adds hosts of other VPCs", async () => {
    await labUp({ ...options, vpc });
    const first = await labStatus(names);
    const second = { id: 2, uid: "vpc-2ari9m7h", cidr: "192.168.0.0/20" };
    await labUp(options);
    expect(await labStatus(names)).toEqual(first);
    await labUp({ ...options, vpc: second });
    const hosts = [
      { namespace: names.labNamespace("host1"), address: "10.0.0.2", gateway: "10.0.0.1", vpc },
      { namespace: names.labNamespace("host2"), address: "192.168.0.2", gateway: "192.168.0.1", vpc: second },
    ];
    expect(await labStatus(names)).toEqual({ ...first, hosts });
    expect(await addressesIn(names.labNamespace("host2"))).toEqual(["eth0 192.168.0.2/20"]);
  });

  it("moves the host of a VPC whose network is another one now", async () => {
    await labUp({ ...options, vpc });
    await labUp({ ...options, vpc: { ...vpc, cidr: "10.1.0.0/16" } });
    expect(await addressesIn(names.labNamespace("host1"))).toEqual(["eth0 10.1.0.2/16"]);
    expect((await labStatus(names)).hosts).toHaveLength(1);
  });

  it("heals what is broken when it comes up again", async () => {
    await labUp({ ...options, vpc });
    const pid = (await labStatus(names)).remote?.charonPid ?? 0;
    process.kill(pid, "SIGKILL");
    await removeNamespace(site);
    await removeNamespace(names.labNamespace("host1"));
    expect(await labStatus(names)).toMatchObject({ isUp: false });
    await labUp(options);
    const healed = await labStatus(names);
    expect(healed).toMatchObject({ isUp: true, remote: { charonPid: expect.any(Number) } });
    expect(healed.remote?.charonPid).not.toBe(pid);
  });

  it("ends a charon whose namespace was deleted from under it", async () => {
    await labUp(options);
    const pid = (await labStatus(names)).remote?.charonPid ?? 0;
    await removeNamespace(remote);
    expect((await labStatus(names)).remote?.charonPid).toBeUndefined();
    await labUp(options);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(await labStatus(names)).toMatchObject({ isUp: true });
    await removeNamespace(remote);
    await labDown(names);
    expect(await listTraces(names)).toEqual([]);
  });

  it("shares its wires: what others have on them stays when the lab goes", async () => {
    const other = names.gatewayNamespace(7);
    await makeNamespace(other);
    const wires = [names.publicNamespace, names.vpcNamespace(1)];
    const cables = wires.map((bridgeNamespace, i) => {
      return { bridgeNamespace, bridge: names.bridge, port: names.gatewayPort(7), namespace: other, link: `link${i}` };
    });
    for (const cable of cables) {
      await makeBridge(cable.bridgeNamespace, names.bridge);
      await layCable(cable);
    }
    await labUp({ ...options, vpc });
    expect(await portsOf(names.publicNamespace)).toEqual(["gw7", "lab-remote"]);
    expect(await portsOf(names.vpcNamespace(1))).toEqual(["gw7", "lab-host"]);
    await labDown(names);
    for (const wire of wires) expect(await portsOf(wire)).toEqual(["gw7"]);
    for (const namespace of [other, ...wires]) await removeNamespace(namespace);
  });

  it("leaves a wire alone that it was never on", async () => {
    await makeBridge(names.publicNamespace, names.bridge);
    await labDown(names);
    expect(await listLinks(names.publicNamespace)).not.toEqual([]);
    await removeNamespace(names.publicNamespace);
  });

  it("says what a person has to do", async () => {
    await expect(captureWire(names)).rejects.toThrow("run `culvert serve` or `culvert lab up` first");
    await expect(labUp({ ...options, siteNetwork: "10.56.20.0" })).rejects.toThrow("such as 10.56.20.0/24");
    await expect(labUp({ ...options, remoteAddress: "remote" })).rejects.toThrow("not remote");
    expect(await listTraces(names)).toEqual([]);
    await labUp(options);
    await expect(labUp({ ...options, siteNetwork: "10.57.0.0/24" })).rejects.toThrow("run `culvert lab down` first");
    const getuid = vi.spyOn(process, "getuid").mockReturnValue(1000);
    for (const refused of [labUp(options), labDown(names), labStatus(names)]) {
      await expect(refused).rejects.toThrow("run it as root");
    }
    getuid.mockRestore();
  });
});
