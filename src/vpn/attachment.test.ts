import { describe, expect, it } from "vitest";
import { attachmentOf, parsePublicAttachment, parseVpcAttachments } from "./attachment.ts";

describe("the public network", () => {
  it.each([
    ["own", { kind: "own" }],
    ["bridge:br-public", { kind: "bridge", bridge: "br-public" }],
    ["interface:eno1", { kind: "interface", parent: "eno1" }],
    ["interface:eno1.100", { kind: "interface", parent: "eno1.100" }],
    ["vlan:eno1.100", { kind: "vlan", parent: "eno1", vlan: 100 }],
    ["vlan:bond0.7.4094", { kind: "vlan", parent: "bond0.7", vlan: 4094 }],
  ])("%s is read", (text, attachment) => {
    expect(parsePublicAttachment(text)).toEqual(attachment);
  });

  it.each([
    "",
    "br0",
    "Own",
    "bridge:",
    "bridge:a b",
    "bridge:br0;reboot",
    "bridge:-br0",
    "interface:sixteencharacter",
    "vlan:eno1",
    "vlan:eno1.0",
    "vlan:eno1.4095",
    "vlan:eno1.007",
    "namespace:office@10.0.0.2",
  ])("%j is refused", (text) => {
    expect(() => parsePublicAttachment(text)).toThrow("own, bridge:NAME, interface:NAME or vlan:NAME.ID is expected");
  });
});

describe("the networks of VPCs", () => {
  it("are read by unified id", () => {
    const vpcs = parseVpcAttachments("vpc-2ari9m7h=vlan:eno1.20, vpc-00000002 = namespace:office@10.0.0.9,");
    expect(attachmentOf(vpcs, { uid: "vpc-2ari9m7h", id: 1 })).toEqual({ kind: "vlan", parent: "eno1", vlan: 20 });
    const office = { kind: "namespace", namespace: "office", address: "10.0.0.9" };
    expect(attachmentOf(vpcs, { uid: "vpc-00000002", id: 2 })).toEqual(office);
    expect(attachmentOf(vpcs, { uid: "vpc-00000003", id: 3 })).toEqual({ kind: "own" });
  });

  it("are made from the number of a VPC that is not named", () => {
    const vpcs = parseVpcAttachments("*=vlan:eno1.{number},vpc-2ari9m7h=own");
    expect(attachmentOf(vpcs, { uid: "vpc-00000003", id: 30 })).toEqual({ kind: "vlan", parent: "eno1", vlan: 30 });
    expect(attachmentOf(vpcs, { uid: "vpc-2ari9m7h", id: 1 })).toEqual({ kind: "own" });
    expect(() => attachmentOf(vpcs, { uid: "vpc-00000004", id: 4095 })).toThrow("is expected for a VPC");
  });

  it.each([
    [
      "office=bridge:br0",
      "VPC=ATTACHMENT is expected, VPC being * or a unified id such as vpc-1a2b3c4d, not office=bridge:br0",
    ],
    ["vpc-2ari9m7h", "or namespace:NAME@ADDRESS, is expected for a VPC"],
    ["vpc-2ari9m7h=bridge:br0=x", "VPC=ATTACHMENT is expected"],
    ["vpc-2ari9m7h=namespace:office", "or namespace:NAME@ADDRESS, is expected for a VPC"],
    ["vpc-2ari9m7h=namespace:office@10.0.0.256", "or namespace:NAME@ADDRESS, is expected for a VPC"],
    ["vpc-2ari9m7h=namespace:../x@10.0.0.2", "or namespace:NAME@ADDRESS, is expected for a VPC"],
    ["vpc-2ari9m7h=own,vpc-2ari9m7h=own", "vpc-2ari9m7h is named twice"],
  ])("%s is refused", (text, words) => {
    expect(() => parseVpcAttachments(text)).toThrow(words);
  });

  it("never let two VPCs onto one network", () => {
    expect(() => parseVpcAttachments("*=bridge:br0")).toThrow("{number}, the VPC's number, is expected in it");
    const twice = "vpc-00000001=bridge:br0,vpc-00000002=bridge:br0";
    expect(() => parseVpcAttachments(twice)).toThrow("vpc-00000001 and vpc-00000002 cannot both have bridge:br0");
    const vpcs = parseVpcAttachments("vpc-00000001=bridge:br7,*=bridge:br{number}");
    expect(() => attachmentOf(vpcs, { uid: "vpc-00000007", id: 7 })).toThrow("bridge:br7 is vpc-00000001's");
    expect(parseVpcAttachments("vpc-00000001=own,vpc-00000002=own").size).toBe(2);
  });
});
