import { describe, expect, it } from "vitest";
import { judgeAppArmor, readDenials } from "./apparmor.ts";

const line = (verdict: string, profile: string, path: string) =>
  `[ 12.3] audit: type=1400 audit(1700000000.1:5): apparmor="${verdict}" operation="open" profile="${profile}" name="${path}" pid=7 comm="x" requested_mask="r" denied_mask="r"`;
const charon = "/usr/sbin/charon-systemd";
const conf = "/run/culvert/1f2e3d4c/gw1/strongswan.conf";

describe("AppArmor", () => {
  it("does not matter where it is not active", () => {
    expect(judgeAppArmor({ isActive: false, kernelLog: "" })).toMatchObject({ status: "ok" });
  });

  it("is quiet, or cannot be heard", () => {
    const others = [line("DENIED", "/usr/bin/man", "/x"), line("ALLOWED", charon, conf)].join("\n");
    expect(judgeAppArmor({ isActive: true, kernelLog: others })).toMatchObject({ status: "ok" });
    expect(judgeAppArmor({ isActive: true, kernelLog: undefined })).toMatchObject({ status: "warn" });
  });

  it("names what it denied, and the rule that allows it", () => {
    const kernelLog = [line("DENIED", charon, conf), line("DENIED", "/usr/bin/tcpdump", "/srv/x.pcap")];
    expect(readDenials(kernelLog.join("\n"))).toEqual([
      { profile: charon, path: conf },
      { profile: "/usr/bin/tcpdump", path: "/srv/x.pcap" },
    ]);
    const check = judgeAppArmor({ isActive: true, kernelLog: kernelLog[0] ?? "" });
    expect(check).toMatchObject({ status: "warn", found: expect.stringContaining(conf) });
    expect(check.fix).toContain("echo '/run/culvert/** rwk,' >>/etc/apparmor.d/local/usr.sbin.charon-systemd");
  });
});
