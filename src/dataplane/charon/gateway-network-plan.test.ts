import { describe, expect, it } from "vitest";
import { commandsForNetwork, hasLocalAddress, type NetworkSeen, type NetworkWish } from "./gateway-network-plan.ts";

const wish: NetworkWish = {
  gateway: {
    id: 7,
    uid: "vpngw-00000007",
    vpcId: 3,
    vpcUid: "vpc-00000003",
    vpcCidr: "10.0.0.0/16",
    vpcAddress: "10.0.0.1",
    publicAddress: "198.51.100.10",
  },
  localNetworks: ["10.0.5.0/24"],
  publicPrefixLength: 24,
  publicGateway: undefined,
  publicMtu: 1_500,
  esp: "userspace",
};
const nothing: NetworkSeen = { links: [], rules: [], routes: [] };
const fresh = commandsForNetwork(wish, nothing);

function address(local: string, prefixlen: number) {
  return { family: "inet", local, prefixlen };
}

const whole: NetworkSeen = {
  links: [
    {
      ifname: "lo",
      ifindex: 1,
      flags: ["UP"],
      addr_info: [address("127.0.0.1", 8), address("10.0.0.0", 32), address("10.0.5.0", 32)],
    },
    { ifname: "lan0", ifindex: 2, flags: ["UP"], addr_info: [address("10.0.0.1", 16)] },
    { ifname: "wan0", ifindex: 3, flags: ["UP"], addr_info: [address("198.51.100.10", 24)] },
  ],
  rules: [
    { priority: 210, src: "all", iif: "wan0", action: "blackhole" },
    { priority: 215, src: "all", dst: "10.0.0.0", dstlen: 16, table: "main" },
    { priority: 230, src: "all", iif: "lan0", action: "blackhole" },
  ],
  routes: [
    { dst: "default", dev: "wan0" },
    { dst: "10.0.0.0/16", dev: "lan0" },
    { dst: "198.51.100.0/24", dev: "wan0" },
  ],
};

const routes = [
  "route replace 10.0.0.0/16 dev lan0 proto kernel scope link src 10.0.0.1",
  "route replace 198.51.100.0/24 dev wan0 proto kernel scope link src 198.51.100.10",
  "route replace default dev wan0",
];

describe("commandsForNetwork", () => {
  it("puts the guards up before any link, and routes last", () => {
    expect(fresh).toEqual([
      "rule add priority 210 from all iif wan0 blackhole",
      "rule add priority 215 from all to 10.0.0.0/16 lookup main",
      "rule add priority 230 from all iif lan0 blackhole",
      "link set lo up",
      "address replace 10.0.0.0/32 dev lo",
      "address replace 10.0.5.0/32 dev lo",
      "address replace 10.0.0.1/16 dev lan0",
      "link set lan0 up",
      "address replace 198.51.100.10/24 dev wan0",
      "link set wan0 up",
      ...routes,
    ]);
  });

  it("has nothing to do where all is in place", () => {
    expect(commandsForNetwork(wish, whole)).toEqual([]);
  });

  it("goes through the next hop that is configured", () => {
    const seen = { ...whole, routes: [...whole.routes] };
    const command = "route replace default via 198.51.100.254 dev wan0 onlink";
    expect(commandsForNetwork({ ...wish, publicGateway: "198.51.100.254" }, seen)).toEqual([command]);
  });

  it("makes charon's TUN as small as the public network wants it, and leaves it alone where there is none", () => {
    const tun = { ifname: "ipsec0", ifindex: 9, flags: ["UP"], mtu: 1_400 };
    const seen = { ...whole, links: [...whole.links, tun] };
    expect(commandsForNetwork(wish, seen)).toEqual([]);
    expect(commandsForNetwork({ ...wish, publicMtu: 9_000 }, seen)).toEqual([]);
    expect(commandsForNetwork({ ...wish, publicMtu: 1_400 }, seen)).toEqual(["link set ipsec0 mtu 1326"]);
    expect(commandsForNetwork({ ...wish, publicMtu: 1_400 }, whole)).toEqual([]);
  });

  it("replaces a foreign address, and sets every route again: a link takes them with it", () => {
    const links = whole.links.map((link) =>
      link.ifname === "wan0"
        ? { ...link, addr_info: [address("198.51.100.9", 24), address("198.51.100.10", 24)] }
        : link,
    );
    expect(commandsForNetwork(wish, { ...whole, links })).toEqual([
      "address del 198.51.100.9/24 dev wan0",
      "address replace 198.51.100.10/24 dev wan0",
      ...routes,
    ]);
  });

  it("restores one lost route by itself", () => {
    expect(commandsForNetwork(wish, { ...whole, routes: whole.routes.slice(1) })).toEqual([
      "route replace default dev wan0",
    ]);
  });

  it("needs only one address for two local networks that begin with the VPC's own", () => {
    const localNetworks = ["10.0.0.0/16", "10.0.0.0/24"];
    expect(commandsForNetwork({ ...wish, localNetworks }, whole)).toEqual([]);
    expect(localNetworks.every((network) => hasLocalAddress(whole, network))).toBe(true);
  });
});
