import { describe, expect, it } from "vitest";
import { judgeListen } from "./listen.ts";

const at = "127.0.0.1:8080";

describe("the API's address", () => {
  it.each([
    ["free", undefined, "ok"],
    ["culvert", true, "ok"],
    ["culvert", undefined, "ok"],
    ["culvert", false, "warn"],
    ["taken", false, "fail"],
  ] as const)("%s, server here: %s: %s", (kind, isServerHere, status) => {
    expect(judgeListen(at, { kind }, isServerHere)).toMatchObject({ status, found: expect.stringContaining(at) });
  });

  it("names the error of an address that cannot be had", () => {
    const check = judgeListen(at, { kind: "unusable", code: "EADDRNOTAVAIL" }, false);
    expect(check).toMatchObject({ status: "fail", found: expect.stringContaining("EADDRNOTAVAIL") });
  });
});
