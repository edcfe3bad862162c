import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catchRefusal, isRefused } from "../../test/support/caught.ts";
import { formatAddress } from "./network.ts";
import { readPeerAddress } from "./user-gw.ts";

const anyPeer = { allowPrivate: true };
const publicPeer = { allowPrivate: false };

/** api-v2.md 9.5 once more, by octets. */
function isUnfit([a = 0, b = 0, c = 0, d = 0]: readonly number[]): boolean {
  if (a === 0 || a === 127 || a >= 224 || (a === 169 && b === 254)) return true;
  const host = a < 128 ? [b, c, d] : a < 192 ? [c, d] : [d];
  return host.every((octet) => octet === 0) || host.every((octet) => octet === 255);
}

function isPrivate([a = 0, b = 0]: readonly number[]): boolean {
  return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168);
}

describe("a peer gateway's address", () => {
  test.each(["183.60.249.39", "1.2.3.4", "126.0.0.1", "128.0.1.0", "191.255.0.255", "223.255.255.254", "198.51.100.2"])(
    "may be %s",
    (text) => {
      expect(readPeerAddress(text, publicPeer)).toBe(text);
    },
  );

  test.each([
    ["nothing", ""],
    ["a name", "peer.example"],
    ["IPv6", "2001:db8::1"],
    ["IPv4 inside IPv6", "::ffff:198.51.100.2"],
    ["a network", "198.51.100.2/32"],
    ["with blanks", " 198.51.100.2"],
    ["a short form", "198.51.2"],
    ["an octal form", "0306.51.100.2"],
  ])("may not be %s", (_what, text) => {
    const refusal = catchRefusal(() => readPeerAddress(text, anyPeer));
    expect(refusal).toMatchObject({ kind: "parameter-invalid", field: "address" });
    expect(refusal.message).toContain("dotted decimal");
  });

  test.each([
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["169.254.0.1", "link-local"],
    ["169.254.112.2", "link-local"],
    ["224.0.0.1", "multicast"],
    ["239.255.255.255", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "broadcast"],
  ])("may not be %s: %s", (text, words) => {
    const refusal = catchRefusal(() => readPeerAddress(text, anyPeer));
    expect(refusal).toMatchObject({ kind: "parameter-invalid", field: "address" });
    expect(refusal.message).toContain(words);
  });

  test.each([
    ["class A, zeros", "1.0.0.0"],
    ["class A, ones", "126.255.255.255"],
    ["class A, private", "10.0.0.0"],
    ["class B, zeros", "128.1.0.0"],
    ["class B, ones", "191.254.255.255"],
    ["class C, zeros", "192.0.2.0"],
    ["class C, ones", "223.255.255.255"],
  ])("may not be all zeros or all ones by class: %s", (_what, text) => {
    const refusal = catchRefusal(() => readPeerAddress(text, anyPeer));
    expect(refusal.message).toContain("by its class");
  });

  test.each(["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1"])("may be private, %s, if so set", (text) => {
    expect(readPeerAddress(text, anyPeer)).toBe(text);
    expect(catchRefusal(() => readPeerAddress(text, publicPeer)).message).toContain("private");
  });

  test.each(["9.255.255.254", "11.0.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "192.169.0.1"])(
    "is not private beside the private networks: %s",
    (text) => {
      expect(readPeerAddress(text, publicPeer)).toBe(text);
    },
  );

  test("is refused exactly where the rules, read octet by octet, refuse it", () => {
    const octet = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 255, 10, 127, 169, 172, 192, 254));
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), fc.boolean(), (octets, allowPrivate) => {
        const [a, b, c, d] = octets;
        const text = formatAddress(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
        const isWrong = isUnfit(octets) || (!allowPrivate && isPrivate(octets));
        expect(isRefused(() => readPeerAddress(text, { allowPrivate }))).toBe(isWrong);
      }),
      { numRuns: 500 },
    );
  });
});
