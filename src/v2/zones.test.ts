import { describe, expect, it } from "vitest";
import { readZone, showZone } from "./zones.ts";

describe("zones", () => {
  it.each([
    ["100001", "ap-guangzhou-1"],
    ["100003", "ap-guangzhou-3"],
    ["110001", "ap-shenzhen-fsi-1"],
    ["200001", "ap-shanghai-1"],
    ["300001", "ap-hongkong-1"],
    ["400001", "na-toronto-1"],
    ["700001", "ap-shanghai-fsi-1"],
    ["800001", "ap-beijing-1"],
  ])("%s is %s", (number, name) => {
    expect(readZone(name)).toBe(number);
    expect(readZone(number)).toBe(number);
    expect(showZone(number)).toEqual({ zoneId: Number(number), zone: name });
  });

  it.each([
    ["7", { zoneId: 7, zone: "" }],
    ["990001", { zoneId: 990_001, zone: "" }],
    ["rack-b", { zoneId: 0, zone: "rack-b" }],
    ["rack-1", { zoneId: 0, zone: "rack-1" }],
    ["ap-guangzhou", { zoneId: 0, zone: "ap-guangzhou" }],
    ["ap-guangzhou-0", { zoneId: 0, zone: "ap-guangzhou-0" }],
  ])("%s is the operator's own", (zone, shown) => {
    expect(readZone(zone)).toBe(zone);
    expect(showZone(zone)).toEqual(shown);
  });
});
