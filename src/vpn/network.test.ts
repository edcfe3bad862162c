import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  contains,
  formatAddress,
  formatNetwork,
  type Network,
  netmasks,
  networkAt,
  overlap,
  parseAddress,
  parseNetwork,
  reservedReason,
  storedNetwork,
} from "./network.ts";

const anyAddress = fc.integer({ min: 0, max: 0xffff_ffff });
const anyNetwork = fc
  .tuple(anyAddress, fc.integer({ min: 0, max: 32 }))
  .map(([address, prefixLength]) => networkAt(address, prefixLength));

/** Networks of at most eight addresses among sixteen, so that overlaps are common and every address can be looked at. */
const smallNetwork = fc
  .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 29, max: 32 }))
  .map(([address, prefixLength]) => networkAt(address, prefixLength));

function addressesOf({ first, last }: Network): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe("an address", () => {
  test.each([
    ["0.0.0.0", 0],
    ["10.0.0.1", 0x0a00_0001],
    ["127.255.255.255", 0x7fff_ffff],
    ["128.0.0.0", 0x8000_0000],
    ["255.255.255.255", 0xffff_ffff],
  ])("%s is a number", (text, number) => {
    expect(parseAddress(text)).toBe(number);
    expect(formatAddress(number)).toBe(text);
  });

  test("comes back as the text it was", () => {
    fc.assert(fc.property(anyAddress, (address) => parseAddress(formatAddress(address)) === address));
  });

  test.each([
    "",
    " ",
    "10",
    "10.1",
    "10.0.1",
    "10.0.0.0.1",
    "10.0.0.",
    ".10.0.0.1",
    "10..0.1",
    "10.0.0.256",
    "10.0.0.999999999999",
    "010.0.0.1",
    "10.0.0.01",
    "10.0.0.00",
    "0x0a.0.0.1",
    "10.0.0.0x1",
    "167772161",
    "0x0a000001",
    "+10.0.0.1",
    "-10.0.0.1",
    "1e1.0.0.1",
    " 10.0.0.1",
    "10.0.0.1 ",
    "10.0.0.1\n",
    "10.0.0.1\0",
    "10,0,0,1",
    "10.0.0.1/32",
    "10.0.0.1:500",
    "١٠.٠.٠.١",
    "１０.0.0.1",
    "::1",
    "::ffff:10.0.0.1",
    "localhost",
  ])("is not %j", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test("is read from no text but its own spelling", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,15}$/)), (text) => {
        const address = parseAddress(text);
        return address === undefined || formatAddress(address) === text;
      }),
    );
  });
});

describe("a network", () => {
  test.each([
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.56.20.1/24", "10.56.20.0/24"],
    ["172.123.10.5/16", "172.123.0.0/16"],
    ["255.255.255.255/1", "128.0.0.0/1"],
    ["203.0.113.7/32", "203.0.113.7/32"],
    ["203.0.113.7/31", "203.0.113.6/31"],
    ["1.2.3.4/0", "0.0.0.0/0"],
  ])("%s is kept as %s, its host bits cut off", (text, stored) => {
    const network = parseNetwork(text);
    expect(network && formatNetwork(network)).toBe(stored);
  });

  test.each([
    "",
    "/",
    "/8",
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/128",
    "10.0.0.0/-1",
    "10.0.0.0/+8",
    "10.0.0.0/08",
    "10.0.0.0/00",
    "10.0.0.0/8.0",
    "10.0.0.0/1e1",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/8/8",
    "10.0.0.0 /8",
    "10.0.0.0/ 8",
    "10.0.0.0/8 ",
    "10.0.0.0/8\n",
    "10.0.0/8",
    "10/8",
    "010.0.0.0/8",
    "256.0.0.0/8",
    "0x0a.0.0.0/8",
    "::/0",
    "default",
  ])("is not %j", (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });

  test("comes back as the text it was, and begins and ends where it should", () => {
    fc.assert(
      fc.property(anyAddress, fc.integer({ min: 0, max: 32 }), (address, prefixLength) => {
        const network = networkAt(address, prefixLength);
        expect(parseNetwork(formatNetwork(network))).toEqual(network);
        expect(network.last - network.first + 1).toBe(2 ** (32 - prefixLength));
        expect(network.first <= address && address <= network.last).toBe(true);
        expect(parseNetwork(`${formatAddress(address)}/${prefixLength}`)).toEqual(network);
      }),
    );
  });

  test("of our own that cannot be read is a fault", () => {
    expect(storedNetwork("10.0.0.0/16").prefixLength).toBe(16);
    expect(() => storedNetwork("10.0.0.0/33")).toThrow(TypeError);
  });
});

