import { describe, expect, it } from "vitest";
import { readConfig, type SettingName } from "../config.ts";
import type { Link } from "../dataplane/charon/wire-commands.ts";
import {
  judgeAttachments,
  judgeFilter,
  judgeLeaseGuard,
  judgeLinkKinds,
  judgePublicAddresses,
  namespacesIn,
} from "./network.ts";
import type { SeenMachine } from "./network-probe.ts";

function config(options: Partial<Record<SettingName, string>> = {}) {
  return readConfig({ options, env: {}, file: undefined });
}

function link(ifname: string, more: Partial<Link> = {}): Link {
  return { ifname, ifindex: 2, mtu: 1_500, flags: ["UP"], ...more };
}

const bridge = link("br-lan", { linkinfo: { info_kind: "bridge" } });
const machine: SeenMachine = {
  links: [link("eno1"), bridge],
  namespaces: new Map([["office", { isThere: true, hasOwnDefault: false }]]),
  isBridgeFiltered: false,
};
const onBridge = config({ "network.public": "bridge:br-lan" });

describe("the kinds of links", () => {
  it("are those of the kernel, and what it lacks may be lacking if nothing needs it", () => {
    expect(judgeLinkKinds(config(), [])).toMatchObject({
      status: "ok",
      found: "This kernel makes veth, bridge, macvlan, vlan.",
    });
    expect(judgeLinkKinds(onBridge, ["vlan"])).toMatchObject({
      status: "ok",
      found: "This kernel makes veth, bridge, macvlan; it has no vlan, which no setting asks for.",
    });
  });

  it.each([
    [{ "network.public": "vlan:eno1.5" }, "vlan", "modprobe -a 8021q"],
    [{ "network.vpcs": "*=vlan:eno1.{number}" }, "vlan", "modprobe -a 8021q"],
    [{ "network.public": "interface:eno1" }, "macvlan", "modprobe -a macvlan"],
    [{}, "bridge", "modprobe -a bridge"],
  ] as const)("fail for %o without %s", (options, lacking, fix) => {
    const check = judgeLinkKinds(config(options), [lacking]);
    expect(check).toMatchObject({ status: "fail", fix: expect.stringContaining(fix) });
    expect(check.found).toContain(`cannot make links of kind ${lacking}, which the settings ask for`);
  });
});

describe("the lease guard", () => {
  it("is fine where nft takes it, and a warning where it does not", () => {
    expect(judgeLeaseGuard(undefined)).toMatchObject({ status: "ok" });
    expect(judgeLeaseGuard("Operation not supported")).toMatchObject({
      name: "lease guard",
      status: "warn",
      found: expect.stringContaining("lease ends, which a host among several has to: Operation not supported."),
      fix: expect.stringContaining("Linux 5.16"),
    });
  });
});

describe("the packet filter", () => {
  it("is one that nft can fill", () => {
    expect(judgeFilter(undefined)).toMatchObject({ status: "ok" });
    expect(judgeFilter("Operation not supported")).toMatchObject({
      status: "fail",
      found: expect.stringContaining("Operation not supported"),
    });
  });
});

describe("the operator's networks", () => {
  it("are none unless told", () => {
    const [check, ...rest] = judgeAttachments(config(), { ...machine, links: [] });
    expect(rest).toEqual([]);
    expect(check).toMatchObject({ status: "ok", found: expect.stringContaining("a bridge of our own") });
  });

  it("are there", () => {
    const vpcs = "vpc-2ari9m7h=namespace:office@10.0.0.9,vpc-00000002=interface:eno1,*=bridge:br{number}";
    const all = config({ "network.public": "bridge:br-lan", "network.vpcs": vpcs });
    expect(namespacesIn(all)).toEqual(["office"]);
    expect(judgeAttachments(all, machine)).toMatchObject([{ status: "ok" }]);
  });

  it.each([
    ["bridge:br-x", machine, "fail", "there is no bridge br-x"],
    ["bridge:eno1", machine, "fail", "there is no bridge eno1"],
    ["interface:eno2", machine, "fail", "there is no interface eno2"],
    ["vlan:eno2.7", machine, "fail", "there is no interface eno2"],
    ["interface:eno1", { ...machine, links: [link("eno1", { master: "br0" })] }, "fail", "eno1 belongs to br0"],
    ["interface:eno1", { ...machine, links: [link("eno1", { flags: [] })] }, "fail", "eno1 is down"],
    [
      "interface:eno1",
      { ...machine, links: [link("eno1", { mtu: 1_450 })] },
      "fail",
      "an MTU of 1450, less than the 1500",
    ],
    [
      "vlan:eno1.7",
      { ...machine, links: [link("eno1", { flags: ["UP", "NO-CARRIER"] })] },
      "warn",
      "nothing is connected",
    ],
    ["bridge:br-lan", { ...machine, isBridgeFiltered: true }, "warn", "pass the machine's packet filter"],
  ] as const)("%s: %#", (text, seen, status, words) => {
    const checks = judgeAttachments(config({ "network.public": text }), seen);
    expect(checks).toMatchObject([{ status, found: expect.stringContaining(words) }]);
  });

  it("of a VPC are looked at as well", () => {
    const vpcs = { "network.vpcs": "vpc-2ari9m7h=namespace:office@10.0.0.9,vpc-00000002=bridge:br7" };
    const routed = { ...machine, namespaces: new Map([["office", { isThere: true, hasOwnDefault: true }]]) };
    expect(judgeAttachments(config(vpcs), routed)).toMatchObject([
      { status: "warn", found: expect.stringContaining("has a default route of its own") },
      {
        status: "fail",
        found: expect.stringContaining("network.vpcs, vpc-00000002=bridge:br7: there is no bridge br7"),
      },
    ]);
    const gone = { ...machine, namespaces: new Map() };
    expect(judgeAttachments(config(vpcs), gone)[0]).toMatchObject({
      status: "fail",
      fix: "Run `ip netns add office`.",
    });
  });
});

describe("the public addresses", () => {
  const withHop = { "network.public": "bridge:br-lan", "network.publicGateway": "198.51.100.1" };

  it("are nobody else's, with a next hop on their link", () => {
    expect(judgePublicAddresses(config(), [])).toMatchObject({ status: "ok" });
    const others = [link("eno1", { addr_info: [{ family: "inet", local: "198.51.100.9", prefixlen: 24 }] })];
    expect(judgePublicAddresses(config(withHop), others)).toMatchObject({ status: "ok" });
  });

  it("must not be the machine's own", () => {
    const own = [link("eno1", { addr_info: [{ family: "inet", local: "198.51.100.10", prefixlen: 24 }] })];
    expect(judgePublicAddresses(config(withHop), own)).toMatchObject({
      status: "fail",
      found:
        "The machine itself has 198.51.100.10 (eno1), which is in network.publicPool, 198.51.100.10-198.51.100.60.",
    });
  });

  it.each([
    [{ ...withHop, "network.publicGateway": "198.51.101.1" }, "is outside of 198.51.100.0/24"],
    [{ "network.public": "bridge:br-lan" }, "There is no network.publicGateway"],
  ])("%o is a warning", (options, words) => {
    const check = judgePublicAddresses(config(options), []);
    expect(check).toMatchObject({ status: "warn", found: expect.stringContaining(words) });
  });
});
