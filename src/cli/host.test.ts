import { describe, expect, it } from "vitest";
import { parseCapacity, parseHostName, parseLabel } from "./host.ts";

describe("what stands on the command line for a host", () => {
  it("is a name as hosts have them", () => {
    for (const name of ["vpn1", "VPN1.example.org", "1", "a".repeat(63)]) expect(parseHostName(name)).toBe(name);
    for (const name of ["", "-a", "a-", "a b", "a..b", ".a", "a_b", "a".repeat(64), `${"a.".repeat(127)}`]) {
      expect(() => parseHostName(name)).toThrow("A host name such as vpn1.example.org is expected.");
    }
  });

  it("is a label and another one, each once", () => {
    expect(parseLabel("region=gz")).toEqual({ region: "gz" });
    expect(parseLabel("account=a=b c", { region: "gz" })).toEqual({ region: "gz", account: "a=b c" });
    for (const text of ["region", "=gz", "region=", "a b=c", "a=b\nc", `a=${"b".repeat(254)}`]) {
      expect(() => parseLabel(text)).toThrow("key=value is expected");
    }
    expect(() => parseLabel("region=bj", { region: "gz" })).toThrow("region was given already.");
  });

  it("is a number of gateways", () => {
    expect(["0", "1", "1000000"].map(parseCapacity)).toEqual([0, 1, 1_000_000]);
    for (const text of ["", "-1", "1.5", "1000001", "99999999", "ten"])
      expect(() => parseCapacity(text)).toThrow("A whole number");
  });
});
