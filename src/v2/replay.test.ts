import { describe, expect, it } from "vitest";
import { ApiError } from "../errors.ts";
import { checkClock, ReplayMemory, type ReplayStamp, stampRequest } from "./replay.ts";

const skew = 7_200;
const now = 1_465_185_768;

function stampOf(mac: string, timestamp = now, secretId = "AKID1", nonce = "1"): ReplayStamp {
  return { secretId, timestamp, nonce, mac, expiresAt: timestamp + skew };
}

describe("checkClock", () => {
  it("lets a clock be off by the skew, in both directions", () => {
    for (const timestamp of [now - skew, now, now + skew]) {
      expect(() => checkClock(timestamp, now, skew)).not.toThrow();
    }
  });

  it.each([
    [now - skew - 1, "7201 s behind"],
    [now + skew + 1, "7201 s ahead of"],
    [-999_999_999_999_999, "behind"],
  ])("refuses %i", (timestamp, words) => {
    expect(() => checkClock(timestamp, now, skew)).toThrow(
      expect.objectContaining({ kind: "request-replayed", message: expect.stringContaining(words) }),
    );
    expect(() => checkClock(timestamp, now, skew)).toThrow(ApiError);
  });
});

describe("stampRequest", () => {
  it("is one stamp for all spellings of a signature", () => {
    const common = {
      action: "DescribeVpnConn",
      region: undefined,
      timestamp: now,
      nonce: "11886",
      secretId: "AKID1",
      signature: "as sent",
      signatureMethod: "sha1",
      token: undefined,
    } as const;
    const mac = Buffer.from("b4IjJw2bm2ONlV0SAIRV+m6gg6w=", "base64");
    const expected = {
      secretId: "AKID1",
      timestamp: now,
      nonce: "11886",
      mac: "b4IjJw2bm2ONlV0SAIRV+m6gg6w=",
      expiresAt: now + skew,
    };
    expect(stampRequest(common, mac, skew)).toEqual(expected);
    expect(stampRequest({ ...common, signature: "b4IjJw2bm2ONlV0SAIRV-m6gg6x" }, mac, skew)).toEqual(expected);
  });
});

describe("ReplayMemory", () => {
  it("admits a request once, until it has expired", () => {
    const memory = new ReplayMemory({ maxEntries: 10 });
    expect(memory.admit(stampOf("m1"), now)).toBe(true);
    expect(memory.admit(stampOf("m1"), now)).toBe(false);
    expect(memory.admit(stampOf("m1"), now + skew)).toBe(false);
    expect(memory.admit(stampOf("m1"), now + skew + 1)).toBe(true);
  });

  it("takes another signature or another key for another request, although the nonce is the same", () => {
    const memory = new ReplayMemory({ maxEntries: 10 });
    expect(memory.admit(stampOf("m1"), now)).toBe(true);
    expect(memory.admit(stampOf("m2"), now)).toBe(true);
    expect(memory.admit(stampOf("m1", now, "AKID2"), now)).toBe(true);
  });

  it("refuses a known signature whatever nonce and time were cut out of it", () => {
    const memory = new ReplayMemory({ maxEntries: 10 });
    expect(memory.admit(stampOf("m1"), now)).toBe(true);
    expect(memory.admit(stampOf("m1", now + 5, "AKID1", "77"), now)).toBe(false);
  });

  it("forgets the oldest expiry first when it is full", () => {
    const memory = new ReplayMemory({ maxEntries: 3 });
    expect(memory.admit(stampOf("young", now + 30), now)).toBe(true);
    expect(memory.admit(stampOf("old", now + 10), now)).toBe(true);
    expect(memory.admit(stampOf("middle", now + 20), now)).toBe(true);
    expect(memory.admit(stampOf("new", now + 40), now)).toBe(true);
    expect(memory.admit(stampOf("young", now + 30), now)).toBe(false);
    expect(memory.admit(stampOf("middle", now + 20), now)).toBe(false);
    expect(memory.admit(stampOf("old", now + 10), now)).toBe(true);
  });

  it("stays cheap under a flood with timestamps all over the skew", () => {
    const memory = new ReplayMemory({ maxEntries: 5_000 });
    const before = performance.now();
    for (let index = 0; index < 15_000; index += 1) {
      const timestamp = now - skew + ((index * 7_919) % (2 * skew));
      expect(memory.admit(stampOf(`m${index}`, timestamp), now)).toBe(true);
    }
    expect(memory.admit(stampOf("m14999", now - skew + ((14_999 * 7_919) % (2 * skew))), now)).toBe(false);
    expect(performance.now() - before).toBeLessThan(20_000);
  });
});