describe("two networks", () => {
  test("overlap when they share an address", () => {
    fc.assert(
      fc.property(smallNetwork, smallNetwork, (a, b) => {
        const others = addressesOf(b);
        expect(overlap(a, b)).toBe(addressesOf(a).some((address) => others.includes(address)));
      }),
    );
  });

  test("hold one another when every address of one is in the other", () => {
    fc.assert(
      fc.property(smallNetwork, smallNetwork, (a, b) => {
        const own = addressesOf(a);
        expect(contains(a, b)).toBe(addressesOf(b).every((address) => own.includes(address)));
      }),
    );
  });

  test("nest or are apart", () => {
    fc.assert(fc.property(anyNetwork, anyNetwork, (a, b) => overlap(a, b) === (contains(a, b) || contains(b, a))));
  });

  test("are compared without sign: the upper half of the address space is not below the lower", () => {
    const [low, high] = [storedNetwork("1.0.0.0/8"), storedNetwork("200.0.0.0/8")];
    expect(overlap(low, high)).toBe(false);
    expect(overlap(storedNetwork("0.0.0.0/0"), high)).toBe(true);
    expect(contains(storedNetwork("128.0.0.0/1"), high)).toBe(true);
    expect(contains(storedNetwork("0.0.0.0/1"), high)).toBe(false);
  });
});

describe("netmasks", () => {
  test("are one for each length, and cut an address to where the network around it begins", () => {
    expect(netmasks.length).toBe(33);
    fc.assert(
      fc.property(anyNetwork, fc.integer({ min: 0, max: 32 }), ({ first }, length) => {
        const mask = netmasks[length] ?? Number.NaN;
        expect((first & mask) >>> 0).toBe(networkAt(first, length).first);
      }),
    );
  });

  test("find the start of any network that contains another", () => {
    fc.assert(
      fc.property(anyNetwork, fc.integer({ min: 0, max: 32 }), (inner, length) => {
        const outer = networkAt(inner.first, length);
        fc.pre(contains(outer, inner));
        return netmasks.some((mask) => (inner.first & mask) >>> 0 === outer.first);
      }),
    );
  });
});

describe("as one end of a policy", () => {
  test.each([
    ["0.0.0.0/0", "every address"],
    ["0.0.0.0/1", "unspecified"],
    ["0.0.0.0/8", "unspecified"],
    ["0.1.2.0/24", "unspecified"],
    ["127.0.0.1/32", "loopback"],
    ["126.0.0.0/7", "loopback"],
    ["224.0.0.0/24", "multicast"],
    ["239.255.255.255/32", "multicast"],
    ["192.0.0.0/2", "multicast"],
    ["240.0.0.0/5", "reserved"],
    ["255.255.255.255/32", "broadcast"],
  ])("%s is unfit: %s", (text, words) => {
    expect(reservedReason(storedNetwork(text))).toContain(words);
  });

  test.each(["1.0.0.0/8", "10.0.0.0/8", "126.0.0.0/8", "128.0.0.0/2", "172.123.0.0/16", "223.255.255.255/32"])(
    "%s is fit",
    (text) => {
      expect(reservedReason(storedNetwork(text))).toBeUndefined();
    },
  );
});
