import { describe, expect, it } from "vitest";
import type { Attachment } from "../../vpn/attachment.ts";
import type { GatewaySpec } from "../dataplane.ts";
import { commandsForLeg, commandsForLegEnd, isLegWhole, type Leg, legsOf, namespacesOf } from "./legs.ts";
import { namesOf } from "./names.ts";
import type { Seen } from "./uplinks.ts";
import type { Link } from "./wire-commands.ts";

const names = namesOf("0123abcd");
const gateway: GatewaySpec = {
  id: 7,
  uid: "vpngw-00000007",
  vpcId: 3,
  vpcUid: "vpc-00000003",
  vpcCidr: "10.0.0.0/16",
  vpcAddress: "10.0.0.1",
  publicAddress: "198.51.100.10",
};
const gw = "cv-0123abcd-gw7";
const wire = "cv-0123abcd-vpc3";

function legs(ofPublic: Attachment, vpc: Attachment, mtu = 1_500): readonly [Leg, Leg] {
  return legsOf(names, gateway, { public: ofPublic, vpc }, mtu);
}

function look(namespaces: Record<string, readonly Link[]>): Seen {
  return new Map(Object.entries(namespaces).map(([name, links]) => [name, { name, state: "there", links }]));
}

function link(ifname: string, ifindex: number, more: Partial<Link> = {}): Link {
  return { ifname, ifindex, mtu: 1_500, flags: ["UP"], ...more };
}

const own: Attachment = { kind: "own" };
const kind = (info_kind: string, id?: number) => ({ linkinfo: { info_kind, ...(id && { info_data: { id } }) } });
const eno1 = link("eno1", 2);
const lan = link("br-lan", 4, kind("bridge"));

describe("a leg on a bridge of the machine", () => {
  const [leg] = legs({ kind: "bridge", bridge: "br-lan" }, own, 1_450);
  const port = link("cv0123abcdp7", 8, { master: "br-lan", link_index: 5, mtu: 1_450 });
  const wan = link("wan0", 5, { link_index: 8, mtu: 1_450, flags: [] });

  it("is a port there under a name that carries the instance", () => {
    expect(commandsForLeg(leg, look({ "": [eno1, lan], [gw]: [] }))).toEqual([
      `link add cv0123abcdp7 mtu 1450 master br-lan up type veth peer name wan0 mtu 1450 netns ${gw}`,
    ]);
    expect(names.machinePort("public", 36 ** 4 - 1)).toBe("cv0123abcdpzzzz");
  });

  it("is whole, and nothing is left to do, when both ends are there", () => {
    const seen = look({ "": [eno1, lan, port], [gw]: [wan] });
    expect(commandsForLeg(leg, seen)).toEqual([]);
    expect(isLegWhole(leg, seen)).toBe(true);
    expect(isLegWhole(leg, look({ "": [lan, { ...port, master: "br0" }], [gw]: [wan] }))).toBe(false);
  });

  it("takes its port away in the end, and nothing else", () => {
    expect(commandsForLegEnd(leg, look({ "": [eno1, lan, port], [gw]: [wan] }))).toEqual(["link del cv0123abcdp7"]);
    expect(commandsForLegEnd(leg, look({ "": [eno1, lan] }))).toEqual([]);
  });

  it("is refused where there is no such bridge", () => {
    for (const links of [[], [eno1], [link("br-lan", 4, kind("veth"))]]) {
      expect(() => commandsForLeg(leg, look({ "": links, [gw]: [] }))).toThrow(
        "there is no bridge br-lan on this machine",
      );
      expect(isLegWhole(leg, look({ "": links, [gw]: [] }))).toBe(false);
    }
  });
});

describe("a leg on an interface of the machine", () => {
  const [leg, inside] = legs({ kind: "interface", parent: "eno1" }, { kind: "interface", parent: "eno2" });
  const wan = link("wan0", 5, { link_index: 2, ...kind("macvlan") });
  const make = `link add link eno1 name wan0 netns ${gw} mtu 1500 type macvlan mode bridge`;

  it("is a macvlan", () => {
    expect(namespacesOf(leg)).toEqual([gw, ""]);
    expect(commandsForLeg(leg, look({ "": [eno1], [gw]: [] }))).toEqual([make]);
    expect(commandsForLeg(inside, look({ "": [link("eno2", 3)], [gw]: [] }))).toEqual([
      `link add link eno2 name lan0 netns ${gw} mtu 1500 type macvlan mode bridge`,
    ]);
    expect(commandsForLeg(leg, look({ "": [eno1], [gw]: [wan] }))).toEqual([]);
    expect(isLegWhole(leg, look({ "": [eno1], [gw]: [wan] }))).toBe(true);
  });

  it.each([
    ["a veth", link("wan0", 5, { link_index: 2, ...kind("veth") })],
    ["on another interface", { ...wan, link_index: 3 }],
    ["of another size", { ...wan, mtu: 1_400 }],
  ])("takes the place of one that is %s", (_what, other) => {
    const seen = look({ "": [eno1], [gw]: [other] });
    expect(isLegWhole(leg, seen)).toBe(false);
    expect(commandsForLeg(leg, seen)).toEqual([`netns exec ${gw} ip link del wan0`, make]);
  });

  it("goes with the gateway's namespace, and the interface stays", () => {
    expect(commandsForLegEnd(leg, look({ "": [eno1], [gw]: [wan] }))).toEqual([]);
  });

  it("is refused where there is no such interface", () => {
    expect(() => commandsForLeg(leg, look({ "": [], [gw]: [] }))).toThrow("there is no interface eno1 on this machine");
  });
});

