import { expect, it } from "vitest";
import { isOutrun, secondsOfVolume } from "./volume.ts";

it("a volume of 2560 KB is up to 500 packets of 1000 bytes a second, and to no more", () => {
  const mbps = (500 * 1_000 * 8) / 1_000_000;
  expect(isOutrun(2_560, mbps)).toBe(false);
  expect(isOutrun(2_560, mbps * 1.01)).toBe(true);
  expect(secondsOfVolume(2_560, mbps)).toBeCloseTo(5.12);
});

it("the volume of the defaults is up to every bandwidth, the smallest to none", () => {
  for (const bandwidth of [5, 10, 20, 50, 100]) {
    expect(isOutrun(1_843_200, bandwidth)).toBe(false);
    expect(isOutrun(2_560, bandwidth)).toBe(true);
  }
});
