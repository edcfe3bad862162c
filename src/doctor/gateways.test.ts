import { describe, expect, it } from "vitest";
import type { PeekedVpnGw } from "../store/peek.ts";
import { judgeGateways } from "./gateways.ts";

const gateway = (id: number, difference: Partial<PeekedVpnGw> = {}): PeekedVpnGw => ({
  id,
  uid: `vpngw-${id}`,
  vpcId: 1,
  status: "running",
  failure: undefined,
  ...difference,
});
const none = new Set<number>();

describe("gateways", () => {
  it("are none, or all run", () => {
    expect(judgeGateways([], none, false)).toEqual([{ name: "gateways", status: "ok", found: "There are none." }]);
    expect(judgeGateways([gateway(1), gateway(2)], none, true)).toMatchObject([{ status: "ok" }]);
  });

  it("that failed show their reason", () => {
    const failure = "charon did not start in cv-1-gw2: no such plugin";
    const checks = judgeGateways([gateway(1), gateway(2, { status: "delivery-failed", failure })], none, true);
    expect(checks).toMatchObject([
      { name: "gateways", status: "warn", found: "Running: 1 of 2." },
      { name: "vpngw-2", status: "fail", found: `It could not be made to run: ${failure}.` },
    ]);
  });

  it.each([
    ["delivering", true, "warn", undefined],
    ["delivering", false, "warn", "culvert serve"],
    ["deleting", false, "warn", "culvert serve"],
    ["delete-failed", false, "fail", "culvert serve"],
    ["delete-failed", true, "fail", "tries again by itself"],
  ] as const)("%s, server here: %s: %s", (status, isServerHere, verdict, fix) => {
    const [, check] = judgeGateways([gateway(1, { status })], undefined, isServerHere);
    expect(check).toMatchObject({ name: "vpngw-1", status: verdict });
    if (fix === undefined) expect(check?.fix).toBeUndefined();
    else expect(check?.fix).toContain(fix);
  });

  it("whose charon is not there are told, with what to do when nobody else will", () => {
    const silent = new Set([1]);
    expect(judgeGateways([gateway(1)], silent, false)[1]).toMatchObject({ status: "warn", fix: expect.any(String) });
    expect(judgeGateways([gateway(1)], silent, true)[1]?.fix).toBeUndefined();
  });

  it("are not shown by the hundred", () => {
    const many = Array.from({ length: 100 }, (_, index) => gateway(index, { status: "delivery-failed" }));
    const checks = judgeGateways(many, none, true);
    expect(checks).toHaveLength(21);
    expect(checks[0]?.found).toBe("Running: 0 of 100; 20 of the others are shown.");
  });

  it("of a database that cannot be read are a failure", () => {
    expect(judgeGateways("no such table", undefined, false)).toMatchObject([{ status: "fail" }]);
  });
});
