import { describe, expect, test } from "vitest";
import { catchRefusal } from "../../test/support/caught.ts";
import { addMonths, readBandwidth } from "./vpn-gw.ts";

describe("a bandwidth", () => {
  test.each([5, 10, 20, 50, 100])("%d Mb/s is offered", (mbps) => {
    expect(readBandwidth(mbps)).toBe(mbps);
  });

  test.each([0, -5, 1, 6, 99, 101, 5.5])("%d Mb/s is not", (mbps) => {
    expect(catchRefusal(() => readBandwidth(mbps))).toMatchObject({
      kind: "parameter-invalid",
      field: "bandwidthMbps",
    });
  });
});

describe("calendar months later", () => {
  const china = 480;
  const at = (text: string) => Date.parse(`${text}+08:00`);

  test.each([
    ["2015-11-23T19:04:40", 1, "2015-12-23T19:04:40"],
    ["2015-11-23T19:04:40", 2, "2016-01-23T19:04:40"],
    ["2026-01-31T12:00:00", 1, "2026-02-28T12:00:00"],
    ["2028-01-31T12:00:00", 1, "2028-02-29T12:00:00"],
    ["2028-02-29T12:00:00", 12, "2029-02-28T12:00:00"],
    ["2026-03-31T12:00:00", 1, "2026-04-30T12:00:00"],
    ["2026-08-31T00:00:00", 36, "2029-08-31T00:00:00"],
    ["2026-02-28T23:59:59", 1, "2026-03-28T23:59:59"],
    // Still the day before in UTC, and in another month.
    ["2026-01-31T00:30:00", 1, "2026-02-28T00:30:00"],
    ["2026-03-01T07:59:59", 1, "2026-04-01T07:59:59"],
    ["2026-12-31T07:00:00", 2, "2027-02-28T07:00:00"],
  ])("%s and %d is %s", (from, months, until) => {
    expect(new Date(addMonths(at(from), months, china))).toEqual(new Date(at(until)));
  });

  test("are those of the zone", () => {
    const from = Date.parse("2026-01-30T23:00:00Z");
    expect(new Date(addMonths(from, 1, 0))).toEqual(new Date("2026-02-28T23:00:00Z"));
    expect(new Date(addMonths(from, 1, 60))).toEqual(new Date("2026-02-27T23:00:00Z"));
    expect(new Date(addMonths(from, 1, -720))).toEqual(new Date("2026-02-28T23:00:00Z"));
  });
});
