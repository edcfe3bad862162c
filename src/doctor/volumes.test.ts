import { expect, it } from "vitest";
import { judgeVolumes } from "./volumes.ts";

const small = (number: number) => ({ uid: `vpnx-${number}`, lifetimeKilobytes: 2_560, bandwidthMbps: 100 });

it("small volume lifetimes are warned of by name, a few of many", () => {
  expect(judgeVolumes([])).toMatchObject({ status: "ok" });
  expect(judgeVolumes([small(1)])).toEqual({
    name: "volumes",
    status: "warn",
    found:
      "At full speed these renew so often that packets are lost and tunnels may end: vpnx-1 (2560 KB, 0.2 s at 100 Mbit/s).",
    fix: "Give them a larger volume lifetime: 64000 KB or more at 100 Mbit/s.",
  });
  const many = judgeVolumes([1, 2, 3, 4, 5, 6, 7].map(small));
  expect(many.found).toMatch(/vpnx-5 \(.*\) and 2 more\.$/);
  expect(many.found).not.toContain("vpnx-6");
});

it("a database that cannot be read is another check's failure", () => {
  expect(judgeVolumes("x cannot be read")).toMatchObject({ status: "warn", found: "Not looked at: x cannot be read." });
});
