import { describe, expect, it } from "vitest";
import { judgeEsp } from "./esp.ts";

const userspace = { plugins: ["kernel-libipsec"], hasTun: true };
const inKernel = { plugins: ["kernel-netlink"], hasTun: false };
const there = { kind: "there" } as const;
const absent = { kind: "absent" } as const;
const unknown = { kind: "unknown", reason: "no right" } as const;

describe("ESP", () => {
  it.each([
    ["auto", there, inKernel, "ok", "In the kernel."],
    ["kernel", there, inKernel, "ok", "In the kernel."],
    ["auto", absent, userspace, "ok", "this kernel has no ESP"],
    ["userspace", there, userspace, "ok", "network.esp says so; this kernel has ESP"],
    ["auto", unknown, userspace, "warn", "cannot be told (no right)"],
    ["kernel", absent, userspace, "fail", "network.esp is kernel; this kernel has no ESP"],
    ["kernel", unknown, userspace, "fail", "cannot be told (no right)"],
  ] as const)("with network.esp %s on a kernel of which is known %o", (wish, kernel, charon, status, words) => {
    expect(judgeEsp(wish, kernel, charon)).toMatchObject({ status, found: expect.stringContaining(words) });
  });

  it("in userspace does not work without the plugin or its TUN", () => {
    expect(judgeEsp("auto", absent, { ...userspace, plugins: ["kernel-netlink"] })).toMatchObject({ status: "fail" });
    expect(judgeEsp("auto", absent, { ...userspace, hasTun: false })).toMatchObject({ status: "fail" });
  });
});
