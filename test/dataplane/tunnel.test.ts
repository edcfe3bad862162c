// Real tunnels with real packets: what goes through, what never leaves in clear, what never gets in.
// host1 - VPC 1 - gateway 1 - public network (with a stranger on it) - gateway 2 - VPC 2 - host2
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { findCharon } from "../../src/dataplane/charon/charon-process.ts";
import type { Esp } from "../../src/dataplane/charon/esp.ts";
import { findEsp } from "../../src/dataplane/charon/gateway-network.ts";
import { ipBatch, run } from "../../src/dataplane/charon/ip.ts";
import type { ActualGateway, ConnectionSpec, GatewaySpec } from "../../src/dataplane/dataplane.ts";
import { ViciSession } from "../../src/vici/session.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, makeCharonDataplane, makeNames, makeSteps } from "./instance.ts";
import { type ConnectionChanges, connectionBetween, gatewayNumber } from "./specs.ts";
import { type Capture, capture, type Host, makeHost, ping } from "./wires.ts";

const names = makeNames();
const [left, right] = [gatewayNumber(1), gatewayNumber(2)];
const leftNamespace = names.gatewayNamespace(left.id);
const place = { namespace: leftNamespace, dir: names.gatewayDir(left.id) };
/** Every IPv4 packet but the multicast reports of links that come up. */
const packets = "ip and not igmp";
const ikeAndEsp = /\.(500|4500)[: ]|: ESP\(spi=/;

describeOnMachine("a tunnel between two gateways", () => {
  let dataplane: CharonDataplane;
  let [host1, host2, stranger]: [Host?, Host?, Host?] = [];
  const captures: Capture[] = [];
  /** Who does ESP here: the guards are others. */
  let esp: Esp | undefined;

  beforeAll(async () => {
    // The stranger is everybody's way out: what leaks is delivered, and not only asked for by ARP.
    dataplane = makeCharonDataplane(names, { publicPrefixLength: 24, publicGateway: "198.51.100.200" });
    await dataplane.start();
    for (const gateway of [left, right]) await applyAll(dataplane, gateway, makeSteps);
    esp = await findEsp(names, left.id);
    const inside = (n: number) => [`route add default via 10.${n}.0.1`];
    host1 = await makeHost(names, "host1", names.vpcNamespace(1), "10.1.0.10/16", inside(1));
    host2 = await makeHost(names, "host2", names.vpcNamespace(2), "10.2.0.10/16", inside(2));
    const outside = ["route add 10.1.0.0/16 via 198.51.100.1", "address add 10.2.0.99/32 dev lo"];
    stranger = await makeHost(names, "stranger", names.publicNamespace, "198.51.100.200/24", outside);
  });
  afterEach(async () => {
    await Promise.all(captures.splice(0).map((each) => each.stop()));
    for (const gateway of [left, right]) await clear(gateway);
  });
  afterAll(async () => {
    await dataplane.close();
    await cleanUp(names);
  });

  function hosts(): [Host, Host, Host] {
    if (host1 === undefined || host2 === undefined || stranger === undefined) throw new Error("no hosts");
    return [host1, host2, stranger];
  }

  async function hear(namespace: string, link: string, filter?: string): Promise<Capture> {
    const ear = await capture(namespace, link, filter);
    captures.push(ear);
    return ear;
  }

  async function load(gateway: GatewaySpec, connection: ConnectionSpec): Promise<void> {
    await applyAll(dataplane, gateway, [
      { kind: "load-secret", connection, fingerprint: "s" },
      { kind: "load-connection", connection, fingerprint: "c" },
    ]);
  }

  async function clear(gateway: GatewaySpec): Promise<void> {
    await applyAll(dataplane, gateway, makeSteps);
    const actual = await dataplane.observe(gateway.id, true);
    for (const name of actual.connections.keys()) await dataplane.apply(gateway, { kind: "unload-connection", name });
    for (const name of actual.secrets.keys()) await dataplane.apply(gateway, { kind: "unload-secret", name });
    for (const { uniqueId, connection } of actual.ikeSas) {
      await dataplane.apply(gateway, { kind: "terminate-ike-sa", uniqueId, connection });
    }
    await waitFor(async () => (await dataplane.observe(gateway.id, false)).ikeSas.length === 0, { what: "no IKE_SA" });
  }

  async function waitForChild(gateway: GatewaySpec, name: string): Promise<ActualGateway> {
    return await waitFor(
      async () => {
        const actual = await dataplane.observe(gateway.id, false);
        const children = actual.ikeSas.flatMap((ikeSa) => ikeSa.children);
        return children.some((child) => child.name === name && child.state === "INSTALLED") ? actual : undefined;
      },
      { what: `${name} on ${gateway.uid}` },
    );
  }

  /** Loads both ends, initiates from the left, waits for both. The changes are the left's; the right's are their mirror. */
  async function bringUp(changes: ConnectionChanges = {}): Promise<void> {
    const connection = connectionBetween(left, right, changes);
    const { localIdentity, remoteIdentity } = connection.ike;
    const mirrored = connectionBetween(right, left, {
      ...changes,
      ike: { ...changes.ike, localIdentity: remoteIdentity, remoteIdentity: localIdentity },
      localNetwork: changes.peerNetwork ?? right.vpcCidr,
      peerNetwork: changes.localNetwork ?? left.vpcCidr,
    });
    await load(right, mirrored);
    await load(left, connection);
    const child = `${connection.name}-0`;
    await dataplane.apply(left, { kind: "initiate-child", connection: connection.name, child });
    await Promise.all([left, right].map((gateway) => waitForChild(gateway, child)));
  }

  const openGuard = (command: string) => ipBatch(leftNamespace, [command]);
  const openFilter = () => run("ip", ["netns", "exec", leftNamespace, "nft", "delete table inet culvert"]);

  it("carries packets both ways, and only IKE and ESP are on the public wire", async () => {
    const [one, two, stranger] = hosts();
    const wire = await hear(names.publicNamespace, names.bridge, packets);
    await bringUp();
    expect(await ping(one, two.address)).toBe(3);
    expect(await ping(two, one.address)).toBe(3);
    // A clear packet that must be heard: it also comes after all that was sent before.
    await ping(stranger, right.publicAddress, 1);
    await waitFor(() => wire.lines.some((line) => line.includes("ICMP echo reply")), { what: "the clear answer" });
    const others = wire.lines.filter((line) => !ikeAndEsp.test(line));
    expect(
      others.every((line) => line.includes("198.51.100.200")),
      others.join("\n"),
    ).toBe(true);
    expect(wire.lines.filter((line) => line.includes("ESP(spi=")).length).toBeGreaterThanOrEqual(12);
    const [ikeSa] = (await dataplane.observe(left.id, false)).ikeSas;
    expect(ikeSa?.children[0]?.bytesIn).toBeGreaterThanOrEqual(6 * 84);
    expect(ikeSa?.children[0]?.bytesOut).toBeGreaterThanOrEqual(6 * 84);
  });

  it.each([left, right])(
    "tells what a CHILD_SA had carried when $uid replaces it, and when it ends it",
    async (end) => {
      const [one, two] = hosts();
      await bringUp();
      const vici = await ViciSession.connect(names.viciSocket(end.id));
      try {
        const child = "vpnx-aaaaaaaa-0";
        const bytes = { bytesIn: 3 * 84, bytesOut: 3 * 84 };
        for (const [command, replaced] of Object.entries({ rekey: 0, terminate: 1 })) {
          expect(await ping(one, two.address)).toBe(3);
          await dataplane.observe(left.id, false);
          await vici.request(command, { child });
          const told = await waitFor(
            async () => {
              const { ended } = await dataplane.observe(left.id, false);
              return ended.length > 0 && ended;
            },
            { what: `the end of ${child}` },
          );
          expect(told.map(({ name, bytesIn, bytesOut }) => ({ name, bytesIn, bytesOut }))).toEqual([
            { name: child, ...bytes },
          ]);
          expect((await dataplane.observe(left.id, false)).ended).toEqual([]);
          if (replaced === 0) await Promise.all([left, right].map((gateway) => waitForChild(gateway, child)));
        }
      } finally {
        vici.close();
      }
    },
  );

  describe("that is down", () => {
    /** Pings the far VPC from the near one, then proves that the ear would have heard. */
    async function expectSilence(): Promise<void> {
      const [one, two, stranger] = hosts();
      const wire = await hear(names.publicNamespace, names.bridge, packets);
      await ping(one, two.address, 2);
      await ping(stranger, right.publicAddress, 1);
      await waitFor(() => wire.lines.some((line) => line.includes("ICMP echo reply")), { what: "the clear answer" });
      expect(wire.lines.filter((line) => / 10\.\d+\.\d+\.\d+/.test(line))).toEqual([]);
    }

    it("lets nothing out in clear before it was ever up", expectSilence);

    it("lets nothing out in clear after it was terminated", async () => {
      await bringUp();
      await clear(left);
      await expectSilence();
    });

    it("lets nothing out in clear after charon was killed", async () => {
      await bringUp();
      const pid = await waitFor(() => findCharon(place), { what: "charon" });
      process.kill(pid, "SIGKILL");
      await waitFor(async () => !(await dataplane.observe(left.id, false)).isRunning, { what: "the end of charon" });
      await expectSilence();
    });

    it("would let it out without its guard, which the ear hears", async () => {
      const [one, two] = hosts();
      const wire = await hear(names.publicNamespace, names.bridge, packets);
      await openGuard("rule del priority 230");
      if (esp === "kernel") await openFilter();
      const leak = ping(one, two.address, 1);
      await waitFor(() => wire.lines.some((line) => line.includes("10.1.0.10 > 10.2.0.10")), { what: "the leak" });
      await leak;
      expect(await dataplane.observe(left.id, true)).toMatchObject({ hasNetwork: false });
      await dataplane.apply(left, { kind: "make-network" });
      await expectSilence();
    });

    it.each(["198.51.100.200", "10.2.0.99"])("lets no clear packet in from %s", async (source) => {
      const [one, , stranger] = hosts();
      const inside = await hear(names.vpcNamespace(1), names.bridge, "icmp");
      expect(await ping(stranger, one.address, 2, ["-I", source])).toBe(0);
      // The ear hears what does belong there.
      expect(await ping(one, left.vpcAddress, 1)).toBe(1);
      await waitFor(() => inside.lines.some((line) => line.includes("echo reply")), { what: "the gateway's answer" });
      expect(inside.lines.filter((line) => line.includes(source))).toEqual([]);
    });

    it("would let it in without its guard, which the ear hears", async () => {
      const [one, , stranger] = hosts();
      const inside = await hear(names.vpcNamespace(1), names.bridge, "icmp");
      await (esp === "kernel" ? openFilter() : openGuard("rule del priority 210"));
      const injection = ping(stranger, one.address, 1);
      await waitFor(() => inside.lines.some((line) => line.includes("198.51.100.200 > 10.1.0.10")), { what: "it" });
      await injection;
    });
  });

  it("lets no clear packet in while it is up, not even with an address of the far side", async () => {
    const [one, , stranger] = hosts();
    await bringUp();
    const inside = await hear(names.vpcNamespace(1), names.bridge, "icmp");
    expect(await ping(stranger, one.address, 2, ["-I", "10.2.0.99"])).toBe(0);
    expect(await ping(one, left.vpcAddress, 1)).toBe(1);
    await waitFor(() => inside.lines.some((line) => line.includes("echo reply")), { what: "the gateway's answer" });
    expect(inside.lines.filter((line) => line.includes("10.2.0.99"))).toEqual([]);
  });

  it("carries packets though the far network covers the near one", async () => {
    const [one, two] = hosts();
    await bringUp({ peerNetwork: "10.0.0.0/8" });
    expect(await ping(one, two.address)).toBe(3);
  });

  it("serves a part of the VPC that is announced later, and loses it again", async () => {
    const [one, two] = hosts();
    await applyAll(dataplane, left, [{ kind: "add-local-network", network: "10.1.0.0/24" }]);
    await applyAll(dataplane, right, [{ kind: "add-local-network", network: "10.2.0.0/28" }]);
    await bringUp({ localNetwork: "10.1.0.0/24", peerNetwork: "10.2.0.0/28" });
    expect(await ping(one, two.address)).toBe(3);
    await applyAll(dataplane, left, [{ kind: "remove-local-network", network: "10.1.0.0/24" }]);
    expect(await ping(one, two.address)).toBe(3);
  });

  it("goes on after its gateway's public link was torn out and made again", async () => {
    const [one, two] = hosts();
    await bringUp();
    await ipBatch(leftNamespace, ["link del wan0"]);
    await dataplane.apply(left, { kind: "make-network" });
    await waitFor(async () => (await ping(one, two.address, 1)) === 1, { what: "an answer through the tunnel" });
  });

  it("comes up again after charon was killed and everything loaded anew", async () => {
    const [one, two] = hosts();
    await bringUp();
    const pid = await waitFor(() => findCharon(place), { what: "charon" });
    process.kill(pid, "SIGKILL");
    await waitFor(async () => !(await dataplane.observe(left.id, false)).isRunning, { what: "the end of charon" });
    await dataplane.apply(left, { kind: "start-charon" });
    await bringUp();
    await waitFor(async () => (await ping(one, two.address, 1)) === 1, { what: "an answer through the tunnel" });
  });

  it.each([
    { ike: { encryption: "des", integrity: "md5", dhGroup: 1 }, ipsec: { encryption: "des", integrity: "md5" } },
    { ike: { encryption: "3des", integrity: "sha1", dhGroup: 5 }, ipsec: { encryption: "3des", pfsGroup: 5 } },
    { ike: { encryption: "aes192", dhGroup: 14 }, ipsec: { encryption: "aes192", pfsGroup: 14 } },
    { ike: { encryption: "aes256", dhGroup: 24 }, ipsec: { encryption: "aes256", integrity: "md5", pfsGroup: 24 } },
    { ike: { exchangeMode: "aggressive" }, ipsec: { encryption: "null", pfsGroup: 1 } },
    { ike: { exchangeMode: "aggressive", dhGroup: 14 }, ipsec: { encryption: "null", integrity: "md5", pfsGroup: 2 } },
  ] as ConnectionChanges[])("carries packets with $ike and $ipsec", async (changes) => {
    const [one, two] = hosts();
    await bringUp(changes);
    await waitFor(async () => (await ping(one, two.address, 1)) === 1, { what: "an answer through the tunnel" });
  });

  it.each(["main", "aggressive"] as const)("knows both ends by name in %s mode", async (exchangeMode) => {
    const localIdentity = { type: "fqdn", value: "gw.example" } as const;
    const remoteIdentity = { type: "fqdn", value: "10.20.30.40" } as const;
    await bringUp({ ike: { exchangeMode, localIdentity, remoteIdentity } });
  });
});
