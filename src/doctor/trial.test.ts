import { describe, expect, it } from "vitest";
import { judgeTrial } from "./trial.ts";

describe("what has been tried", () => {
  it("is well when nothing is missing", () => {
    const found =
      "A packet crossed with each of the 12 pairs of cipher and hash, and phase 1 came up with each of 10 choices.";
    expect(judgeTrial([], true)).toEqual({ name: "packets", status: "ok", found });
  });

  it("names what fails, and the legacy provider only when it is that", () => {
    const des = ["des-cbc in phase 1", "des-cbc with md5 in phase 2"] as const;
    const withoutProvider = judgeTrial(des, false);
    expect(withoutProvider).toMatchObject({ status: "fail", fix: expect.stringContaining("legacy.so") });
    expect(withoutProvider.found).toContain(
      "cannot do des-cbc in phase 1, des-cbc with md5 in phase 2: charon has not",
    );
    for (const check of [judgeTrial(des, true), judgeTrial([...des, "md5 in phase 1"], false)]) {
      expect(check.status).toBe("fail");
      expect(check.found).not.toContain("legacy");
    }
  });

  it("says why nothing could be tried", () => {
    const check = judgeTrial("no tunnel between two charons came up", true);
    expect(check).toMatchObject({ status: "fail", found: expect.stringContaining("no tunnel between two charons") });
  });
});
