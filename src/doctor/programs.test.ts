import { describe, expect, it } from "vitest";
import { judgeLabPrograms, judgePrograms, judgeStrongswan, judgeTun } from "./programs.ts";

const there = (name: string) => ({ name, place: "path" as const });

describe("programs", () => {
  it("are there", () => {
    expect(judgePrograms([there("ip"), there("sysctl")])).toMatchObject({
      status: "ok",
      found: "ip and sysctl are there.",
    });
  });

  it("are listed as people do", () => {
    expect(judgePrograms(["ip", "nft", "sysctl"].map(there)).found).toBe("ip, nft and sysctl are there.");
  });

  it("fail when one is absent, and the packages are named", () => {
    const check = judgePrograms([{ name: "ip", place: "absent" }, there("sysctl")]);
    expect(check).toMatchObject({
      status: "fail",
      found: "There is no ip.",
      fix: expect.stringContaining("bootstrap.sh"),
    });
  });

  it("fail when PATH does not lead to one", () => {
    const check = judgePrograms([there("ip"), { name: "sysctl", place: "elsewhere" }]);
    expect(check).toMatchObject({ status: "fail", fix: expect.stringContaining("export PATH=$PATH:/usr/sbin:/sbin") });
  });

  it("of the lab only are a warning", () => {
    expect(judgeLabPrograms([there("tcpdump")])).toMatchObject({ status: "ok" });
    const check = judgeLabPrograms([{ name: "swanctl", place: "absent" }, there("tcpdump")]);
    expect(check).toMatchObject({ status: "warn", found: expect.stringContaining("lack swanctl;") });
  });
});

describe("strongSwan", () => {
  it("is installed, or the packages are named", () => {
    expect(judgeStrongswan(true)).toMatchObject({ status: "ok" });
    expect(judgeStrongswan(false)).toMatchObject({
      status: "fail",
      found: expect.stringContaining("strongSwan is not installed"),
      fix: "Run `sh scripts/bootstrap.sh dataplane` as root in Culvert's directory.",
    });
  });
});

describe("the TUN device", () => {
  it.each([
    [undefined, "ok", undefined],
    ["ENOENT", "fail", "modprobe tun"],
    ["ENODEV", "fail", "modprobe tun"],
    ["EPERM", "fail", "--device /dev/net/tun"],
  ])("%s: %s", (code, status, fix) => {
    expect(judgeTun(code)).toMatchObject({
      status,
      ...(fix === undefined ? {} : { fix: expect.stringContaining(fix) }),
    });
  });
});
