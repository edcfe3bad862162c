import { describe, expect, it } from "vitest";
import { tunnelMss, tunnelMtu } from "./mtu.ts";

/** What is on the public wire for a packet of so many bytes: AES, SHA1 and UDP around it (RFC 4303, 3948). */
function onTheWire(bytes: number): number {
  return 20 + 8 + 8 + 16 + Math.ceil((bytes + 2) / 16) * 16 + 12;
}

describe("the MTU of tunnels", () => {
  it.each([
    [1_500, 1_400, 1_360],
    [9_000, 1_400, 1_360],
    [1_450, 1_374, 1_334],
    [1_400, 1_326, 1_286],
    [576, 510, 470],
  ])("of a public network with %i is %i, and their MSS %i", (publicMtu, mtu, mss) => {
    expect(tunnelMtu(publicMtu)).toBe(mtu);
    expect(tunnelMss(publicMtu)).toBe(mss);
  });

  it("is the largest that fits, and not above charon's", () => {
    for (let publicMtu = 576; publicMtu <= 1_600; publicMtu += 1) {
      const mtu = tunnelMtu(publicMtu);
      expect(onTheWire(mtu)).toBeLessThanOrEqual(publicMtu);
      if (mtu < 1_400) expect(onTheWire(mtu + 1)).toBeGreaterThan(publicMtu);
    }
  });
});
