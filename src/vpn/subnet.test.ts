import { describe, expect, test } from "vitest";
import { catchRefusal } from "../../test/support/caught.ts";
import { storedNetwork } from "./network.ts";
import { readSubnets, type SubnetRequest } from "./subnet.ts";

const vpc = storedNetwork("10.1.0.0/16");
const subnet = (given: Partial<SubnetRequest> = {}): SubnetRequest => ({
  name: "one",
  cidr: "10.1.1.0/24",
  zone: "100001",
  ...given,
});

describe("subnets of a VPC", () => {
  test("none is a list of none", () => {
    expect(readSubnets([], vpc)).toEqual([]);
  });

  test.each([
    ["10.1.0.0/16", "10.1.0.0/16"],
    ["10.1.255.240/28", "10.1.255.240/28"],
    ["10.1.7.77/24", "10.1.7.0/24"],
  ])("%s is taken as %s", (cidr, stored) => {
    expect(readSubnets([subnet({ cidr })], vpc)).toEqual([{ name: "one", cidr: stored, zone: "100001" }]);
  });

  test.each([
    ["", "a network"],
    ["10.1.1.0", "a network"],
    ["10.1.0.0/15", "/16 to /28"],
    ["10.1.0.0/29", "/16 to /28"],
    ["10.2.0.0/24", "inside"],
    ["10.0.255.0/24", "inside"],
    ["192.168.0.0/16", "inside"],
  ])("%j is refused: %s", (cidr, words) => {
    const refusal = catchRefusal(() => readSubnets([subnet(), subnet({ name: "two", cidr })], vpc));
    expect(refusal.kind).toBe("subnet-cidr-invalid");
    expect(refusal.message).toContain("subnet two");
    expect(refusal.message).toContain(words);
  });

  test.each([["10.1.1.0/24"], ["10.1.1.128/25"], ["10.1.0.0/16"]])("%s overlaps another", (cidr) => {
    const requests = [subnet({ name: "a", cidr: "10.1.9.0/24" }), subnet(), subnet({ name: "b", cidr })];
    const refusal = catchRefusal(() => readSubnets(requests, vpc));
    expect(refusal.kind).toBe("subnet-conflict");
    expect(refusal.message).toMatch(/^subnets 10\.1\.\S+ and 10\.1\.\S+ overlap$/);
  });

  test("neighbours are apart, in any order", () => {
    const blocks = ["10.1.2.0/24", "10.1.0.0/24", "10.1.1.0/24"];
    const read = readSubnets(
      blocks.map((cidr) => subnet({ cidr, name: cidr })),
      vpc,
    );
    expect(read.map(({ cidr }) => cidr)).toEqual(blocks);
  });

  test.each(["", "n".repeat(61), "a\nb"])("%j is no name", (name) => {
    expect(catchRefusal(() => readSubnets([subnet({ name })], vpc)).kind).toBe("subnet-name-invalid");
  });

  test("a name is there once", () => {
    const refusal = catchRefusal(() => readSubnets([subnet(), subnet({ cidr: "10.1.2.0/24" })], vpc));
    expect(refusal.kind).toBe("subnet-name-invalid");
    expect(refusal.message).toContain("one");
  });

  test.each(["1", "100001", "ap-guangzhou-1", "rack-b"])("%s is a zone", (zone) => {
    expect(readSubnets([subnet({ zone })], vpc)).toMatchObject([{ zone }]);
  });

  test.each(["0", "-1", "1.5", "1000000000", "a b", "Zone", "a_b", "'; --", "z".repeat(64)])("%j is none", (zone) => {
    expect(catchRefusal(() => readSubnets([subnet({ zone })], vpc)).kind).toBe("zone-not-found");
  });
});