describe("a leg in a VLAN", () => {
  const [, leg] = legs(own, { kind: "vlan", parent: "eno1", vlan: 20 });
  const bridge = link("br0", 2);
  const uplink = link("uplink", 3, { master: "br0", link_index: 2, ...kind("vlan", 20) });
  const port = link("gw7", 4, { master: "br0", link_index: 5 });
  const lan0 = link("lan0", 5, { link_index: 4 });
  const make = [
    `link add link eno1 name uplink netns ${wire} type vlan id 20`,
    `netns exec ${wire} ip link set uplink master br0 up`,
  ];

  it("is a wire of our own with the VLAN on its bridge", () => {
    const commands = commandsForLeg(leg, look({ "": [eno1], [gw]: [] }));
    expect(commands.slice(-4)).toEqual([
      `link add br0 netns ${wire} up type bridge mcast_snooping 0`,
      ...make,
      `netns exec ${wire} ip link add gw7 mtu 1500 master br0 up type veth peer name lan0 mtu 1500 netns ${gw}`,
    ]);
    const seen = look({ "": [eno1], [gw]: [lan0], [wire]: [bridge, uplink, port] });
    expect(commandsForLeg(leg, seen)).toEqual([]);
    expect(isLegWhole(leg, seen)).toBe(true);
  });

  it.each([
    ["of another number", { ...uplink, ...kind("vlan", 21) }],
    ["on another interface", { ...uplink, link_index: 9 }],
    ["off the bridge", link("uplink", 3, { link_index: 2, ...kind("vlan", 20) })],
    ["down", { ...uplink, flags: [] }],
  ])("is made anew where its VLAN is %s", (_what, other) => {
    const seen = look({ "": [eno1], [gw]: [lan0], [wire]: [bridge, other, port] });
    expect(isLegWhole(leg, seen)).toBe(false);
    expect(commandsForLeg(leg, seen)).toEqual([`netns exec ${wire} ip link del uplink`, ...make]);
  });

  it("takes the VLAN along when the last gateway leaves", () => {
    expect(commandsForLegEnd(leg, look({ [wire]: [bridge, uplink, port] }))).toEqual([
      `netns exec ${wire} ip link del uplink`,
      `netns del ${wire}`,
    ]);
  });

  it("loses its VLAN when the settings name none any more", () => {
    const [, plain] = legs(own, own);
    const seen = look({ [gw]: [lan0], [wire]: [bridge, uplink, port] });
    expect(isLegWhole(plain, seen)).toBe(false);
    expect(commandsForLeg(plain, seen)).toEqual([`netns exec ${wire} ip link del uplink`]);
  });
});

describe("a leg into a namespace of the operator's", () => {
  const attachment = { kind: "namespace", namespace: "office", address: "10.0.0.9" } as const;
  const [, leg] = legs(own, attachment);
  const far = "cv0123abcdn3";
  const make = [
    `netns exec ${wire} ip link add uplink master br0 up type veth peer name ${far} netns office`,
    `netns exec office ip address replace 10.0.0.9/16 dev ${far}`,
    `netns exec office ip link set ${far} up`,
    `netns exec office ip route replace default via 10.0.0.1 dev ${far} metric 4096`,
  ];
  const bridge = link("br0", 2);
  const uplink = link("uplink", 3, { master: "br0", link_index: 6 });
  const address = { family: "inet", local: "10.0.0.9", prefixlen: 16 };
  const end = link(far, 6, { link_index: 3, addr_info: [address] });
  const port = link("gw7", 4, { master: "br0", link_index: 5 });
  const lan0 = link("lan0", 5, { link_index: 4 });

  it("is a wire of our own with a cable into it, that has an address and a last way out", () => {
    expect(namespacesOf(leg)).toEqual([gw, wire, "office"]);
    expect(commandsForLeg(leg, look({ office: [], [gw]: [] })).slice(-5, -1)).toEqual(make);
    const seen = look({ office: [end], [gw]: [lan0], [wire]: [bridge, uplink, port] });
    expect(commandsForLeg(leg, seen)).toEqual([]);
    expect(isLegWhole(leg, seen)).toBe(true);
  });

  it.each([
    ["has lost its address", [{ ...end, addr_info: [] }], []],
    ["is down", [{ ...end, flags: [] }], []],
    ["is another one's", [{ ...end, link_index: 99 }], [`netns exec office ip link del ${far}`]],
    ["is not there", [], []],
  ])("is mended where its end %s", (_what, office, removal) => {
    const seen = look({ office, [gw]: [lan0], [wire]: [bridge, uplink, port] });
    expect(isLegWhole(leg, seen)).toBe(false);
    expect(commandsForLeg(leg, seen)).toEqual([`netns exec ${wire} ip link del uplink`, ...removal, ...make]);
  });

  it("is refused where there is no such namespace, or the address is no host's of the VPC", () => {
    expect(() => commandsForLeg(leg, look({ [gw]: [] }))).toThrow("there is no namespace office on this machine");
    for (const wrong of ["10.1.0.9", "10.0.0.0", "10.0.255.255", "10.0.0.1"]) {
      expect(() => legs(own, { ...attachment, address: wrong })).toThrow(`${wrong} is no host's address in the VPC`);
    }
  });
});
