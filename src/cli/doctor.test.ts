import { expect, it } from "vitest";
import { formatReport } from "./doctor.ts";

it("the report is aligned, with what mends a check beneath it", () => {
  const checks = [
    { name: "node", status: "ok", found: "Node.js 24.21.0." },
    { name: "gateways", status: "warn", found: "One does not run." },
    { name: "tun", status: "fail", found: "There is none.", fix: "Run `modprobe tun`." },
  ] as const;
  expect(formatReport({ ok: false, checks })).toBe(
    [
      "ok    node      Node.js 24.21.0.",
      "warn  gateways  One does not run.",
      "fail  tun       There is none.",
      "                fix: Run `modprobe tun`.",
      "3 checks, 1 to look at, 1 failed.",
      "",
    ].join("\n"),
  );
});
