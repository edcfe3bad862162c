import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catchRefusal } from "../../test/support/caught.ts";
import { contains, formatNetwork, networkAt, parseAddress } from "./network.ts";
import { gatewayAddress, maxGatewaySlots, readVpcCidr } from "./vpc.ts";

describe("a VPC's block", () => {
  test.each([
    ["10.0.0.0/16", "10.0.0.0/16"],
    ["10.255.255.240/28", "10.255.255.240/28"],
    ["10.100.2.7/24", "10.100.2.0/24"],
    ["172.16.0.0/16", "172.16.0.0/16"],
    ["172.31.255.0/24", "172.31.255.0/24"],
    ["192.168.0.0/16", "192.168.0.0/16"],
  ])("%s is taken as %s", (text, stored) => {
    expect(formatNetwork(readVpcCidr(text))).toBe(stored);
  });

  test.each([
    ["", "a network"],
    ["10.0.0.0", "a network"],
    [" 10.0.0.0/16", "a network"],
    ["10.0.0.0/15", "/16 to /28"],
    ["10.0.0.0/8", "/16 to /28"],
    ["10.0.0.0/29", "/16 to /28"],
    ["10.0.0.1/32", "/16 to /28"],
    ["11.0.0.0/16", "inside"],
    ["9.255.0.0/16", "inside"],
    ["172.15.0.0/16", "inside"],
    ["172.32.0.0/16", "inside"],
    ["192.167.0.0/16", "inside"],
    ["192.169.0.0/16", "inside"],
    ["198.51.100.0/24", "inside"],
  ])("%j is refused: %s", (text, words) => {
    const refusal = catchRefusal(() => readVpcCidr(text));
    expect(refusal).toMatchObject({ kind: "vpc-cidr-invalid", field: "cidr" });
    expect(refusal.message).toContain(words);
  });
});

describe("addresses of a VPC's gateways", () => {
  test("the first gateway has the first address, the others the last ones", () => {
    const slots = [0, 1, 2, 11];
    const addresses = slots.map((slot) => gatewayAddress("10.1.2.0/24", slot));
    expect(addresses).toEqual(["10.1.2.1", "10.1.2.254", "10.1.2.253", "10.1.2.244"]);
  });

  test("are all different, inside the VPC, and neither its network nor its broadcast nor the laboratory host's", () => {
    const anyVpc = fc
      .tuple(fc.integer({ min: 0x0a00_0000, max: 0x0aff_ffff }), fc.integer({ min: 16, max: 28 }))
      .map(([address, prefixLength]) => networkAt(address, prefixLength));
    fc.assert(
      fc.property(anyVpc, (vpc) => {
        const taken = Array.from({ length: maxGatewaySlots }, (_, slot) =>
          parseAddress(gatewayAddress(formatNetwork(vpc), slot)),
        );
        expect(new Set(taken).size).toBe(maxGatewaySlots);
        for (const address of taken) {
          expect(contains(vpc, networkAt(address ?? 0, 32))).toBe(true);
          expect([vpc.first, vpc.first + 2, vpc.last]).not.toContain(address);
        }
      }),
    );
  });
});
