import { describe, expect, it } from "vitest";
import { judgeEsp, readRefusal } from "./esp.ts";

const userspace = { plugins: ["kernel-libipsec"], hasTun: true };

describe("the kernel's answer to a security association", () => {
  it.each([
    ["RTNETLINK answers: Protocol not supported\n", "absent"],
    ["Error: Requested type not found.\n", "absent"],
    ["RTNETLINK answers: Operation not permitted\n", "unknown"],
  ])("%j means %s", (text, kind) => {
    expect(readRefusal(text)).toMatchObject({ kind });
  });
});

describe("ESP", () => {
  it.each([
    [{ kind: "absent" } as const, "this kernel has no ESP"],
    [{ kind: "there" } as const, "this kernel has ESP too, and it is not used"],
    [{ kind: "unknown", reason: "no right" } as const, "cannot be told (no right)"],
  ])("is in userspace whatever the kernel has (%o)", (kernel, words) => {
    const { status, found } = judgeEsp(kernel, userspace);
    expect(status).toBe("ok");
    expect(found).toContain("In userspace");
    expect(found).toContain(words);
  });

  it("does not work without the plugin or its TUN, even if the kernel has it", () => {
    const kernel = { kind: "there" } as const;
    expect(judgeEsp(kernel, { ...userspace, plugins: ["kernel-netlink"] })).toMatchObject({ status: "fail" });
    expect(judgeEsp(kernel, { ...userspace, hasTun: false })).toMatchObject({ status: "fail" });
  });
});
