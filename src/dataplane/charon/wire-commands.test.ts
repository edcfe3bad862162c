import { describe, expect, it } from "vitest";
import {
  type Cable,
  commandsForBridge,
  commandsForCable,
  commandsForNamespace,
  commandsForPulling,
  type Link,
} from "./wire-commands.ts";

const cable: Cable = { bridgeNamespace: "wire", bridge: "br0", port: "gw7", namespace: "end", link: "wan0" };
const bridge: Link = { ifname: "br0", ifindex: 2, flags: ["UP"] };
const port: Link = { ifname: "gw7", ifindex: 3, link_index: 4, master: "br0", flags: ["UP"] };
const link: Link = { ifname: "wan0", ifindex: 4, link_index: 3, flags: [] };
const lay = "netns exec wire ip link add gw7 master br0 up type veth peer name wan0 netns end";

describe("commandsForCable", () => {
  it("lays one that is not there", () => {
    expect(commandsForCable(cable, [bridge], [])).toEqual([lay]);
  });

  it("leaves a whole one alone, its far end up or down", () => {
    expect(commandsForCable(cable, [bridge, port], [link])).toEqual([]);
    expect(commandsForCable(cable, [bridge, port], [{ ...link, flags: ["UP"] }])).toEqual([]);
  });

  it("lays it anew when the port is off the bridge or down, and takes both ends away with the port", () => {
    const { master: _, ...loose } = port;
    for (const near of [loose, { ...port, flags: [] }]) {
      expect(commandsForCable(cable, [bridge, near], [link])).toEqual(["netns exec wire ip link del gw7", lay]);
    }
  });

  it("lays it anew when one of its ends is of another size", () => {
    const sized = { ...cable, mtu: 1_450 };
    const lay = "netns exec wire ip link add gw7 mtu 1450 master br0 up type veth peer name wan0 mtu 1450 netns end";
    expect(commandsForCable(sized, [bridge], [])).toEqual([lay]);
    expect(commandsForCable(sized, [bridge, { ...port, mtu: 1_450 }], [{ ...link, mtu: 1_450 }])).toEqual([]);
    expect(commandsForCable(sized, [bridge, { ...port, mtu: 1_500 }], [{ ...link, mtu: 1_450 }])).toEqual([
      "netns exec wire ip link del gw7",
      lay,
    ]);
  });

  it("goes to a bridge of the machine, which may be down", () => {
    const toMachine = { ...cable, bridgeNamespace: "", bridge: "br-lan" };
    const down = { ...bridge, ifname: "br-lan", flags: [] };
    expect(commandsForCable(toMachine, [down], [])).toEqual([
      "link add gw7 master br-lan up type veth peer name wan0 netns end",
    ]);
    expect(commandsForCable(toMachine, [down, { ...port, master: "br-lan" }], [link])).toEqual([]);
  });

  it("takes away two ends that do not belong together", () => {
    const other = { ...link, link_index: 9 };
    expect(commandsForCable(cable, [bridge, port], [other])).toEqual([
      "netns exec wire ip link del gw7",
      "netns exec end ip link del wan0",
      lay,
    ]);
  });
});

describe("commandsForNamespace and commandsForBridge", () => {
  it("make what is not there, IPv6 off before anything else", () => {
    const commands = commandsForBridge({ name: "wire", state: "absent", links: [] }, "br0");
    expect(commands).toEqual([
      "netns add wire",
      "netns exec wire sysctl -eqw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1",
      "link add br0 netns wire up type bridge mcast_snooping 0",
    ]);
  });

  it("clear away the file of a namespace that was half made", () => {
    const commands = commandsForNamespace({ name: "end", state: "stray", links: [] }, []);
    expect(commands.slice(0, 2)).toEqual(["netns del end", "netns add end"]);
  });

  it("set sysctls again in a namespace that is there", () => {
    const commands = commandsForNamespace({ name: "end", state: "there", links: [] }, ["net.ipv4.ip_forward=1"]);
    expect(commands[0]).toMatch(/^netns exec end sysctl -eqw .* net\.ipv4\.ip_forward=1$/);
  });

  it("leave a bridge alone that is up, and set one up that is not", () => {
    expect(commandsForBridge({ name: "wire", state: "there", links: [bridge] }, "br0")).toEqual([]);
    const down = { name: "wire", state: "there", links: [{ ...bridge, flags: [] }] } as const;
    expect(commandsForBridge(down, "br0").at(-1)).toBe("netns exec wire ip link set br0 up");
  });
});

describe("commandsForPulling", () => {
  it("takes the wire away with its last port", () => {
    const seen = { name: "wire", state: "there", links: [bridge, port] } as const;
    expect(commandsForPulling(seen, "br0", "gw7")).toEqual(["netns del wire"]);
  });

  it("leaves a wire to those that still use it", () => {
    const other = { ...port, ifname: "gw8", ifindex: 5 };
    const seen = { name: "wire", state: "there", links: [bridge, port, other] } as const;
    expect(commandsForPulling(seen, "br0", "gw7")).toEqual(["netns exec wire ip link del gw7"]);
    expect(commandsForPulling(seen, "br0", "gw9")).toEqual([]);
  });

  it("takes the wire's uplink for no user of it", () => {
    const uplink = { ...port, ifname: "uplink", ifindex: 5 };
    const seen = { name: "wire", state: "there", links: [bridge, uplink, port] } as const;
    expect(commandsForPulling(seen, "br0", "gw7")).toEqual(["netns exec wire ip link del uplink", "netns del wire"]);
  });

  it("takes nothing but its port from a bridge of the machine", () => {
    const seen = { name: "", state: "there", links: [bridge, port] } as const;
    expect(commandsForPulling(seen, "br0", "gw7")).toEqual(["link del gw7"]);
    expect(commandsForPulling({ ...seen, links: [bridge] }, "br0", "gw7")).toEqual([]);
  });

  it("does nothing where there is no wire", () => {
    expect(commandsForPulling({ name: "wire", state: "absent", links: [] }, "br0", "gw7")).toEqual([]);
  });
});
