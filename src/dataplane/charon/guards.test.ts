import { describe, expect, it } from "vitest";
import { commandsForGuards, type Rule } from "./guards.ts";

const own: Rule[] = [
  { priority: 210, src: "all", iif: "wan0", action: "blackhole" },
  { priority: 215, src: "all", dst: "10.0.0.0", dstlen: 16, table: "main" },
  { priority: 230, src: "all", iif: "lan0", action: "blackhole" },
];
const others: Rule[] = [
  { priority: 0, src: "all", table: "local" },
  { priority: 220, src: "all", table: "220" },
  { priority: 32766, src: "all", table: "main" },
];

describe("commandsForGuards", () => {
  it("adds all three where there are none", () => {
    expect(commandsForGuards("10.0.0.0/16", "userspace", others)).toEqual([
      "rule add priority 210 from all iif wan0 blackhole",
      "rule add priority 215 from all to 10.0.0.0/16 lookup main",
      "rule add priority 230 from all iif lan0 blackhole",
    ]);
  });

  it("lets in what is for the VPC where the kernel deciphers, and nothing else from the public side", () => {
    const wanted = [
      "rule add priority 216 from all iif wan0 blackhole",
      "rule add priority 215 from all to 10.0.0.0/16 lookup main",
      "rule add priority 230 from all iif lan0 blackhole",
    ];
    expect(commandsForGuards("10.0.0.0/16", "kernel", others)).toEqual(wanted);
    expect(commandsForGuards("10.0.0.0/16", "kernel", [...others, ...own])).toEqual([
      wanted[0],
      "rule del priority 210 from all iif wan0 blackhole",
    ]);
  });

  it("adds nothing twice, for the kernel refuses it", () => {
    expect(commandsForGuards("10.0.0.0/16", "userspace", [...others, ...own])).toEqual([]);
  });

  it("adds the one that is missing", () => {
    const rules = [...others, ...own].filter((rule) => rule.priority !== 230);
    expect(commandsForGuards("10.0.0.0/16", "userspace", rules)).toEqual([
      "rule add priority 230 from all iif lan0 blackhole",
    ]);
  });

  it("takes away what is not right, after it has added what is", () => {
    expect(commandsForGuards("10.1.0.0/16", "userspace", own)).toEqual([
      "rule add priority 215 from all to 10.1.0.0/16 lookup main",
      "rule del priority 215 from all to 10.0.0.0/16 lookup main",
    ]);
  });

  it("leaves a network of one address as `ip` shows it", () => {
    const rule = { priority: 215, src: "10.9.9.9", dst: "10.0.0.9", oif: "eth0", table: "220" };
    expect(commandsForGuards("10.0.0.0/16", "userspace", [...own, rule])).toEqual([
      "rule del priority 215 from 10.9.9.9 to 10.0.0.9 oif eth0 lookup 220",
    ]);
  });
});
